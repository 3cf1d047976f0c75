#include "manifill/measurement/measurement.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "manifill/measurement/point_sampling.hpp"

namespace manifill::measurement {
namespace {

constexpr double kCoincident = 1e-4;  // degrees

/// Position of a value on a monotonic axis: cell `index` and the share of the next point; `outside` in cells.
struct AxisPosition {
  std::size_t low = 0;
  std::size_t high = 0;
  double share = 0.0;
  double outside = 0.0;
};

AxisPosition locate(const std::vector<double>& axis, double value) {
  const std::size_t n = axis.size();
  if (n == 1) return {0, 0, 0.0, std::abs(value - axis[0])};
  const bool up = axis[1] > axis[0];
  const auto below = [up](double a, double b) { return up ? a < b : a > b; };
  const auto it = std::lower_bound(axis.begin(), axis.end(), value, below);
  const auto k = static_cast<std::size_t>(it - axis.begin());
  if (k == 0) return {0, 0, 0.0, std::abs(axis[0] - value) / std::abs(axis[1] - axis[0])};
  if (k == n) return {n - 1, n - 1, 0.0, std::abs(value - axis[n - 1]) / std::abs(axis[n - 1] - axis[n - 2])};
  return {k - 1, k, (value - axis[k - 1]) / (axis[k] - axis[k - 1]), 0.0};
}

AxisPosition locate_longitude(const domain::LatLonShape& s, double value) {
  const auto& axis = s.longitude;
  const double low = std::min(axis.front(), axis.back());
  const double unwrapped = low + std::fmod(std::fmod(value - low, 360.0) + 360.0, 360.0);
  if (!s.periodic) {
    // A target a little west of the first column unwraps to nearly a turn east of it.
    const AxisPosition east = locate(axis, unwrapped);
    const AxisPosition west = locate(axis, unwrapped - 360.0);
    return east.outside <= west.outside ? east : west;
  }
  const double high = std::max(axis.front(), axis.back());
  if (unwrapped <= high) return locate(axis, unwrapped);
  const std::size_t n = axis.size();
  const bool up = axis[1] > axis[0];
  const double gap = low + 360.0 - high;
  return {up ? n - 1 : 0, up ? 0 : n - 1, (unwrapped - high) / gap, 0.0};
}

double snap(double share, double step) {
  if (share * step < kCoincident) return 0.0;
  if ((1.0 - share) * step < kCoincident) return 1.0;
  return share;
}

}  // namespace

Measurement::Measurement(SparseMatrix a, Eigen::VectorXd sigma) : a_(std::move(a)), sigma_(std::move(sigma)) {
  if (a_.rows() != sigma_.size())
    throw Error(ErrorKind::internal, "a measurement of " + std::to_string(a_.rows()) + " rows has " +
                                         std::to_string(sigma_.size()) + " noise levels");
  for (Eigen::Index i = 0; i < sigma_.size(); ++i)
    if (!(std::isfinite(sigma_[i]) && sigma_[i] > 0.0))
      throw Error(
          ErrorKind::numerical, "the noise standard deviation must be finite and positive",
          {.index = "[observation " + std::to_string(i) + "]", .remedy = "Give a positive noise level"});
  a_.makeCompressed();
  std::vector<char> seen(static_cast<std::size_t>(a_.cols()), 0);
  for (Eigen::Index k = 0; k < a_.nonZeros(); ++k) {
    char& s = seen[static_cast<std::size_t>(a_.innerIndexPtr()[k])];
    disjoint_ = disjoint_ && s == 0;
    s = 1;
  }
  selection_ = disjoint_;
  for (Eigen::Index i = 0; i < a_.rows(); ++i)
    selection_ = selection_ && a_.outerIndexPtr()[i + 1] - a_.outerIndexPtr()[i] <= 1;
  const auto bytes = [](auto count, std::size_t size) { return static_cast<std::size_t>(count) * size; };
  hash_ = hash_bytes(a_.outerIndexPtr(), bytes(a_.outerSize() + 1, sizeof(SparseMatrix::StorageIndex)));
  hash_ = hash_bytes(a_.innerIndexPtr(), bytes(a_.nonZeros(), sizeof(SparseMatrix::StorageIndex)), hash_);
  hash_ = hash_bytes(a_.valuePtr(), bytes(a_.nonZeros(), sizeof(double)), hash_);
  hash_ = hash_bytes(sigma_.data(), bytes(sigma_.size(), sizeof(double)), hash_);
}

Eigen::MatrixXd Measurement::apply(const Eigen::Ref<const Eigen::MatrixXd>& x) const { return a_ * x; }

Eigen::MatrixXd Measurement::adjoint(const Eigen::Ref<const Eigen::MatrixXd>& y) const {
  return a_.transpose() * y;
}

Eigen::VectorXd Measurement::back_projection(const Eigen::VectorXd& y) const {
  return a_.transpose() * y.cwiseQuotient(sigma_.cwiseAbs2());
}

Eigen::VectorXd Measurement::precision() const {
  return a_.cwiseAbs2().transpose() * sigma_.cwiseAbs2().cwiseInverse();
}

Eigen::VectorXd Measurement::weight() const {
  if (selection_) return precision();
  const SparseMatrix magnitude = a_.cwiseAbs();
  return magnitude.transpose() *
         (magnitude * Eigen::VectorXd::Ones(points())).cwiseQuotient(sigma_.cwiseAbs2());
}

Measurement Measurement::scaled(const Eigen::VectorXd& scale) const {
  return {a_ * scale.asDiagonal(), sigma_};
}

Measurement mask(const std::vector<bool>& observed, const Eigen::VectorXd& sigma) {
  const auto n = static_cast<Eigen::Index>(observed.size());
  const auto m = static_cast<Eigen::Index>(std::count(observed.begin(), observed.end(), true));
  SparseMatrix a(m, n);
  a.reserve(Eigen::VectorXi::Constant(m, 1));
  Eigen::VectorXd noise(m);
  for (Eigen::Index i = 0, row = 0; i < n; ++i)
    if (observed[static_cast<std::size_t>(i)]) {
      a.insert(row, i) = 1.0;
      noise[row++] = sigma[i];
    }
  return {std::move(a), std::move(noise)};
}

SparseMatrix bilinear(const domain::Domain& from, const std::vector<double>& latitude,
                      const std::vector<double>& longitude, std::vector<bool>* reachable) {
  const auto& s = from.lat_lon();
  const std::size_t nlon = s.nlon();
  const bool north_first = s.nlat() > 1 && s.latitude.front() > s.latitude.back();
  std::vector<Eigen::Triplet<double>> entries;
  entries.reserve(4 * latitude.size());
  if (reachable != nullptr) reachable->assign(latitude.size(), true);
  for (std::size_t k = 0; k < latitude.size(); ++k) {
    AxisPosition row = locate(s.latitude, latitude[k]);
    const AxisPosition column = locate_longitude(s, longitude[k]);
    const bool beyond_north = row.outside > 0 && (row.low == 0) == north_first;
    const bool crosses = row.outside > 0 && (beyond_north ? s.north_pole : s.south_pole);
    if ((!crosses && row.outside > 0.5 + 1e-6) || column.outside > 0.5 + 1e-6) {
      if (reachable != nullptr) {
        (*reachable)[k] = false;
        continue;
      }
      throw Error(ErrorKind::input,
                  "the point at latitude " + std::to_string(latitude[k]) + ", longitude " +
                      std::to_string(longitude[k]) + " lies outside the grid (" + from.describe() + ")",
                  {.index = "[target " + std::to_string(k) + "]",
                   .remedy = "Cut the input to the region of the model"});
    }
    const double step_lon = nlon > 1 ? std::abs(s.longitude[1] - s.longitude[0]) : 1.0;
    const double step_lat = s.nlat() > 1 ? std::abs(s.latitude[1] - s.latitude[0]) : 1.0;
    const double across = snap(column.share, step_lon);
    const auto put = [&](std::size_t r, double weight, std::size_t shift) {
      const auto add = [&](std::size_t c, double w) {
        if (w > 0.0)
          entries.emplace_back(static_cast<int>(k), static_cast<int>(r * nlon + (c + shift) % nlon), w);
      };
      add(column.low, weight * (1.0 - across));
      add(column.high, weight * across);
    };
    if (crosses) {
      // Between the last ring and the ring beyond the pole, which is the same ring half a turn away.
      const double edge = s.latitude[row.low];
      const double gap = 2.0 * (90.0 - std::abs(edge));
      const double share = gap > 0.0 ? snap(std::abs(latitude[k] - edge) / gap, gap) : 0.0;
      put(row.low, 1.0 - share, 0);
      if (share > 0.0) put(row.low, share, nlon / 2);
      continue;
    }
    const double along = snap(row.share, step_lat);
    if (along < 1.0) put(row.low, 1.0 - along, 0);
    if (along > 0.0) put(row.high, along, 0);
  }
  SparseMatrix a(static_cast<Eigen::Index>(latitude.size()), static_cast<Eigen::Index>(from.size()));
  a.setFromTriplets(entries.begin(), entries.end());
  return a;
}

SparseMatrix bilinear(const domain::Domain& from, const domain::Domain& to, std::vector<bool>* reachable) {
  return bilinear(from, to.latitudes(), to.longitudes(), reachable);
}

SparseMatrix interpolation(const domain::Domain& from, const domain::Domain& to,
                           std::vector<bool>* reachable) {
  if (from.hash() == to.hash()) {
    const auto n = static_cast<Eigen::Index>(to.size());
    SparseMatrix a(n, n);
    if (reachable != nullptr) reachable->assign(to.size(), true);
    a.setIdentity();
    return a;
  }
  // Images of another size may show anything: a pixel's number alone places nothing.
  const bool image = from.kind() == domain::DomainKind::plane || to.kind() == domain::DomainKind::plane;
  if (image || from.spherical() != to.spherical())
    throw Error(ErrorKind::input, "no points of " + to.describe() + " lie on " + from.describe(),
                {.remedy = "Use a model of the input's kind of domain"});
  if (from.kind() == domain::DomainKind::lat_lon) return bilinear(from, to, reachable);
  return nearest_three(from, to.points(), reachable);
}

SparseMatrix select_rows(const SparseMatrix& a, const std::vector<bool>& keep) {
  std::vector<Eigen::Triplet<double>> entries;
  int row = 0;
  for (Eigen::Index i = 0; i < a.rows(); ++i) {
    if (!keep[static_cast<std::size_t>(i)]) continue;
    for (SparseMatrix::InnerIterator it(a, i); it; ++it)
      entries.emplace_back(row, static_cast<int>(it.col()), it.value());
    ++row;
  }
  SparseMatrix out(row, a.cols());
  out.setFromTriplets(entries.begin(), entries.end());
  return out;
}

SparseMatrix stack_rows(const std::vector<SparseMatrix>& parts) {
  std::vector<Eigen::Triplet<double>> entries;
  Eigen::Index row = 0;
  Eigen::Index columns = 0;
  for (const auto& a : parts) {
    for (Eigen::Index i = 0; i < a.rows(); ++i)
      for (SparseMatrix::InnerIterator it(a, i); it; ++it)
        entries.emplace_back(static_cast<int>(row + i), static_cast<int>(it.col()), it.value());
    row += a.rows();
    columns = a.cols();
  }
  SparseMatrix out(row, columns);
  out.setFromTriplets(entries.begin(), entries.end());
  return out;
}

Measurement stack(const std::vector<Measurement>& parts) {
  if (parts.empty()) throw Error(ErrorKind::internal, "no measurement is there to be stacked");
  std::vector<SparseMatrix> matrices;
  Eigen::VectorXd sigma;
  for (const auto& p : parts) {
    if (p.points() != parts.front().points())
      throw Error(ErrorKind::internal, "measurements of " + std::to_string(parts.front().points()) + " and " +
                                           std::to_string(p.points()) + " points are stacked");
    matrices.push_back(p.matrix());
    sigma.conservativeResize(sigma.size() + p.observations());
    sigma.tail(p.observations()) = p.noise_sigma();
  }
  return {stack_rows(matrices), std::move(sigma)};
}

}  // namespace manifill::measurement
