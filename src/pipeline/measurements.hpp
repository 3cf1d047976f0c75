#pragma once
// Sections [[measurement]]: what `measure` simulates and `reconstruct` takes back.

#include <functional>
#include <string>
#include <vector>

#include "manifill/base/config.hpp"
#include "manifill/measurement/operator.hpp"

namespace manifill::pipeline {

inline constexpr const char* kPoints = "points";  // the operator that samples a file's own places
inline constexpr int kImageDepth = 16;            // bits of an image that comes from no image

/// One measurement as it is configured.
struct MeasurementPart {
  std::string file{};      // made by `measure`, read by `reconstruct`
  std::string variable{};  // of it; empty: the only one
  std::vector<std::string> operators{};
  double noise = 0.0;            // standard deviation, units of the file; 0: none, or to be estimated
  std::string noise_variable{};  // of the file: a standard deviation for each cell
  Config options;                // of the section, keys without its name: those of the operators too
};

/// Options of the sections, with those of every operator.
std::vector<OptionSpec> measurement_specs();

/// \throws Error(usage) where there is none, one has no file, or its noise is stated twice
std::vector<MeasurementPart> measurement_parts(const Config& config);

/// Options of the sections where there is no file: the operators and theirs.
std::vector<OptionSpec> simulated_measurement_specs();

/// The operators of each section. \throws Error as OperatorRegistry::make
std::vector<measurement::OperatorPointer> simulated_measurements(const Config& config,
                                                                 const domain::Domain& domain);

/// What they are called, no two alike: "gaussian_blur width=600 + coarsen factor=4", "as it is". Of an
/// operator's options the first is named and those that are not at their default.
std::vector<std::string> simulated_names(const Config& config);

/// "gaussian_blur, coarsen", or "as it is".
std::string operators_text(const std::vector<std::string>& operators);

/// The same configuration without some of its keys. \param keep by the key as it is declared
Config narrowed(const Config& config, const std::function<bool(const std::string&)>& keep);

/// Whether a key is worth writing down: it is not of an operator that no measurement names.
bool of_used_operator(const Config& config, const std::string& key);

}  // namespace manifill::pipeline
