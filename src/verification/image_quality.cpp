#include "manifill/verification/image_quality.hpp"

#include <array>
#include <cmath>
#include <limits>

#include "manifill/base/error.hpp"

namespace manifill::verification {
namespace {

using Image = Eigen::Array<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr Eigen::Index kRadius = 5;
constexpr Eigen::Index kWidth = 2 * kRadius + 1;
constexpr double kSigma = 1.5;

std::array<double, kWidth> window_weights() {
  std::array<double, kWidth> weight{};
  double sum = 0.0;
  for (Eigen::Index k = 0; k < kWidth; ++k) {
    const double x = static_cast<double>(k - kRadius) / kSigma;
    weight[static_cast<std::size_t>(k)] = std::exp(-0.5 * x * x);
    sum += weight[static_cast<std::size_t>(k)];
  }
  for (double& w : weight) w /= sum;
  return weight;
}

/// Weighted sums over the windows within an image: one a window, the weights of a row times those of a
/// column.
Image over_windows(const Image& image, const std::array<double, kWidth>& weight) {
  const Eigen::Index rows = image.rows() - kWidth + 1;
  const Eigen::Index columns = image.cols() - kWidth + 1;
  Image along = Image::Zero(image.rows(), columns);
  for (Eigen::Index k = 0; k < kWidth; ++k)
    along += weight[static_cast<std::size_t>(k)] * image.middleCols(k, columns);
  Image out = Image::Zero(rows, columns);
  for (Eigen::Index k = 0; k < kWidth; ++k)
    out += weight[static_cast<std::size_t>(k)] * along.middleRows(k, rows);
  return out;
}

}  // namespace

double psnr(double mean_square, double range) { return 10.0 * std::log10(range * range / mean_square); }

double ssim(const Eigen::VectorXd& image, const Eigen::VectorXd& truth, std::size_t columns, double range) {
  const auto width = static_cast<Eigen::Index>(columns);
  if (image.size() != truth.size() || width == 0 || truth.size() % width != 0 || !(range > 0.0))
    throw Error(ErrorKind::internal, "an image and its truth differ in size, or have no range");
  const Eigen::Index height = truth.size() / width;
  if (height < kWidth || width < kWidth) return std::numeric_limits<double>::quiet_NaN();
  Image x = Eigen::Map<const Image>(image.data(), height, width);
  Image y = Eigen::Map<const Image>(truth.data(), height, width);
  const Image known = (x.isFinite() && y.isFinite()).cast<double>();
  // Variances are taken about one value for the whole image: those of large numbers keep their digits.
  const double level = (known > 0.0).select(y, 0.0).sum() / known.sum();
  x = (known > 0.0).select(x - level, 0.0);
  y = (known > 0.0).select(y - level, 0.0);
  const auto weight = window_weights();
  std::array<double, kWidth> ones{};
  ones.fill(1.0);
  const Image unknown = over_windows(1.0 - known, ones);
  const Image mx = over_windows(x, weight);
  const Image my = over_windows(y, weight);
  const Image vx = over_windows(x * x, weight) - mx * mx;
  const Image vy = over_windows(y * y, weight) - my * my;
  const Image vxy = over_windows(x * y, weight) - mx * my;
  const double c1 = std::pow(0.01 * range, 2);
  const double c2 = std::pow(0.03 * range, 2);
  const Image ax = mx + level;
  const Image ay = my + level;
  const Image similarity =
      (2.0 * ax * ay + c1) * (2.0 * vxy + c2) / ((ax * ax + ay * ay + c1) * (vx + vy + c2));
  const auto whole = unknown < 0.5;
  const auto windows = static_cast<double>(whole.count());
  return windows > 0.0 ? whole.select(similarity, 0.0).sum() / windows
                       : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace manifill::verification
