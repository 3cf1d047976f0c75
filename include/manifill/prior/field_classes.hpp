#pragma once
/// \file
/// \brief Classes of training fields that one covariance does not fit: smooth ones and rough ones.
///
/// A mixture of Gaussian fields of one mean, x ~ sum_k p_k N(0, v_k S R_k S) with the points' standard
/// deviations S and correlations R_k that are the same everywhere (`multiscale`), fitted by classification
/// maximum likelihood (Celeux and Govaert 1992, Comput. Stat. Data Anal. 14:315, CEM): each field counts for
/// the class under which it is likeliest.

#include <cstdint>
#include <vector>

#include "manifill/prior/stationary.hpp"

namespace manifill::prior {

/// \brief One class.
struct FieldClass {
  double share = 0.0;                 ///< p_k, of the training fields
  double variance = 1.0;              ///< v_k, over that of all fields
  std::vector<double> correlation{};  ///< of R_k, as fit_stationary gives those of `multiscale`
};

/// \brief Fits `count` classes, smoothest first as they start from fields in order of their roughness;
/// likelihoods are those of at most 600 points. \throws Error(input) when there are fewer than 20 fields a
/// class
std::vector<FieldClass> fit_classes(const StandardFields& fields, std::int64_t count);

}  // namespace manifill::prior
