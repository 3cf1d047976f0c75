#include "manifill/posterior/sampler.hpp"

#include <cmath>
#include <utility>

#include "manifill/base/error.hpp"

namespace manifill::posterior {

SamplerRegistry& SamplerRegistry::instance() {
  static SamplerRegistry registry;
  return registry;
}

void SamplerRegistry::add(const std::string& name, const std::string& summary,
                          std::vector<OptionSpec> options, SamplerFactory factory) {
  entries_[name] = {summary, std::move(options), std::move(factory)};
}

std::vector<std::string> SamplerRegistry::names() const {
  std::vector<std::string> out;
  for (const auto& [name, entry] : entries_) out.push_back(name);
  return out;
}

const SamplerRegistry::Entry& SamplerRegistry::entry(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found != entries_.end()) return found->second;
  const auto known = names();
  if (known.empty())
    throw Error(ErrorKind::internal, "no method is linked in", {.remedy = "Link manifill::manifill"});
  throw Error(
      ErrorKind::usage, "unknown method '" + name + "'",
      {.remedy = "Did you mean '" +
                 nearest_name(name, known.data(), known.data() + known.size()).value_or(known.front()) +
                 "'?"});
}

const std::string& SamplerRegistry::summary(const std::string& name) const { return entry(name).summary; }

std::vector<OptionSpec> SamplerRegistry::specs() const {
  std::vector<OptionSpec> out;
  for (const auto& [name, entry] : entries_)
    out.insert(out.end(), entry.options.begin(), entry.options.end());
  return out;
}

std::string SamplerRegistry::describe(const std::string& name, const Config& options) const {
  return options_text(options, entry(name).options);
}

std::unique_ptr<PosteriorSampler> SamplerRegistry::make(const std::string& name, const Model& model,
                                                        const Config& options) const {
  return entry(name).factory(model, options);
}

std::unique_ptr<PosteriorSampler> SamplerRegistry::make(const std::string& name, const Model& model) const {
  return make(name, model, Config(entry(name).options));
}

SamplerRegistration::SamplerRegistration(const std::string& name, const std::string& summary,
                                         std::vector<OptionSpec> options, SamplerFactory factory) {
  SamplerRegistry::instance().add(name, summary, std::move(options), std::move(factory));
}

double effective_sample_size(const Eigen::VectorXd& log_weight) {
  const Eigen::ArrayXd w = (log_weight.array() - log_weight.maxCoeff()).exp();
  return w.sum() * w.sum() / w.square().sum();
}

}  // namespace manifill::posterior
