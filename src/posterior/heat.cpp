#include "manifill/posterior/heat.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "field_check.hpp"
#include "manifill/posterior/fill_sampler.hpp"
#include "manifill/posterior/matern.hpp"

namespace manifill::posterior {
namespace {

constexpr int kSteps = 4;
constexpr double kLeastReach = 1e-2;  // share of the kernel that must lie on observed points
constexpr std::size_t kFields = 8;    // that a scale is chosen by

/// Some anomalies of the training fields, evenly spaced: [point][field], NaN where missing.
Eigen::MatrixXd some_anomalies(const prior::Backbone& b) {
  const auto& training = b.training();
  const auto all = static_cast<std::size_t>(training.values.cols());
  const std::size_t wanted = std::min(all, kFields);
  Eigen::MatrixXd out(training.values.rows(), static_cast<Eigen::Index>(wanted));
  for (std::size_t k = 0; k < wanted; ++k) {
    const std::size_t t = (2 * k + 1) * all / (2 * wanted);
    out.col(static_cast<Eigen::Index>(k)) =
        training.values.col(static_cast<Eigen::Index>(t)).cast<double>() - b.mean(training.season[t]);
  }
  return out;
}

/// The fill, its scale and what it takes to find one.
class HeatSampler : public FillSampler {
 public:
  HeatSampler(const Model& model, double scale)
      : HeatSampler(model, scale,
                    std::make_shared<const HeatFill>(std::make_shared<const operators::DomainLaplacian>(
                        operators::domain_laplacian(model.backbone.domain(), 0.0)))) {}

 private:
  HeatSampler(const Model& model, double scale, const std::shared_ptr<const HeatFill>& fill)
      : FillSampler(model, "heat",
                    [fill, b = model.backbone, scale](const std::vector<bool>& observed,
                                                      const Eigen::VectorXd& values) mutable {
                      if (scale == 0.0) {
                        const auto weights = b.domain().weights();
                        scale = fill->best_scale(
                            some_anomalies(b), withheld_blocks(b.domain()),
                            Eigen::Map<const Eigen::VectorXd>(weights.data(), values.size()));
                      }
                      return (*fill)(observed, values, scale);
                    }) {}
};

const SamplerRegistration kHeatRegistration(
    "heat", "means of the observed points' anomalies by the heat kernel of the domain",
    {{.key = "heat.scale",
      .help = "standard deviation of the kernel, km (off the sphere: units of the points); 0: the one that "
              "fills withheld blocks of training fields best",
      .fallback = 0.0,
      .lowest = 0}},
    [](const Model& model, const Config& config) {
      return std::make_unique<HeatSampler>(model, config.real("heat.scale"));
    });

}  // namespace

HeatFill::HeatFill(std::shared_ptr<const operators::DomainLaplacian> laplacian)
    : laplacian_(std::move(laplacian)) {}

Eigen::MatrixXd HeatFill::spread(const Eigen::MatrixXd& x, double scale) const {
  const auto& l = laplacian_->laplacian;
  std::shared_ptr<const operators::SparseFactor> factor;
  {
    const std::lock_guard lock(mutex_);
    auto& known = factors_[scale];
    if (!known) {
      Eigen::SparseMatrix<double> step = (scale * scale / (2.0 * kSteps)) * l.stiffness;
      step.diagonal() += l.mass;
      known = std::make_shared<const operators::SparseFactor>(step);
    }
    factor = known;
  }
  Eigen::MatrixXd out = x;
  for (int k = 0; k < kSteps; ++k) out = factor->solve(l.mass.asDiagonal() * out);
  return out;
}

Eigen::VectorXd HeatFill::operator()(const std::vector<bool>& observed, const Eigen::VectorXd& values,
                                     double scale) const {
  check_field(observed, values, laplacian_->of_point.size());
  check_observed(observed);
  if (!(scale > 0.0) || !std::isfinite(scale))
    throw Error(ErrorKind::usage, "a heat kernel's scale is not positive",
                {.remedy = "Give heat.scale in km"});
  const auto& of_point = laplacian_->of_point;
  const Eigen::Index nodes = laplacian_->laplacian.size();
  // Points of one node share its area.
  Eigen::MatrixXd seen = Eigen::MatrixXd::Zero(nodes, 2);  // values, and how many
  Eigen::VectorXd total = Eigen::VectorXd::Zero(nodes);
  for (std::size_t i = 0; i < observed.size(); ++i) {
    const auto node = static_cast<Eigen::Index>(of_point[i]);
    total[node] += 1.0;
    if (!observed[i]) continue;
    seen(node, 0) += values[static_cast<Eigen::Index>(i)];
    seen(node, 1) += 1.0;
  }
  seen.array().colwise() /= total.array().max(1.0);
  const auto part = operators::connected_parts(laplacian_->laplacian.stiffness);
  std::vector<bool> reachable(static_cast<std::size_t>(nodes), false);
  for (Eigen::Index k = 0; k < nodes; ++k)
    if (seen(k, 1) > 0.0) reachable[part[static_cast<std::size_t>(k)]] = true;

  Eigen::VectorXd out = values;
  std::vector<Eigen::Index> left;
  for (std::size_t i = 0; i < observed.size(); ++i)
    if (!observed[i]) {
      out[static_cast<Eigen::Index>(i)] = 0.0;
      if (reachable[part[of_point[i]]]) left.push_back(static_cast<Eigen::Index>(i));
    }
  // Beyond this scale the kernel is flat over any part.
  const double farthest = 100.0 * std::sqrt(laplacian_->laplacian.mass.sum());
  for (; !left.empty(); scale *= 2.0) {
    const bool last = scale > farthest;
    const Eigen::MatrixXd heat = spread(seen, scale);
    std::erase_if(left, [&](Eigen::Index i) {
      const auto node = static_cast<Eigen::Index>(of_point[static_cast<std::size_t>(i)]);
      if (heat(node, 1) < kLeastReach && !last) return false;
      out[i] = heat(node, 1) > 0.0 ? heat(node, 0) / heat(node, 1) : 0.0;
      return true;
    });
  }
  return out;
}

double HeatFill::best_scale(const Eigen::MatrixXd& values, const std::vector<std::vector<bool>>& withheld,
                            const Eigen::VectorXd& weights) const {
  const double spacing = std::sqrt(laplacian_->laplacian.mass.mean());
  double best = spacing;
  double least = std::numeric_limits<double>::infinity();
  if (values.cols() == 0) return best;
  for (const double factor : {0.5, 1.0, 2.0, 4.0, 8.0}) {
    double error = 0.0;
    for (Eigen::Index f = 0; f < values.cols(); ++f)
      for (const auto& fold : withheld) {
        std::vector<bool> seen(fold.size());
        for (std::size_t i = 0; i < seen.size(); ++i)
          seen[i] = !fold[i] && !std::isnan(values(static_cast<Eigen::Index>(i), f));
        if (std::find(seen.begin(), seen.end(), true) == seen.end()) continue;
        const Eigen::VectorXd fill = (*this)(seen, values.col(f), factor * spacing);
        for (std::size_t i = 0; i < seen.size(); ++i) {
          const auto row = static_cast<Eigen::Index>(i);
          if (fold[i] && !std::isnan(values(row, f)))
            error += weights[row] * std::pow(fill[row] - values(row, f), 2);
        }
      }
    if (error < least) {
      least = error;
      best = factor * spacing;
    }
  }
  return best;
}

}  // namespace manifill::posterior
