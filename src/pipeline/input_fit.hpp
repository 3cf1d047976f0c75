#pragma once
// How an input meets a model: interpolation, units, time, and what of its values a model may see.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "manifill/io/gridded.hpp"
#include "manifill/io/imputed_file.hpp"
#include "manifill/io/inspection.hpp"
#include "manifill/measurement/measurement.hpp"
#include "manifill/posterior/model.hpp"

namespace manifill::pipeline {

struct InputFit {
  /// [input cell][model point], over active points; rows of masked and unreachable cells are empty
  measurement::SparseMatrix operator_matrix{};
  std::vector<io::CellStatus> fixed{};  // [input cell], `masked` or `not_filled`, else `infilled`
  double unit_scale = 1.0;              // model = unit_scale * file + unit_offset
  double unit_offset = 0.0;
  double unresolved = 0.0;  // standard deviation of what cells hold beside the model's fields, its units
  std::vector<std::int64_t> index{};  // [time], absolute steps
  std::vector<double> season{};       // [time]
};

/// Checks that a model fits an input. \throws Error(input) naming file, variable and remedy: another
/// quantity, units of another dimension, grid beyond the model's, no dates where the model needs them
InputFit fit_input(const io::GriddedVariable& input, const posterior::Model& model);

/// Whether every cell that can be filled is a point of the model.
bool on_model_points(const InputFit& fit);

/// Memory a run needs, bytes: the model's factors of every season, one factorisation, the innovations of
/// coherent draws, one field's ensemble.
double impute_memory(const posterior::Model& model, const io::GriddedVariable& input, const InputFit& fit,
                     const io::MissingScan& scan, std::uint32_t members);

/// Observed values of one field on the model's grid.
struct UsableValues {
  std::vector<bool> seen{};  ///< [input cell]
  std::vector<double> y{};   ///< of the cells seen, the model's units
};

/// \throws Error(input) at a value that the model cannot know
UsableValues usable_values(const io::GriddedVariable& input, const InputFit& fit,
                           const posterior::Model& model, std::size_t time, const double* values);

}  // namespace manifill::pipeline
