#include "manifill/verification/image_quality.hpp"

#include <cmath>

#include "catch.hpp"
#include "manifill/base/error.hpp"

using namespace manifill;
using namespace manifill::verification;

namespace {

constexpr Eigen::Index kRows = 17;
constexpr Eigen::Index kColumns = 23;

/// Two images in closed form, which tests/cli/evaluate_scores.py scores by scikit-image too.
Eigen::VectorXd wave(double level) {
  Eigen::VectorXd out(kRows * kColumns);
  for (Eigen::Index i = 0; i < kRows; ++i)
    for (Eigen::Index j = 0; j < kColumns; ++j)
      out[i * kColumns + j] =
          level + std::sin(0.5 * static_cast<double>(i)) * std::cos(0.3 * static_cast<double>(j)) +
          0.01 * static_cast<double>((7 * i + 3 * j) % 11);
  return out;
}

Eigen::VectorXd disturbed(double level) {
  Eigen::VectorXd out = wave(level);
  for (Eigen::Index k = 0; k < out.size(); ++k)
    out[k] = out[k] * 0.9 + 0.1 * static_cast<double>((5 * k) % 7);
  return out;
}

}  // namespace

TEST_CASE("SSIM is that of scikit-image", "[verification]") {
  // skimage.metrics.structural_similarity(a, b, data_range=2, gaussian_weights=True, sigma=1.5,
  // use_sample_covariance=False), version 0.19.3
  CHECK(ssim(disturbed(0.0), wave(0.0), 23, 2.0) == Approx(0.3344687820992838).margin(1e-9));
  // At a level of 1000 the reference takes differences of squares of it: fewer digits.
  CHECK(ssim(disturbed(1000.0), wave(1000.0), 23, 2.0) == Approx(0.8339903191215375).margin(1e-6));
}

TEST_CASE("SSIM of an image with itself is one, windows with unknown pixels are left out", "[verification]") {
  const Eigen::VectorXd truth = wave(0.3);
  CHECK(ssim(truth, truth, 23, 2.0) == Approx(1.0).margin(1e-12));
  Eigen::VectorXd image = truth;
  image[0] = 100.0;  // in the first window alone
  const double first = ssim(image, truth, 23, 2.0);
  CHECK(first < 1.0 - 1e-6);
  Eigen::VectorXd gappy = truth;
  gappy[0] = std::nan("");
  CHECK(ssim(image, gappy, 23, 2.0) == Approx(1.0).margin(1e-12));
  gappy[kRows / 2 * kColumns + kColumns / 2] = std::nan("");
  // All windows of 17 x 23 pixels that miss the middle: those of columns 0 to 10 and 12 to 22.
  image = truth;
  image[kColumns / 2] += 1.0;  // a column that only windows with the unknown pixel reach
  CHECK(ssim(image, gappy, 23, 2.0) == Approx(1.0).margin(1e-12));
  CHECK(std::isnan(ssim(Eigen::VectorXd::Zero(100), Eigen::VectorXd::Zero(100), 10, 1.0)));
  CHECK(std::isnan(ssim(truth, Eigen::VectorXd::Constant(truth.size(), std::nan("")), 23, 1.0)));
  CHECK_THROWS_AS(ssim(truth, truth, 22, 1.0), Error);
  CHECK_THROWS_AS(ssim(truth, truth, 23, 0.0), Error);
}

TEST_CASE("PSNR in decibels", "[verification]") {
  CHECK(psnr(0.01, 1.0) == Approx(20.0));
  CHECK(psnr(0.01, 2.0) == Approx(20.0 + 20.0 * std::log10(2.0)));
  CHECK(std::isinf(psnr(0.0, 1.0)));
}
