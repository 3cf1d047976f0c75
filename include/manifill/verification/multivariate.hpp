#pragma once
/// \file
/// \brief Scores of the joint law of a field's cells: energy score, variogram score, diversity.

#include <array>
#include <cstddef>
#include <vector>

#include <Eigen/Core>

#include "manifill/base/random.hpp"
#include "manifill/domain/domain.hpp"

namespace manifill::verification {

/// \brief Pairs of points (i, j).
using Pairs = std::vector<std::array<std::size_t, 2>>;

/// \brief Energy score and the mean distance of two members, both in the units of the field.
struct EnergyScore {
  double score = 0.0;
  double diversity = 0.0;  ///< mean over pairs of members of their distance; NaN for one member
};

/// \brief Fair energy score, E|X - y| - E|X - X'| / 2 without the self pairs (Gneiting and Raftery 2007, JASA
/// 102, eq. 22; fair as in Ferro 2014), in the norm |d|^2 = sum_i w_i d_i^2 / sum_i w_i. One member: its
/// distance. \param members [point][member]; \param truth [point] \param weight [point], >= 0; points of
/// weight 0 are not looked at \throws Error(internal) on a size mismatch, without members or with no positive
/// weight
EnergyScore fair_energy_score(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth,
                              const Eigen::VectorXd& weight);

/// \brief Fair variogram score of order 1/2 (Scheuerer and Hamill 2015, MWR 143, eq. 11): mean over pairs of
/// (|y_i - y_j|^1/2 - mean_k |x_ki - x_kj|^1/2)^2 - s^2 / M, in the units of the field. Taking off the
/// sampling variance s^2 / M of the mean makes it unbiased in M; a good ensemble may score a little below
/// zero. One member: nothing is taken off. Pairs are weighted by w_i + w_j. \param members [point][member];
/// \param truth [point]; \param weight [point], >= 0; pairs with a 0 are left out \return NaN when no pair is
/// left \throws Error(internal) on a size mismatch
double fair_variogram_score(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth,
                            const Eigen::VectorXd& weight, const Pairs& pairs);

/// \brief Every pair of neighbours of a domain once, i < j.
Pairs neighbour_pairs(const domain::Domain& domain);

/// \brief `count` random pairs of points with positive weight that are at least `least_km` apart; fewer when
/// such pairs are rare (32 draws a pair are made). \param weight [point]; the points are equally likely
Pairs random_pairs(const domain::Domain& domain, const Eigen::VectorXd& weight, std::size_t count,
                   double least_km, RandomStream& random);

}  // namespace manifill::verification
