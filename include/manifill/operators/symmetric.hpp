#pragma once
/// \file
/// \brief Helpers for symmetric matrices of which one triangle was computed.

#include <Eigen/Core>

namespace manifill::operators {

/// \brief Copies the lower triangle into the upper one, tile by tile so that both sides stay in the cache.
/// \param matrix [row][column], square
void mirror_lower(Eigen::Ref<Eigen::MatrixXf> matrix);

/// \brief Copies the upper triangle into the lower one.
void mirror_upper(Eigen::Ref<Eigen::MatrixXf> matrix);

}  // namespace manifill::operators
