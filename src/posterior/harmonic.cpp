#include "manifill/posterior/harmonic.hpp"

#include <memory>

#include "field_check.hpp"
#include "manifill/operators/laplacian_filter.hpp"
#include "manifill/posterior/fill_sampler.hpp"

namespace manifill::posterior {
namespace {

const SamplerRegistration kHarmonicRegistration(
    "harmonic", "Laplace's equation between the observed points", {}, [](const Model& model, const Config&) {
      const auto laplacian = std::make_shared<const operators::DomainLaplacian>(
          operators::domain_laplacian(model.backbone.domain(), 0.0));
      return std::make_unique<FillSampler>(
          model, "harmonic", [laplacian](const std::vector<bool>& observed, const Eigen::VectorXd& values) {
            return fill_harmonic(*laplacian, observed, values);
          });
    });

}  // namespace

Eigen::VectorXd fill_harmonic(const operators::DomainLaplacian& laplacian, const std::vector<bool>& observed,
                              const Eigen::VectorXd& values) {
  check_field(observed, values, laplacian.of_point.size());
  check_observed(observed);
  const auto nodes = static_cast<std::size_t>(laplacian.laplacian.size());
  std::vector<bool> known(nodes, false);
  Eigen::VectorXd sum = Eigen::VectorXd::Zero(static_cast<Eigen::Index>(nodes));
  Eigen::VectorXd count = sum;
  for (std::size_t i = 0; i < observed.size(); ++i) {
    if (!observed[i]) continue;
    const auto node = static_cast<Eigen::Index>(laplacian.of_point[i]);
    known[laplacian.of_point[i]] = true;
    sum[node] += values[static_cast<Eigen::Index>(i)];
    count[node] += 1.0;
  }
  const auto part = operators::connected_parts(laplacian.laplacian.stiffness);
  std::vector<bool> reached(nodes, false);
  for (std::size_t k = 0; k < nodes; ++k)
    if (known[k]) reached[part[k]] = true;
  for (std::size_t k = 0; k < nodes; ++k)
    if (!reached[part[k]]) known[k] = true;
  const Eigen::VectorXd field = operators::harmonic_fill(
      laplacian.laplacian, known, (sum.array() / count.cwiseMax(1.0).array()).matrix());
  Eigen::VectorXd out = values;
  for (std::size_t i = 0; i < observed.size(); ++i)
    if (!observed[i])
      out[static_cast<Eigen::Index>(i)] = field[static_cast<Eigen::Index>(laplacian.of_point[i])];
  return out;
}

}  // namespace manifill::posterior
