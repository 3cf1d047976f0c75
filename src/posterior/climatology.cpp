#include "manifill/posterior/climatology.hpp"

#include <memory>

#include "field_check.hpp"
#include "manifill/posterior/fill_sampler.hpp"

namespace manifill::posterior {
namespace {

const SamplerRegistration kClimatologyRegistration("climatology",
                                                   "the model's climatology, observed values kept", {},
                                                   [](const Model& model, const Config&) {
                                                     return std::make_unique<FillSampler>(
                                                         model, "climatology", fill_climatology);
                                                   });

}  // namespace

Eigen::VectorXd fill_climatology(const std::vector<bool>& observed, const Eigen::VectorXd& values) {
  check_field(observed, values, observed.size());
  Eigen::VectorXd out = Eigen::VectorXd::Zero(values.size());
  for (Eigen::Index i = 0; i < values.size(); ++i)
    if (observed[static_cast<std::size_t>(i)]) out[i] = values[i];
  return out;
}

}  // namespace manifill::posterior
