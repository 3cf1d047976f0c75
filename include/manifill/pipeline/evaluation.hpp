#pragma once
/// \file
/// \brief Methods scored on fields some of whose known cells are withheld: what `manifill evaluate` and
/// benchmark programs share.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "manifill/posterior/gaussian_window.hpp"
#include "manifill/verification/scores.hpp"

namespace manifill::pipeline {

/// \brief One field, some of its known cells withheld, or seen through an operator only.
struct WithheldField {
  posterior::Window window{};    ///< what a model's samplers are given; empty without a model
  std::vector<bool> observed{};  ///< [point], of the field itself; nowhere through an operator
  /// [point], what is observed, units of `truth`; NaN elsewhere. Through an operator, to look at: at each
  /// point the measured value that weighs it most.
  Eigen::VectorXd values{};
  Eigen::VectorXd truth{};   ///< [point], NaN where unknown
  Eigen::VectorXd weight{};  ///< [point], area where scored, 0 elsewhere
};

/// \brief What a method says of a field, units of `truth`: members (one: a fill without uncertainty), or
/// Gaussian marginals.
struct Answer {
  Eigen::MatrixXd members{};  ///< [point][member]; empty: marginals
  Eigen::VectorXd mean{};     ///< [point], of marginals
  Eigen::VectorXd sd{};       ///< [point]
  double chi_square = 0.0;    ///< of the observations over its expectation, where a model says so
  double evaluations = 0.0;   ///< of the score network or flow, a member
  double gradients = 0.0;     ///< of these, how many were differentiated, a member
};

/// \brief A method by its name in tables.
struct Method {
  std::string name{};
  std::function<Answer(const WithheldField&)> answer{};
  double training = 0.0;  ///< seconds that went before, where known
};

/// \brief Scores of one answer. \param number of the field, which keys random numbers \throws Error as
/// FieldScorer
verification::FieldScores score_answer(const verification::FieldScorer& scorer, const Answer& answer,
                                       const WithheldField& field, std::int64_t number);

/// \brief What a method did on many fields.
struct MethodScores {
  std::string name{};
  std::vector<verification::FieldScores> fields{};  ///< [field], those with a scored cell
  double first = 0.0;     ///< seconds of the first field, which makes what later ones share
  double seconds = 0.0;   ///< a field, mean of all but the first; of the first where it is the only one
  double training = 0.0;  ///< as in `Method`
  double evaluations = 0.0;
  double gradients = 0.0;
};

/// \brief Lets a method answer and scores it, field after field; only the answers are timed. \throws Error as
/// score_answer and the method
MethodScores score_method(const Method& method, const verification::FieldScorer& scorer,
                          const std::vector<WithheldField>& fields);

}  // namespace manifill::pipeline
