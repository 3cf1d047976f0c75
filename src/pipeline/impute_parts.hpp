#pragma once
// What the jobs of imputation have in common, whatever their input's form.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include "manifill/base/config.hpp"
#include "manifill/io/inspection.hpp"
#include "manifill/measurement/measurement.hpp"
#include "manifill/pipeline/journal.hpp"
#include "manifill/posterior/model.hpp"
#include "manifill/posterior/sampler.hpp"

namespace manifill::pipeline {

inline constexpr const char* kConfigTail = ".toml";
inline constexpr const char* kDiagnosticsTail = ".diagnostics.csv";
inline constexpr const char* kCheckpointTail = ".manifill-checkpoint";
/// Share of an interpolation that must lie on points with a climatology, or its row counts as masked.
inline constexpr double kLeastActive = 0.5;

/// The output, then what is written beside it.
std::vector<std::string> files_to_write(const Config& c);

/// "4GiB", "500MB", "2e9" to bytes. \throws Error(usage)
double parse_memory(const std::string& text);

/// Takes points without a climatology out of an interpolation: the model's fields mean nothing there. A row
/// that loses such points shares its weight out among the others; a masked row is left empty; all others keep
/// their bits. \return [row], the share of its weight that lay on active points
Eigen::VectorXd restrict_to_active(measurement::SparseMatrix& a, const Eigen::VectorXd& active);

/// What of a model decides whether it fits an input.
io::ModelCard card_of(const posterior::Model& model);

/// How the times of a file are counted by a model: absolute steps and fractions of the year, [time]. \throws
/// Error(input) as io::check_times
std::pair<std::vector<std::int64_t>, std::vector<double>> steps_of(const io::GriddedVariable& input,
                                                                   const posterior::Model& model);

/// An ensemble on a model's points: mean, spread, status (infilled, or masked where the model knows nothing)
/// and, on request, the members. \throws Error(numerical) where a mean is not finite
FieldRecord record_of(const posterior::Ensemble& ensemble, const prior::Backbone& backbone, std::size_t extra,
                      std::size_t time, bool keep_members);

/// Warns of fields that the model finds strange. \return the diagnostics as CSV
std::string report_fields(const Journal& journal, std::size_t members);

}  // namespace manifill::pipeline
