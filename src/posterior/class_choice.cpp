#include "manifill/posterior/class_choice.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "manifill/base/random.hpp"

namespace manifill::posterior {
namespace {

constexpr Eigen::Index kMostObservations = 512;

/// At most so many of the rows, in a random order that is always the same.
std::vector<bool> scattered_rows(Eigen::Index rows, Eigen::Index most) {
  std::vector<Eigen::Index> order(static_cast<std::size_t>(rows));
  std::iota(order.begin(), order.end(), Eigen::Index{0});
  RandomStream random({.seed = 2});
  std::vector<bool> keep(order.size(), false);
  for (std::size_t k = 0; k < static_cast<std::size_t>(std::min(rows, most)); ++k) {
    std::swap(order[k],
              order[k + static_cast<std::size_t>(random.uniform() * static_cast<double>(order.size() - k))]);
    keep[static_cast<std::size_t>(order[k])] = true;
  }
  return keep;
}

}  // namespace

struct ClassChoice::Evidence {
  std::uint64_t measurement = 0;  // hash
  double season = 0.0;
  std::vector<Eigen::Index> rows{};                                   // observations that count
  std::vector<std::unique_ptr<operators::DefiniteFactor>> factors{};  // [class], of A C_k A^T + R
};

std::shared_ptr<const ClassChoice::Evidence> ClassChoice::evidence(const StepObservation& step) {
  const std::uint64_t hash = step.measurement->hash();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (last_ && last_->measurement == hash && last_->season == step.season) return last_;
  }
  auto out = std::make_shared<Evidence>();
  out->measurement = hash;
  out->season = step.season;
  const auto keep = scattered_rows(step.measurement->observations(), kMostObservations);
  for (std::size_t i = 0; i < keep.size(); ++i)
    if (keep[i]) out->rows.push_back(static_cast<Eigen::Index>(i));
  // Of normalised fields, in the columns that they read.
  const measurement::SparseMatrix a =
      measurement::select_rows(step.measurement->matrix(), keep) * backbone_.scale(step.season).asDiagonal();
  std::vector<Eigen::Index> touched;
  std::vector<int> place(static_cast<std::size_t>(a.cols()), -1);
  std::vector<Eigen::Triplet<double>> entries;
  for (Eigen::Index i = 0; i < a.rows(); ++i)
    for (measurement::SparseMatrix::InnerIterator it(a, i); it; ++it) {
      int& own = place[static_cast<std::size_t>(it.col())];
      if (own < 0) {
        own = static_cast<int>(touched.size());
        touched.push_back(it.col());
      }
      entries.emplace_back(static_cast<int>(i), own, it.value());
    }
  measurement::SparseMatrix compact(a.rows(), static_cast<Eigen::Index>(touched.size()));
  compact.setFromTriplets(entries.begin(), entries.end());
  const Eigen::VectorXd noise = step.measurement->noise_sigma()(out->rows).cwiseAbs2();
  for (std::size_t k = 1; k <= backbone_.classes().size(); ++k) {
    const auto covariance = backbone_.of_class(k).window_covariance(backbone_.season_bin(step.season));
    const Eigen::MatrixXd half = compact * covariance->gather(touched, touched);
    Eigen::MatrixXd s = compact * Eigen::MatrixXd(half.transpose());
    s.diagonal() += noise;
    out->factors.push_back(std::make_unique<operators::DefiniteFactor>(std::move(s)));
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  last_ = out;
  return out;
}

std::size_t ClassChoice::operator()(const Window& window) {
  const auto& classes = backbone_.classes();
  if (classes.empty()) return 0;
  const StepObservation& step = window.at_centre();
  std::shared_ptr<const Evidence> seen;
  Eigen::VectorXd departure;
  if (step.measurement && step.measurement->observations() > 0) {
    seen = evidence(step);
    departure = (step.y - step.measurement->apply(backbone_.mean(step.season)).col(0))(seen->rows);
  }
  std::size_t best = 0;
  double most = 0.0;
  for (std::size_t k = 0; k < classes.size(); ++k) {
    double log_evidence = std::log(std::max(classes[k].share, 1e-12));
    if (seen)
      log_evidence -= 0.5 * (seen->factors[k]->quadratic(departure)[0] + seen->factors[k]->log_determinant());
    if (best != 0 && log_evidence <= most) continue;
    best = k + 1;
    most = log_evidence;
  }
  return best;
}

}  // namespace manifill::posterior
