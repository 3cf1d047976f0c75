#include "manifill/prior/sequence.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "manifill/base/parallel.hpp"
#include "manifill/base/random.hpp"
#include "manifill/operators/eigenpairs.hpp"

namespace manifill::prior {
namespace {

constexpr std::size_t kRecent = 16;   // steps kept: more than any window asks for
constexpr std::int64_t kMemory = 40;  // steps of the moving average of a closed-form process

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define MANIFILL_WIDE __attribute__((target_clones("arch=haswell", "default")))
#else
#define MANIFILL_WIDE
#endif

/// sum += size_i * field, [member][point]; the widest vectors of the processor it runs on.
MANIFILL_WIDE void add_products(const float* pattern, float root, const float* field, float* sum,
                                Eigen::Index points, std::uint32_t members) {
  for (Eigen::Index i = 0; i < points; ++i, field += members, sum += members) {
    const float size = root * pattern[i];
    for (std::uint32_t m = 0; m < members; ++m) sum[m] += size * field[m];
  }
}

#undef MANIFILL_WIDE

/// Leading modes of the taper matrix, [point][mode] and orthonormal, and its root by them, rows scaled so
/// that every point keeps variance one. Modes come in any sign, and those of equal variance in any rotation,
/// as LAPACK's kernel and threads will have it: a draw is root * (modes^T * white), which knows neither.
std::pair<Eigen::MatrixXf, Eigen::MatrixXf> taper_root(const Backbone& backbone) {
  const auto n = static_cast<Eigen::Index>(backbone.domain().size());
  const BackboneOptions& o = backbone.options();
  if (o.taper_km <= 0.0 && o.second_taper_share <= 0.0)
    return {Eigen::MatrixXf::Constant(n, 1, 1.0F / std::sqrt(static_cast<float>(n))),
            Eigen::MatrixXf::Ones(n, 1)};
  Eigen::MatrixXf taper(n, n);
  for (Eigen::Index j = 0; j < n; ++j)
    for (Eigen::Index i = 0; i <= j; ++i) {
      const double d = backbone.domain().chord(static_cast<std::size_t>(i), static_cast<std::size_t>(j));
      taper(i, j) = taper(j, i) = static_cast<float>(localisation(backbone.options(), d));
    }
  // A taper of support L has about one mode for every (L / 5)^2 of the surface.
  const double surface = backbone.domain().area();
  const double support = o.taper_km > 0.0          ? o.taper_km
                         : o.second_taper_km > 0.0 ? o.second_taper_km
                                                   : 20000.0;
  const double cell = support / 5.0;
  const auto rank = std::min<Eigen::Index>(n, 30 + static_cast<Eigen::Index>(surface / (cell * cell)));
  operators::Eigenpairs e;
  if (2 * rank > n) {
    e = operators::symmetric_eigenpairs(taper.cast<double>());
  } else {
    e = operators::leading_eigenpairs([&](const Eigen::MatrixXf& x) { return Eigen::MatrixXf(taper * x); }, n,
                                      rank);
  }
  Eigen::MatrixXd root = e.vectors * e.values.cwiseMax(0.0).cwiseSqrt().asDiagonal();
  root = root.rowwise().norm().cwiseInverse().asDiagonal() * root;
  return {e.vectors.cast<float>(), root.cast<float>()};
}

}  // namespace

PriorSequence::PriorSequence(const Backbone& backbone, std::uint64_t seed, std::uint32_t first_member,
                             std::uint32_t members)
    : backbone_(backbone), seed_(seed), first_member_(first_member), members_(members) {
  double persistence = 0.0;
  if (const auto* covariance = backbone_.closed_form(&persistence))
    closed_root_ = operators::symmetric_square_root(*covariance);
  else
    std::tie(taper_modes_, taper_root_) = taper_root(backbone_);
  levels_.resize(members);
  for (std::uint32_t k = 0; k < members; ++k)
    levels_[k] =
        RandomStream(
            {.seed = seed, .purpose = RandomPurpose::prior_residual, .time = 0, .member = first_member + k})
            .normal();
}

Eigen::MatrixXd PriorSequence::normals(Eigen::Index rows, std::int64_t step) const {
  Eigen::MatrixXd z(rows, members_);
  for (std::uint32_t k = 0; k < members_; ++k) {
    RandomStream stream({.seed = seed_,
                         .purpose = RandomPurpose::prior_innovation,
                         .time = step,
                         .member = first_member_ + k});
    stream.fill_normal(std::span<double>(z.col(k).data(), static_cast<std::size_t>(rows)));
  }
  return z;
}

const Eigen::MatrixXf& PriorSequence::innovation(std::int64_t step) {
  const auto found = innovations_.find(step);
  if (found != innovations_.end()) return found->second;
  const Eigen::MatrixXf z = taper_modes_.transpose() * normals(taper_modes_.rows(), step).cast<float>();
  return innovations_.emplace(step, z.transpose() * taper_root_.transpose()).first->second;
}

Eigen::MatrixXd PriorSequence::average(std::int64_t time, double season) {
  const std::size_t bin = backbone_.season_bin(season);
  const Eigen::VectorXd weight = backbone_.season_weight(bin);
  const Eigen::MatrixXf& e = backbone_.anomalies();
  const auto& index = backbone_.training().index;
  // Innovations that no step from here on can use are dropped; sequences are asked for mostly forwards.
  const std::int64_t oldest = index.front() - time - static_cast<std::int64_t>(kRecent);
  const std::int64_t newest = index.back() - time + static_cast<std::int64_t>(kRecent);
  std::erase_if(innovations_, [&](const auto& item) { return item.first < oldest || item.first > newest; });
  Eigen::MatrixXf x = Eigen::MatrixXf::Zero(members_, e.rows());
  std::vector<Eigen::Index> times;
  std::vector<const Eigen::MatrixXf*> fields;
  for (Eigen::Index j = 0; j < e.cols(); ++j) {
    if (weight[j] <= 0.0) continue;
    times.push_back(j);
    fields.push_back(&innovation(index[static_cast<std::size_t>(j)] - time));
  }
  // Every innovation is read once a step, in order. Blocks of points keep the sums in the cache, and are long
  // enough for the memory to stream; on small domains they are shorter, so that every thread has one.
  const Eigen::Index block_size = std::clamp<Eigen::Index>((e.rows() + 3) / 4, 64, 1024);
  parallel_for((e.rows() + block_size - 1) / block_size, [&](std::int64_t block) {
    const Eigen::Index first = block * block_size;
    const Eigen::Index count = std::min(block_size, e.rows() - first);
    for (std::size_t k = 0; k < times.size(); ++k) {
      add_products(e.data() + times[k] * e.rows() + first, static_cast<float>(std::sqrt(weight[times[k]])),
                   fields[k]->data() + first * members_, x.data() + first * members_, count, members_);
    }
  });
  auto correction = correction_.find(bin);
  if (correction == correction_.end()) {
    const Eigen::VectorXd raw = e.cast<double>().cwiseAbs2() * weight;
    const Eigen::VectorXd wanted =
        (backbone_.variance(bin).array() - backbone_.options().offset_variance).max(0.0).matrix();
    correction = correction_.emplace(bin, (wanted.array() / raw.array().max(1e-12)).sqrt().matrix()).first;
  }
  Eigen::MatrixXd out = correction->second.asDiagonal() * x.transpose().cast<double>();
  const double offset = std::sqrt(backbone_.options().offset_variance);
  if (offset > 0.0) out.rowwise() += offset * levels_.transpose();
  return out;
}

Eigen::MatrixXd PriorSequence::closed_form(std::int64_t time) {
  double rho = 0.0;
  static_cast<void>(backbone_.closed_form(&rho));
  const Eigen::Index n = closed_root_.rows();
  if (rho == 0.0) return closed_root_ * normals(n, time);
  // The oldest innovation stands for the whole past, so that the variance is exact whatever the memory.
  Eigen::MatrixXd xi = normals(n, time - kMemory);
  for (std::int64_t back = kMemory - 1; back >= 0; --back)
    xi = rho * xi + std::sqrt(1.0 - rho * rho) * normals(n, time - back);
  return closed_root_ * xi;
}

const Eigen::MatrixXd& PriorSequence::fields(std::int64_t time, double season) {
  const auto found = recent_.find(time);
  if (found != recent_.end()) return found->second;
  if (recent_.size() >= kRecent) recent_.erase(recent_.begin());
  return recent_.emplace(time, closed_root_.size() > 0 ? closed_form(time) : average(time, season))
      .first->second;
}

}  // namespace manifill::prior
