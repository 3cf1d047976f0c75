#pragma once
/// \file
/// \brief Scores of images: peak signal-to-noise ratio and structural similarity.

#include <cstddef>

#include <Eigen/Core>

namespace manifill::verification {

/// \brief Peak signal-to-noise ratio, dB: 10 log10(range^2 / mean square error); infinite without an error.
/// \param range largest less smallest value that an image may have, > 0
double psnr(double mean_square, double range);

/// \brief Mean structural similarity (Wang et al. 2004, IEEE TIP 13, section III.C): windows of 11 x 11
/// pixels weighted by a Gaussian of standard deviation 1.5, K1 = 0.01, K2 = 0.03, moments of the weighted
/// population. The mean is over the windows that lie wholly within the image and hold no unknown pixel.
/// \param image, truth [row][column], NaN where unknown \param columns of a row \param range as in `psnr`
/// \return NaN when there is no such window
/// \throws Error(internal) when the sizes do not fit or the range is not positive
double ssim(const Eigen::VectorXd& image, const Eigen::VectorXd& truth, std::size_t columns, double range);

}  // namespace manifill::verification
