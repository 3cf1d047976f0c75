#include "manifill/prior/sequence.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <Eigen/Cholesky>

#include "manifill/base/error.hpp"
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

/// Root of a correlation: symmetric where it was given and may be singular, else Cholesky's.
Eigen::MatrixXd root_of(const Backbone& backbone, const Eigen::MatrixXd& correlation) {
  if (backbone.stationary().empty()) return operators::symmetric_square_root(correlation);
  Eigen::MatrixXd root = correlation;
  root.diagonal().array() += backbone.options().residual_floor;
  const Eigen::LLT<Eigen::Ref<Eigen::MatrixXd>> factor(root);
  if (factor.info() != Eigen::Success)
    throw Error(ErrorKind::numerical, "the stationary correlation of a model is not positive definite",
                {.remedy = "Train with a larger backbone.residual_floor"});
  root.triangularView<Eigen::StrictlyUpper>().setZero();
  return root;
}

}  // namespace

PriorSequence::PriorSequence(const Backbone& backbone, std::uint64_t seed, std::uint32_t first_member,
                             std::uint32_t members)
    : backbone_(backbone), seed_(seed), first_member_(first_member), members_(members) {
  double persistence = 0.0;
  const bool apart = backbone_.training().step == StepKind::none && backbone_.options().window == 0;
  if (apart &&
      (!backbone_.stationary().empty() || backbone_.anomalies().cols() > backbone_.anomalies().rows()))
    unordered_ = true;
  else if (const auto* covariance = backbone_.closed_form(&persistence))
    closed_root_ = root_of(backbone_, *covariance);
  else
    taper_ = make_taper(backbone_.options(), backbone_.domain())->root();
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
  const Eigen::MatrixXf z = taper_.modes.transpose() * normals(taper_.modes.rows(), step).cast<float>();
  return innovations_.emplace(step, z.transpose() * taper_.root.transpose()).first->second;
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

Eigen::MatrixXd PriorSequence::closed_form(std::int64_t time, double season) {
  double rho = 0.0;
  static_cast<void>(backbone_.closed_form(&rho));
  const Eigen::Index n = closed_root_.rows();
  const std::size_t bin = backbone_.season_bin(season);
  auto scale = correction_.find(bin);
  if (scale == correction_.end()) scale = correction_.emplace(bin, backbone_.closed_form_scale(bin)).first;
  const auto scaled = [&](const Eigen::MatrixXd& xi) {
    Eigen::MatrixXd out = scale->second.asDiagonal() * (closed_root_ * xi);
    if (backbone_.options().offset_variance > 0.0 && !backbone_.stationary().empty())
      out.rowwise() += std::sqrt(backbone_.options().offset_variance) * levels_.transpose();
    return out;
  };
  if (rho == 0.0) return scaled(normals(n, time));
  // The oldest innovation stands for the whole past, so that the variance is exact whatever the memory.
  Eigen::MatrixXd xi = normals(n, time - kMemory);
  for (std::int64_t back = kMemory - 1; back >= 0; --back)
    xi = rho * xi + std::sqrt(1.0 - rho * rho) * normals(n, time - back);
  return scaled(xi);
}

const Eigen::MatrixXd& PriorSequence::fields(std::int64_t time, double season) {
  const auto found = recent_.find(time);
  if (found != recent_.end()) return found->second;
  if (recent_.size() >= kRecent) recent_.erase(recent_.begin());
  return recent_.emplace(time, draw(time, season)).first->second;
}

Eigen::MatrixXd PriorSequence::draw(std::int64_t time, double season) {
  if (closed_root_.size() > 0) return closed_form(time, season);
  if (!unordered_) return average(time, season);
  const auto covariance = backbone_.window_covariance(backbone_.season_bin(season));
  return covariance->colour(normals(covariance->rows(), time));
}

}  // namespace manifill::prior
