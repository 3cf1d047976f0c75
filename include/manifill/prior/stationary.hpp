#pragma once
/// \file
/// \brief Correlations that are the same everywhere: by degree on the sphere, or of a Matern field on any
/// domain. For training fields that are too few to tell one place from another.

#include <cstdint>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "manifill/domain/domain.hpp"

namespace manifill::prior {

/// \brief What a correlation is fitted to.
struct StandardFields {
  const domain::Domain& domain;
  Eigen::MatrixXf values{};  ///< [point][field], zero mean, variance one where known, 0 where not
  Eigen::MatrixXf known{};   ///< [point][field], 1 or 0
  Eigen::VectorXd weight{};  ///< [field], not negative
};

/// \brief Registered names: `isotropic`, `matern`, `multiscale`.
std::vector<std::string> stationary_names();

/// \brief Parameters of a correlation by weighted least squares (Cressie 1985): the area-weighted products
/// of pairs of points by distance (up to 1,500 points) against the correlation's own.
///
/// `isotropic` (sphere only): shares a_l of the degrees, sum_l a_l P_l(cos gamma), a_l >= 0 (Schoenberg 1942:
/// all that is positive definite on the sphere), as a mixture of heat kernels, whose spectra are smooth:
/// degree by degree the fit would find a few, and call what the others hold impossible. Least squares without
/// negative shares (Lawson and Hanson 1974, chapter 23); what they leave of one is white. `matern`: range, km
/// or units of the points, and the share that is not white, of the field of prior/matern_field.hpp.
/// `multiscale`: shares of Matern correlations of smoothness 3/2 in straight distance, of ranges from half of
/// the points' spacing to ten times the domain, and what they leave is white. They are fitted to the
/// variogram by its own size, so that what is far smaller than the variance, as of neighbours, is fitted as
/// well as what is as large. \return [a_0, a_1, ...], [range, share], or [range_0, share_0, range_1, share_1,
/// ...] \throws Error(usage) for another name, or for `isotropic` off the sphere; Error(input) as
/// domain_laplacian
std::vector<double> fit_stationary(const std::string& name, const StandardFields& fields);

/// \brief The correlation with these parameters: [point][point], 1 on the diagonal. \throws Error(usage) for
/// another name; Error(input) for parameters that make none
Eigen::MatrixXd stationary_correlation(const std::string& name, const domain::Domain& domain,
                                       const std::vector<double>& parameters);

/// \brief `multiscale` with parameters of fit_stationary at a straight distance.
double multiscale_correlation(const std::vector<double>& parameters, double distance);

/// \brief \throws Error(input) where they are no parameters of `multiscale`
void require_multiscale(const std::vector<double>& parameters);

/// \brief At most so many of the points that some field knows, in a random order that is always the same, so
/// that no line of a grid is preferred.
std::vector<std::size_t> scattered_points(const StandardFields& fields, std::size_t most);

/// \brief Least squares |A x - b| with x >= 0 (Lawson and Hanson 1974, algorithm NNLS).
Eigen::VectorXd nonnegative_least_squares(const Eigen::MatrixXd& a, const Eigen::VectorXd& b);

}  // namespace manifill::prior
