#include "manifill/posterior/local_kriging.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include <Eigen/Cholesky>

#include "manifill/base/error.hpp"
#include "manifill/base/parallel.hpp"
#include "manifill/base/random.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/domain/nearest_points.hpp"
#include "manifill/domain/sphere.hpp"

namespace manifill::posterior {
namespace {

constexpr std::size_t kBatch = 2048;  // points drawn before they are put where they can be searched

/// Some of a domain's points, to be searched.
class PointSet {
 public:
  PointSet(const domain::Domain& domain, std::vector<std::uint32_t> index)
      : domain_(domain), index_(std::move(index)), search_(points()) {}
  /// Appends the nearest with their chords. \param offset added to the index
  void nearest(std::size_t target, std::size_t count, std::uint32_t offset,
               std::vector<std::pair<double, std::uint32_t>>& out) const {
    if (index_.empty()) return;
    for (const auto& n : search_.nearest(domain_.points()[target], count))
      out.emplace_back(n.chord, offset + index_[n.index]);
  }

 private:
  [[nodiscard]] std::vector<std::array<double, 3>> points() const {
    std::vector<std::array<double, 3>> out;
    for (const std::uint32_t i : index_) out.push_back(domain_.points()[i]);
    return out;
  }
  const domain::Domain& domain_;
  std::vector<std::uint32_t> index_;
  domain::NearestPoints search_;
};

/// The `count` nearest of what was found.
std::vector<std::uint32_t> first_of(std::vector<std::pair<double, std::uint32_t>> found, std::size_t count) {
  count = std::min(count, found.size());
  std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(count), found.end());
  std::vector<std::uint32_t> out;
  for (std::size_t k = 0; k < count; ++k) out.push_back(found[k].second);
  return out;
}

std::vector<std::uint32_t> indices(const std::vector<bool>& which) {
  std::vector<std::uint32_t> out;
  for (std::size_t i = 0; i < which.size(); ++i)
    if (which[i]) out.push_back(static_cast<std::uint32_t>(i));
  return out;
}

}  // namespace

LocalKriging::LocalKriging(const domain::Domain& domain, const ExponentialCovariance& covariance,
                           const std::vector<bool>& observed, std::size_t neighbours, KrigingMean mean)
    : domain_(domain), covariance_(covariance), observed_(observed), neighbours_(neighbours), kind_(mean) {
  check_kriging(domain, covariance, observed);
  if (neighbours == 0)
    throw Error(ErrorKind::usage, "kriging from no neighbours", {.remedy = "Give kriging.neighbours"});
  if (mean == KrigingMean::unknown && std::find(observed.begin(), observed.end(), true) == observed.end())
    throw Error(ErrorKind::input, "a field without any observed point has no mean to be kriged with",
                {.remedy = "Leave this time step out, or fill it with the climatology"});
  direct_ = prepared();
  const auto offset = static_cast<std::uint32_t>(domain.size());
  const PointSet known(domain_, indices(observed_));
  parallel_for(static_cast<std::int64_t>(domain.size()), [&](std::int64_t i) {
    if (stop_requested()) return;
    std::vector<std::pair<double, std::uint32_t>> found;
    known.nearest(static_cast<std::size_t>(i), neighbours_, offset, found);
    weigh(direct_, static_cast<std::size_t>(i), first_of(std::move(found), neighbours_));
  });
  check_stop();
}

LocalKriging::Weights LocalKriging::prepared() const {
  Weights out;
  out.width = neighbours_;
  out.index.assign(domain_.size() * out.width, 0);
  out.weight.assign(domain_.size() * out.width, 0.0);
  out.sd.setZero(static_cast<Eigen::Index>(domain_.size()));
  return out;
}

void LocalKriging::weigh(Weights& out, std::size_t target, const std::vector<std::uint32_t>& near) const {
  const auto n = static_cast<Eigen::Index>(near.size());
  const auto offset = static_cast<std::uint32_t>(domain_.size());
  const auto point = [&](Eigen::Index k) {
    const std::uint32_t i = near[static_cast<std::size_t>(k)];
    return static_cast<std::size_t>(i < offset ? i : i - offset);
  };
  std::copy(near.begin(), near.end(), out.index.begin() + static_cast<std::ptrdiff_t>(target * out.width));
  double* const weight = out.weight.data() + target * out.width;
  double& sd = out.sd[static_cast<Eigen::Index>(target)];
  if (covariance_.nugget == 0.0 && n > 0 && near[0] >= offset &&
      (point(0) == target || domain_.separation(point(0), target) == 0.0)) {
    weight[0] = 1.0;
    sd = 0.0;
    return;
  }
  Eigen::MatrixXd s(n, n);
  Eigen::MatrixXd right(n, 2);
  for (Eigen::Index j = 0; j < n; ++j) {
    for (Eigen::Index i = j; i < n; ++i) s(i, j) = covariance_(domain_.separation(point(i), point(j)));
    s(j, j) += kKrigingJitter * covariance_.variance;
    if (near[static_cast<std::size_t>(j)] >= offset) s(j, j) += covariance_.nugget;
    right(j, 0) = covariance_(domain_.separation(point(j), target));
  }
  right.col(1).setOnes();
  const Eigen::LLT<Eigen::Ref<Eigen::MatrixXd>> factor(s);
  if (factor.info() != Eigen::Success)
    throw Error(
        ErrorKind::numerical, "a kriging matrix of " + std::to_string(n) + " points is not positive definite",
        {.index = "[point " + std::to_string(target) + "]", .remedy = "Give the covariance a nugget"});
  const Eigen::MatrixXd solved = factor.solve(right);
  Eigen::VectorXd w = solved.col(0);
  double variance = covariance_.variance - right.col(0).dot(w);
  if (kind_ == KrigingMean::unknown) {
    const double drift = 1.0 - w.sum();
    w += drift / solved.col(1).sum() * solved.col(1);
    variance += drift * drift / solved.col(1).sum();
  }
  std::copy(w.begin(), w.end(), weight);
  sd = std::sqrt(std::max(variance, 0.0));
}

Eigen::MatrixXd LocalKriging::mean(const Eigen::MatrixXd& values) const {
  check_observed_values(observed_, values);
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(values.rows(), values.cols());
  const auto offset = static_cast<Eigen::Index>(domain_.size());
  for (Eigen::Index i = 0; i < values.rows(); ++i)
    for (std::size_t k = 0; k < direct_.width; ++k) {
      const std::size_t at = static_cast<std::size_t>(i) * direct_.width + k;
      if (direct_.weight[at] != 0.0)
        out.row(i) += direct_.weight[at] * values.row(static_cast<Eigen::Index>(direct_.index[at]) - offset);
    }
  return out;
}

void LocalKriging::plan_draws() {
  const auto offset = static_cast<std::uint32_t>(domain_.size());
  sequential_ = prepared();
  // Points observed exactly are known, and drawn first, as themselves.
  std::vector<bool> certain = observed_;
  if (covariance_.nugget > 0.0) certain.assign(certain.size(), false);
  std::vector<std::uint32_t> order;
  std::vector<std::uint32_t> exact;
  for (std::uint32_t i = 0; i < offset; ++i) (certain[i] ? exact : order).push_back(i);
  RandomStream random({.seed = 1, .purpose = RandomPurpose::training, .time = offset});
  for (std::size_t k = order.size(); k > 1; --k)
    std::swap(order[k - 1],
              order[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(k) - 1))]);
  const auto seen = indices(observed_);
  const PointSet known(domain_, seen);
  std::vector<std::uint32_t> drawn;
  batches_.clear();
  if (!exact.empty()) batches_.push_back(exact);
  for (const std::uint32_t i : exact) weigh(sequential_, i, {offset + i});
  for (std::size_t first = 0; first < order.size();) {
    check_stop();
    const std::size_t count = std::min(order.size() - first, kBatch);
    const PointSet before(domain_, drawn);
    const std::vector<std::uint32_t> batch(order.begin() + static_cast<std::ptrdiff_t>(first),
                                           order.begin() + static_cast<std::ptrdiff_t>(first + count));
    parallel_for(static_cast<std::int64_t>(count), [&](std::int64_t k) {
      const std::size_t target = batch[static_cast<std::size_t>(k)];
      std::vector<std::pair<double, std::uint32_t>> found;
      known.nearest(target, neighbours_, offset, found);
      before.nearest(target, neighbours_, 0, found);
      for (std::int64_t j = 0; j < k; ++j) {
        const std::uint32_t other = batch[static_cast<std::size_t>(j)];
        found.emplace_back(domain::distance(domain_.points()[target], domain_.points()[other]), other);
      }
      weigh(sequential_, target, first_of(std::move(found), neighbours_));
    });
    drawn.insert(drawn.end(), batch.begin(), batch.end());
    batches_.push_back(batch);
    first += count;
  }
}

Eigen::MatrixXd LocalKriging::draw(const Eigen::VectorXd& values, const LocalKrigingDraw& request) {
  check_observed_values(observed_, values);
  if (sequential_.width == 0) plan_draws();
  const auto n = static_cast<Eigen::Index>(domain_.size());
  Eigen::MatrixXd out(n, static_cast<Eigen::Index>(request.members));
  parallel_for(out.cols(), [&](std::int64_t m) {
    Eigen::VectorXd z(n);
    RandomStream random({.seed = request.seed,
                         .purpose = RandomPurpose::prior_innovation,
                         .time = request.time,
                         .member = request.first_member + static_cast<std::uint32_t>(m)});
    random.fill_normal(std::span<double>(z.data(), static_cast<std::size_t>(n)));
    auto field = out.col(m);
    for (const auto& batch : batches_)
      for (const std::uint32_t i : batch) {
        const auto row = static_cast<Eigen::Index>(i);
        double sum = sequential_.sd[row] * z[row];
        for (std::size_t k = 0; k < sequential_.width; ++k) {
          const std::size_t at = i * sequential_.width + k;
          if (sequential_.weight[at] == 0.0) continue;
          const auto from = static_cast<Eigen::Index>(sequential_.index[at]);
          sum += sequential_.weight[at] * (from < n ? field[from] : values[from - n]);
        }
        field[row] = sum;
      }
  });
  return out;
}

}  // namespace manifill::posterior
