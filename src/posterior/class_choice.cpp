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

/// Some of the observations of a step, as a window.
Window some_of(const StepObservation& step) {
  const auto keep = scattered_rows(step.measurement->observations(), kMostObservations);
  std::vector<Eigen::Index> rows;
  for (std::size_t i = 0; i < keep.size(); ++i)
    if (keep[i]) rows.push_back(static_cast<Eigen::Index>(i));
  StepObservation some = step;
  some.y = step.y(rows);
  some.measurement = std::make_shared<const measurement::Measurement>(
      measurement::select_rows(step.measurement->matrix(), keep),
      Eigen::VectorXd(step.measurement->noise_sigma()(rows)));
  return {.steps = {std::move(some)}};
}

}  // namespace

struct ClassChoice::Factors {
  std::uint64_t measurement = 0;  // hash
  double season = 0.0;
  std::vector<std::unique_ptr<const WindowFactor>> of_class{};
};

std::shared_ptr<const ClassChoice::Factors> ClassChoice::factors(const Window& window) {
  const StepObservation& step = window.at_centre();
  const std::uint64_t hash = step.measurement->hash();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (last_ && last_->measurement == hash && last_->season == step.season) return last_;
  }
  auto out = std::make_shared<Factors>();
  out->measurement = hash;
  out->season = step.season;
  for (std::size_t k = 1; k <= backbone_.classes().size(); ++k)
    out->of_class.push_back(std::make_unique<const WindowFactor>(backbone_.of_class(k), window));
  const std::lock_guard<std::mutex> lock(mutex_);
  last_ = out;
  return out;
}

std::size_t ClassChoice::operator()(const Window& window) {
  const auto& classes = backbone_.classes();
  if (classes.empty()) return 0;
  const StepObservation& step = window.at_centre();
  Eigen::VectorXd evidence(static_cast<Eigen::Index>(classes.size()));
  for (std::size_t k = 0; k < classes.size(); ++k)
    evidence[static_cast<Eigen::Index>(k)] = std::log(std::max(classes[k].share, 1e-12));
  if (step.measurement && step.measurement->observations() > 0) {
    const Window some = some_of(step);
    const auto seen = factors(some);
    for (std::size_t k = 0; k < classes.size(); ++k)
      evidence[static_cast<Eigen::Index>(k)] += seen->of_class[k]->log_evidence(some);
  }
  Eigen::Index best = 0;
  evidence.maxCoeff(&best);
  return static_cast<std::size_t>(best) + 1;
}

}  // namespace manifill::posterior
