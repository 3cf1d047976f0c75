#include "manifill/posterior/model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "manifill/base/error.hpp"
#include "manifill/posterior/flow_network.hpp"
#include "manifill/prior/prior.hpp"
#include "manifill/prior/score_network.hpp"

namespace manifill::posterior {
namespace {

constexpr const char* kDavi = "davi";  // group of the generator's entries

std::string value_text(const OptionValue& value) {
  struct Visitor {
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::int64_t v) const { return std::to_string(v); }
    std::string operator()(double v) const { return fmt::format("{:.17g}", v); }
    std::string operator()(const std::string& v) const { return v; }
    std::string operator()(const std::vector<double>& v) const {
      std::string text;
      for (const double x : v) text += (text.empty() ? "" : ",") + fmt::format("{:.17g}", x);
      return text;
    }
    std::string operator()(const std::vector<std::string>& v) const {
      std::string text;
      for (const auto& x : v) text += (text.empty() ? "" : ",") + x;
      return text;
    }
  };
  return std::visit(Visitor{}, value);
}

io::ModelFile::Shape shape_of(const torch::Tensor& t) {
  io::ModelFile::Shape shape;
  for (const auto extent : t.sizes()) shape.push_back(static_cast<std::size_t>(extent));
  return shape;
}

/// Floating-point parameters and buffers by name; integer buffers are made anew from the options.
std::vector<std::pair<std::string, torch::Tensor>> state(const FlowNetwork& network) {
  std::vector<std::pair<std::string, torch::Tensor>> out;
  for (const auto& p : network.named_parameters()) out.emplace_back("flow/parameter/" + p.key(), p.value());
  for (const auto& b : network.named_buffers())
    if (b.value().is_floating_point()) out.emplace_back("flow/buffer/" + b.key(), b.value());
  return out;
}

}  // namespace

std::string options_text(const Config& config) { return options_text(config, config.specs()); }

std::string options_text(const Config& config, const std::vector<OptionSpec>& options) {
  std::string text;
  for (const auto& s : options) text += s.key + "=" + value_text(config.value(s.key)) + "\n";
  return text;
}

void set_options(Config& config, const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (!line.empty()) config.set(line);
}

std::pair<double, double> Model::plausible_range() const {
  const double ten = 10.0 * backbone.unit_scale();
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (int month = 0; month < 12; ++month) {
    const Eigen::VectorXd level = backbone.mean((month + 0.5) / 12.0);
    for (Eigen::Index i = 0; i < level.size(); ++i) {
      if (backbone.active()[i] == 0.0) continue;  // its level is no value of the quantity
      low = std::min(low, level[i]);
      high = std::max(high, level[i]);
    }
  }
  return {low - ten, high + ten};
}

void Model::save(const std::string& path) const {
  io::ModelFile file;
  file.put_text("model/name", info.name);
  file.put_text("model/training", info.training);
  file.put_text("variable", info.variable);
  file.put_text("units", info.units);
  file.put_text("standard_name", info.standard_name);
  const auto [low, high] = plausible_range();
  file.put_doubles("range", {2}, {low, high});
  file.put_integers("model/shape", {2},
                    {2 * backbone.options().window + 1, backbone.options().season_bins});  // for inspect
  backbone.save(file);
  if (score) prior::save_score(score, file);
  if (davi) {
    prior::save_score(davi, file, kDavi);
    file.put_doubles(std::string(kDavi) + "/noise", {1}, {davi_noise});
  }
  if (flow) {
    file.put_text("flow/options", options_text(flow_options.to_config()));
    file.put_text("flow/base", flow_base_name(flow_base));
    for (const auto& [name, tensor] : state(*flow)) {
      const auto dense = tensor.detach().contiguous().to(torch::kFloat32);
      const auto* data = dense.data_ptr<float>();
      file.put_floats(name, shape_of(dense), std::vector<float>(data, data + dense.numel()));
    }
  }
  file.save(path);
}

Model Model::load(const std::string& path) {
  const io::ModelFile file = io::ModelFile::load(path);
  Model m{.backbone = prior::Backbone::load(file)};
  m.info = {file.text("model/name"), file.text("variable"), file.text("units"), file.text("standard_name"),
            file.text("model/training")};
  m.checksum = file.checksum();
  if (const auto score = prior::load_score(file, m.backbone.domain())) {
    m.score = score.ptr();
    m.score->weigh(m.backbone);
  }
  if (const auto davi =
          prior::load_score(file, m.backbone.domain(), kDavi,
                            condition_channels(m.backbone.domain(), m.backbone.options().window))) {
    m.davi = davi.ptr();
    m.davi->weigh(m.backbone);
    m.davi_noise = file.doubles(std::string(kDavi) + "/noise", {1})[0];
    if (!(std::isfinite(m.davi_noise) && m.davi_noise > 0.0))
      throw Error(ErrorKind::input, "its 'davi/noise' is no noise",
                  {.file = path, .remedy = "Fetch or train the model again"});
  }
  if (!file.has("flow/options")) return m;
  Config config(FlowNetworkOptions::specs());
  set_options(config, file.text("flow/options"));
  m.flow_options = FlowNetworkOptions::from(config);
  m.flow_base = parse_flow_base(file.text("flow/base"));
  if (m.flow_options.prior_sweep && !m.score)
    throw Error(ErrorKind::input, "its flow ends in a sweep of the prior, whose score network it has not",
                {.file = path, .remedy = "Fetch or train the model again"});
  const auto learned =
      m.flow_options.prior_sweep ? std::make_shared<const prior::Prior>(m.backbone, m.score) : nullptr;
  m.flow =
      make_flow_network(m.flow_options, condition_channels(m.backbone.domain(), m.backbone.options().window),
                        prior::GridTopology::of(m.backbone.domain(), m.backbone.active()), learned);
  const torch::NoGradGuard frozen;
  for (auto& [name, tensor] : state(*m.flow)) {
    const auto& values = file.floats(name, shape_of(tensor));
    tensor.copy_(torch::from_blob(const_cast<float*>(values.data()), tensor.sizes(), torch::kFloat32));
  }
  m.flow->eval();
  return m;
}

}  // namespace manifill::posterior
