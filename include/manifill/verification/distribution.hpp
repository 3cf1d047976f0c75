#pragma once
/// \file
/// \brief Distance between two laws of fields from draws of them: do fills look like truths?

#include <Eigen/Core>

namespace manifill::verification {

/// \brief Median over pairs of fields of their distance in the norm |d|^2 = sum_i w_i d_i^2 / sum_i w_i:
/// the usual width of a kernel (Gretton et al. 2012, section 8). \param fields [point][field]; \param weight
/// [point], >= 0; points of weight 0 are not looked at \return NaN for fewer than two fields \throws
/// Error(internal) on a size mismatch or with no positive weight
double median_distance(const Eigen::MatrixXd& fields, const Eigen::VectorXd& weight);

/// \brief Squared maximum mean discrepancy of two laws by the kernel exp(-|x - y|^2 / (2 width^2)) in the
/// norm of `median_distance`, unbiased (Gretton et al. 2012, JMLR 13, eq. 4): about zero, and below it half
/// of the time, where the laws are the same; at most 2.
///
/// The i-th fields of both are a pair, a fill and its truth, and may depend on each other; pairs are
/// independent. So no term compares the two of a pair.
/// \param first, second [point][pair]; \param weight [point], >= 0; \param width in the units of the fields
/// \return NaN for fewer than two pairs
/// \throws Error(internal) on a size mismatch, with no positive weight or no positive width
double squared_mmd(const Eigen::MatrixXd& first, const Eigen::MatrixXd& second, const Eigen::VectorXd& weight,
                   double width);

}  // namespace manifill::verification
