#pragma once
/// \file
/// \brief What a file is, what of it can be filled, what is missing, and which models fit: `manifill
/// inspect`.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "manifill/base/error.hpp"
#include "manifill/domain/domain.hpp"
#include "manifill/io/gridded.hpp"

namespace manifill::io {

/// \brief What of a model decides whether it fits a file; the caller reads it from the model files.
struct ModelCard {
  std::string path{};
  std::string name{};
  std::string variable{};
  std::string units{};
  std::string standard_name{};
  domain::Domain domain;
  double plausible_low = 0.0;  ///< range of values that impute accepts, in `units`; equal ends: unknown
  double plausible_high = 0.0;
  std::size_t training_fields = 600;
  std::size_t window_steps = 1;
  std::size_t season_bins = 1;
  std::string step{};          ///< of its time: "day", "month" or "none"; empty: unknown, not compared
  bool seasonal = false;       ///< its climatology follows the season
  std::vector<char> active{};  ///< [point], nonzero where it ever has values; empty: everywhere
};

/// \brief What is missing from a variable, found by reading it once.
struct MissingScan {
  std::size_t observed = 0;  ///< values
  std::size_t missing = 0;
  std::size_t static_missing =
      0;                ///< of those: in cells that are missing at all times (0 with one time only)
  double lowest = 0.0;  ///< of the observed values; 0 without any
  double highest = 0.0;
  std::vector<double> cell_lowest{};    ///< [cell], of the observed values; infinity where there are none
  std::vector<double> cell_highest{};   ///< [cell]; minus infinity where there are none
  std::size_t most_observed = 0;        ///< values of one field
  std::vector<double> missing_share{};  ///< [time], over all cells and extra indices
  std::size_t masks = 0;                ///< different patterns of missing cells
  bool static_mask = false;             ///< something is missing, and the same cells at all times
  [[nodiscard]] double share() const {
    return static_cast<double>(missing) / static_cast<double>(observed + missing);
  }
};

/// \brief Reads a variable, one field at a time. \throws Error(input) at the first infinite value; Error(io);
/// Error(stopped) when a stop is asked for
MissingScan scan_missing(const GriddedVariable& variable);

/// \brief What impute and inspect refuse alike, whatever the model.
/// \throws Error(input): units unknown to udunits, imputed before, infinite values, everything missing, a
/// constant field
void check_fillable(const GriddedVariable& variable);
/// \brief The same with a scan at hand.
void check_fillable(const GriddedVariable& variable, const MissingScan& scan);

/// \brief What impute and inspect refuse alike of a model and a file: another standard_name, units of another
/// dimension. \return scale and offset, model = scale * file + offset \throws Error(input)
std::pair<double, double> check_quantity(const GriddedVariable& variable, const ModelCard& model);
/// \brief The same of a variable that lies on no grid.
std::pair<double, double> check_quantity(const std::string& path, const VariableSummary& variable,
                                         const ModelCard& model);

/// \brief The same of times: none where the climatology follows the season, two in one step of the model or
/// backwards. \throws Error(input)
void check_times(const GriddedVariable& variable, const ModelCard& model);

/// \brief Whether places of one domain mean something on the other: both on the sphere, both surfaces, or the
/// same image.
bool share_space(const domain::Domain& a, const domain::Domain& b);

/// \brief The refusal of a grid that lies off the model's.
Error off_grid(const GriddedVariable& variable, const ModelCard& model);

/// \brief The refusal of a value, in the file's units, beyond what the model knows.
Error implausible(const GriddedVariable& variable, std::size_t time, std::size_t cell, double value,
                  const ModelCard& model);
/// \brief The same of a variable that lies on no grid. \param place as "[line 7]"
Error implausible(const std::string& path, const VariableSummary& variable, const std::string& place,
                  double value, const ModelCard& model);

/// \brief How a model meets a file.
struct ModelFit {
  std::string path{};
  std::string name{};
  bool readable = true;  ///< false: the model file is not one, and `reason` says what is wrong with it
  bool fits = false;
  std::string reason{};   ///< why not, in the words of impute; empty when it fits
  std::string refusal{};  ///< what() of the Error that impute would throw; empty when it fits
  double covered = 0.0;   ///< share of the file's grid points that lie on the model's grid
  double distance = 0.0;  ///< degrees of arc, largest from a point of the file's grid to the model's nearest
  double distance_km = 0.0;  ///< the same along the surface
};

/// \brief Compares quantity, units, grids, times and, with a scan, the range of values: by the checks
/// above. Of the values those count that impute would take as observations.
ModelFit fit_model(const GriddedVariable& variable, const MissingScan* scan, const ModelCard& model);

/// \brief What the memory of an imputation depends on. The defaults stand for a model that is not known yet.
struct MemoryNeed {
  std::size_t cells = 0;              ///< of the file's grid
  std::size_t model_points = 0;       ///< of the model's grid; 0: as many as cells
  std::size_t training_fields = 600;  ///< kept in the model
  std::size_t window_steps = 1;
  std::size_t season_bins = 1;
  std::size_t members = 32;
  std::size_t observed = 0;  ///< values of a step, at most; 0: as many as cells
  bool own_grid = true;      ///< the file's grid is the model's, row by row and column by column
};

/// \brief Memory of an imputation, bytes, to a factor of about two: libraries, covariances of windows (1 GiB
/// of them at most, or one), one factorisation in the space of the window's m observations, training fields,
/// innovations of coherent draws, one field's members.
///
/// On the model's own grid the factorisation takes 4 m^2; on another one, whose observations are combinations
/// of points, several matrices in double precision, at least 8 m^2 (WindowFactor).
double estimate_memory(const MemoryNeed& need);

/// \brief The grid of a variable for people.
struct GridFacts {
  /// "regular", "Gaussian", "irregular", "cells", "curvilinear", "projected", "surface",
  /// "image"
  std::string kind{};
  std::size_t cells = 0;      ///< points in all
  std::size_t latitudes = 0;  ///< rows; 0 of a list of cells
  std::size_t longitudes = 0;
  double first_latitude = 0.0;
  double last_latitude = 0.0;
  double first_longitude = 0.0;
  double last_longitude = 0.0;
  double latitude_step = 0.0;  ///< mean, degrees
  double longitude_step = 0.0;
  bool global = false;    ///< all round and from pole to pole
  bool periodic = false;  ///< all round
  std::size_t cyclic_columns = 0;
  std::string projection{};  ///< of a projected grid, for people; empty of any other
  double x_step = 0.0;       ///< mean, km, or degrees of a rotated pole
  double y_step = 0.0;
  bool plane_degrees = false;  ///< the steps are degrees
};

/// \brief The times of a variable for people.
struct TimeFacts {
  std::size_t count = 0;
  std::string first{};  ///< ISO date, empty without dates
  std::string last{};
  std::string step{};  ///< "monthly", "daily", "yearly", "every 5 days", "irregular"; empty with one time
  std::string calendar{};
  std::string units{};
};

/// \brief Something that only files of one form have: the nside of a HEALPix map, the triangles of a mesh.
struct FileFact {
  std::string name{};  ///< "nside", "column TEMPERATURE"
  std::string text{};
  std::optional<std::int64_t> number{};  ///< where it is one; `text` may say more
};

/// \brief Everything `manifill inspect` says.
struct Inspection {
  std::string path{};
  std::string format{};     ///< "NetCDF-4", "NetCDF classic", "HEALPix in FITS", "mesh", ...
  std::uint64_t bytes = 0;  ///< size of the file
  std::vector<FileFact> facts{};
  std::vector<VariableSummary> variables{};
  std::string variable{};  ///< the one looked at closely; empty when none could be chosen
  std::optional<GridFacts> grid{};
  std::optional<TimeFacts> time{};
  std::vector<std::pair<std::string, std::size_t>> extra{};  ///< other dimensions
  std::optional<MissingScan> missing{};
  std::size_t members = 0;
  double memory = 0.0;             ///< bytes, of a run with `members`; 0 when unknown
  std::vector<ModelFit> models{};  ///< fitting ones first, then the nearest
  std::vector<std::string> notes{};
  /// what() of the Error that impute would throw; with models of which none fits, of the nearest one's
  std::optional<std::string> refusal{};

  /// \brief Report for a terminal, UTF-8, lines of up to about 110 columns, no newline at the
  /// end.
  [[nodiscard]] std::string to_text() const;
  /// \brief The same facts; keys are those of the members, shares in [0, 1], memory in bytes.
  [[nodiscard]] std::string to_json() const;
};

/// \brief Looks at a file, and at one variable closely.
/// \param variable empty: the only one that can be filled \param grid, repair as GriddedVariable::open
/// \throws Error(input) or Error(io) when the file cannot be read at all; what only stops an imputation is in
/// `refusal`
Inspection inspect(const std::string& path, const std::string& variable, const std::vector<ModelCard>& models,
                   std::size_t members = 32, const std::string& grid = {}, bool repair = false);

/// \brief JSON in the report's place for a file that cannot be read: {"file", "error"}.
std::string error_json(const std::string& file, const std::string& error);

}  // namespace manifill::io
