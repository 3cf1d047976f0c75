#pragma once
/// \file
/// \brief Pictures of a file, NetCDF, HEALPix in FITS, a mesh or a PNG image: of a plain one the field with
/// its gaps; of an imputed one what was observed, what was filled, the spread and some members.

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "manifill/io/gridded.hpp"
#include "manifill/plot/map.hpp"

namespace manifill::plot {

/// \brief What to draw of a file.
struct FileMapOptions {
  std::string variable{};                ///< empty: the only one that is not an ancillary of another
  std::string grid{};                    ///< file with the coordinates of cells, as GriddedVariable::open
  bool repair = false;                   ///< of the mesh of a mesh file, as GriddedVariable::open
  std::size_t extra = 0;                 ///< index over the dimensions other than time, latitude, longitude
  std::vector<std::size_t> members{};    ///< counted from 1
  bool members_required = false;         ///< throw when a member is not there instead of leaving it out
  std::string projection = "automatic";  ///< as named_projection
  std::optional<std::array<double, 3>>
      towards{};                              ///< of surfaces: as MapFigure::towards, its default when empty
  std::optional<std::array<double, 3>> up{};  ///< of surfaces: as MapFigure::up
  std::string title{};                        ///< empty: from long_name
  int width = 1600;                           ///< pixels
  PaletteKind palette = PaletteKind::automatic;
  std::optional<double> lowest{};  ///< ends of the values' colour scale, units of the file
  std::optional<double> highest{};
};

/// \brief A file opened for drawing.
class FileMap {
 public:
  /// \throws Error(input) when the file or variable cannot be drawn; Error(usage) on an extra index or member
  /// that is not there, a projection that is none, a projection of a surface or a direction of a map
  FileMap(const std::string& path, FileMapOptions options);

  [[nodiscard]] const io::GriddedVariable& variable() const { return variable_; }
  [[nodiscard]] bool imputed() const { return status_.has_value(); }
  /// \brief Sets the colour scales from these times (at most 200 of them, evenly), so that frames can be
  /// compared.
  void fix_scales(const std::vector<std::size_t>& times);
  /// \brief The figure of one time.
  [[nodiscard]] MapFigure figure(std::size_t time) const;

 private:
  void open_ancillaries();
  [[nodiscard]] bool observes_anything() const;
  [[nodiscard]] std::vector<double> field(const io::GriddedVariable& from, std::size_t extra,
                                          std::size_t time) const;
  /// As `field`, in the units of the colour bar.
  [[nodiscard]] std::vector<double> quantity(const io::GriddedVariable& from, std::size_t extra,
                                             std::size_t time) const;
  [[nodiscard]] std::optional<double> scaled(std::optional<double> end) const;

  FileMapOptions options_;
  io::GriddedVariable variable_;
  std::optional<io::GriddedVariable> status_{};
  bool shows_observed_ = false;  // some cells of the file are observed as they are
  std::optional<io::GriddedVariable> spread_{};
  std::vector<io::GriddedVariable> members_{};  // one of all members, or one for each
  std::optional<Projection> projection_{};
  double factor_ = 1.0;                // of the file's units to those drawn
  std::vector<ColourScale> scales_{};  // values, spread
};

/// \brief Units as print has them: "m s-1" with a superscript, "degC" with a degree sign; empty for "1".
std::string printed_units(const std::string& units);

}  // namespace manifill::plot
