#pragma once
/// \file
/// \brief The imputation job: a gappy gridded NetCDF file in, a calibrated ensemble out (design contract,
/// section 4).

#include <memory>
#include <string>
#include <vector>

#include "manifill/base/config.hpp"
#include "manifill/io/gridded.hpp"
#include "manifill/io/imputed_file.hpp"
#include "manifill/io/inspection.hpp"
#include "manifill/posterior/sampler.hpp"

namespace manifill::pipeline {

/// \brief Declarations of the job's options, section [impute].
std::vector<OptionSpec> impute_specs();

/// \brief How an input meets a model: interpolation, units, time.
struct InputFit {
  /// [input cell][model point], over active points; rows of masked and unreachable cells are empty
  measurement::SparseMatrix operator_matrix{};
  std::vector<io::CellStatus> fixed{};  ///< [input cell], `masked` or `not_filled`, else `infilled`
  double unit_scale = 1.0;              ///< model = unit_scale * file + unit_offset
  double unit_offset = 0.0;
  double unresolved = 0.0;  ///< standard deviation of what cells hold beside the model's fields, its units
  std::vector<std::int64_t> index{};  ///< [time], absolute steps
  std::vector<double> season{};       ///< [time]
};

/// \brief Checks that a model fits an input. \throws Error(input) naming file, variable and remedy: another
/// quantity, units of another dimension, grid beyond the model's, no dates where the model needs them
InputFit fit_input(const io::GriddedVariable& input, const posterior::Model& model);

/// \brief Memory a run needs, bytes: the model's factors of every season, one factorisation, the innovations
/// of coherent draws, one field's ensemble.
double impute_memory(const posterior::Model& model, const io::GriddedVariable& input, const InputFit& fit,
                     const io::MissingScan& scan, std::uint32_t members);

/// \brief Runs the job. \return lines for the user: what was filled, warnings
/// \throws Error of every kind; Error(stopped) with a checkpoint on a signal or time limit
std::vector<std::string> run_impute(const Config& config);

}  // namespace manifill::pipeline
