#include "manifill/posterior/nearest.hpp"

#include <memory>

#include "manifill/posterior/distance.hpp"
#include "manifill/posterior/fill_sampler.hpp"

namespace manifill::posterior {
namespace {

const SamplerRegistration kNearestRegistration(
    "nearest", "anomaly of the nearest observed point", {}, [](const Model& model, const Config&) {
      return std::make_unique<FillSampler>(
          model, "nearest",
          [d = model.backbone.domain()](const std::vector<bool>& observed, const Eigen::VectorXd& values) {
            return fill_nearest(d, observed, values);
          });
    });

}  // namespace

Eigen::VectorXd fill_nearest(const domain::Domain& domain, const std::vector<bool>& observed,
                             const Eigen::VectorXd& values) {
  return fill_distance_weighted(domain, observed, values, 1);
}

}  // namespace manifill::posterior
