#pragma once
/// \file
/// \brief PosteriorSampler: anything that draws from p(x | y), by name.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "manifill/base/config.hpp"
#include "manifill/posterior/gaussian_window.hpp"
#include "manifill/posterior/model.hpp"

namespace manifill::posterior {

/// \brief What is asked of a sampler for one step.
struct SampleRequest {
  std::uint64_t seed = 1;
  std::uint32_t first_member = 0;
  std::uint32_t members = 32;
  bool density = false;     ///< log-densities and importance weights too
  std::int64_t refine = 0;  ///< steps of `refine` (refine.hpp) on the sampler's members
};

/// \brief An ensemble of one step on the model's domain.
struct Ensemble {
  Eigen::MatrixXd members{};      ///< [point][member], physical units
  Eigen::VectorXd log_density{};  ///< [member], log q(x | y) of normalised fields; empty unless asked for
  Eigen::VectorXd
      log_weight{};  ///< [member], log p(y | x) p(x) - log q(x | y), up to a constant; as log_density
  double effective_size = 0.0;  ///< of the importance weights; 0 unless asked for
  double chi_square =
      0.0;  ///< of the window's departures over its degrees of freedom; about 1 for familiar input
  double freedom = 0.0;      ///< degrees of freedom behind chi_square
  double evaluations = 0.0;  ///< of the score network or flow, a member
  double gradients = 0.0;    ///< products with the Jacobians of these, a member
};

/// \brief Draws members of the posterior of one step from the observations of its window. Members depend on
/// (seed, step, member) only, not on batches or the order of calls. Not thread-safe; make one for each
/// thread.
class PosteriorSampler {
 public:
  virtual ~PosteriorSampler() = default;
  [[nodiscard]] virtual Ensemble sample(const Window& window, const SampleRequest& request) = 0;
};

/// \brief Makes a sampler for a model, which must outlive it. The configuration declares at least the
/// sampler's own options.
using SamplerFactory = std::function<std::unique_ptr<PosteriorSampler>(const Model&, const Config&)>;

/// \brief Registry of samplers. A sampler registers itself from its own source file.
class SamplerRegistry {
 public:
  static SamplerRegistry& instance();
  /// \param options of the sampler alone, keys under "<name>."
  void add(const std::string& name, const std::string& summary, std::vector<OptionSpec> options,
           SamplerFactory factory);
  [[nodiscard]] std::vector<std::string> names() const;
  /// \brief One line on a sampler. \throws Error(usage) on an unknown name
  [[nodiscard]] const std::string& summary(const std::string& name) const;
  /// \brief Options of all samplers, sampler by sampler.
  [[nodiscard]] std::vector<OptionSpec> specs() const;
  /// \brief The options of a sampler as they are set, a line "key=value" each.
  [[nodiscard]] std::string describe(const std::string& name, const Config& options) const;
  /// \brief A sampler with the options of a configuration that declares `specs()`. \throws Error(usage) on an
  /// unknown name, nearest one offered, or when the model lacks what the sampler needs
  [[nodiscard]] std::unique_ptr<PosteriorSampler> make(const std::string& name, const Model& model,
                                                       const Config& options) const;
  /// \brief The same with all options at their defaults.
  [[nodiscard]] std::unique_ptr<PosteriorSampler> make(const std::string& name, const Model& model) const;

 private:
  struct Entry {
    std::string summary;
    std::vector<OptionSpec> options;
    SamplerFactory factory;
  };
  [[nodiscard]] const Entry& entry(const std::string& name) const;
  std::map<std::string, Entry> entries_{};
};

/// \brief Registers a sampler: a file-scope constant of its source.
struct SamplerRegistration {
  SamplerRegistration(const std::string& name, const std::string& summary, std::vector<OptionSpec> options,
                      SamplerFactory factory);
};

/// \brief Effective sample size (sum w)^2 / sum w^2 of log-weights (Kong 1992).
double effective_sample_size(const Eigen::VectorXd& log_weight);

}  // namespace manifill::posterior
