#pragma once
/// \file
/// \brief A trained model: backbone, score network and flow with what they are for, in one file.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "manifill/io/model_file.hpp"
#include "manifill/posterior/flow_condition.hpp"
#include "manifill/posterior/flow_options.hpp"
#include "manifill/prior/backbone.hpp"

namespace manifill::prior {
class ScoreNetworkImpl;
}

namespace manifill::posterior {

class FlowNetwork;

/// \brief What a model is for and where it comes from.
struct ModelInfo {
  std::string name{};
  std::string variable{};
  std::string units{};
  std::string standard_name{};
  std::string training{};  ///< source file, years, seed, version
};

/// \brief A model. The flow is absent after `train prior`. Networks are named only, so that LibTorch is
/// needed where they are used.
struct Model {
  ModelInfo info{};
  prior::Backbone backbone;
  std::shared_ptr<FlowNetwork> flow{};
  FlowNetworkOptions flow_options{};
  FlowBase flow_base = FlowBase::gaussian_posterior;
  std::uint64_t checksum = 0;                        ///< of the file it was read from
  std::shared_ptr<prior::ScoreNetworkImpl> score{};  ///< of the prior; empty when it is the backbone alone
  std::shared_ptr<prior::ScoreNetworkImpl> davi{};   ///< generator of `train davi`; empty without
  double davi_noise = 0.0;                           ///< of its input, over the signal

  /// \brief Lowest and highest plausible value, physical units: 10 standard deviations beyond the
  /// climatology's extremes over points and months.
  [[nodiscard]] std::pair<double, double> plausible_range() const;

  void save(const std::string& path) const;
  /// \throws Error(input) when the file is damaged, of another kind or version, or its shapes do not fit
  /// together
  static Model load(const std::string& path);
};

/// \brief Text of every option of a configuration, or of some of them, a line "key=value" each, and back.
std::string options_text(const Config& config);
std::string options_text(const Config& config, const std::vector<OptionSpec>& options);
void set_options(Config& config, const std::string& text);

}  // namespace manifill::posterior
