#include "manifill/posterior/model.hpp"

#include <filesystem>
#include <sstream>

#include "catch.hpp"
#include "manifill/posterior/flow_condition.hpp"
#include "manifill/posterior/flow_network.hpp"
#include "unit/prior/toys.hpp"

using namespace manifill;

namespace {

/// All that an option of a flow's network can be but its default.
posterior::FlowNetworkOptions others() {
  posterior::FlowNetworkOptions o;
  o.network = "unet";
  o.width = 7;
  o.dilations = {1, 3};
  o.widths = {6, 8};
  o.blocks = 2;
  o.attention = 2;
  o.bands = 1;
  o.dropout = 0.25;
  o.vecchia = true;
  o.couplings = 2;
  o.coupling_width = 5;
  o.coupling_widths = {4, 5};
  o.context = 3;
  o.prior_sweep = true;
  o.prior_level = 1.5;
  o.affine = false;
  o.scale_share = 0.5;
  return o;
}

}  // namespace

TEST_CASE("options of a flow's network outlast their text", "[flow]") {
  const auto specs = posterior::FlowNetworkOptions::specs();
  const auto plain = posterior::options_text(posterior::FlowNetworkOptions{}.to_config());
  const auto kept = posterior::options_text(others().to_config());
  // One line an option: each differs, so that none is forgotten on the way.
  const auto lines = [](const std::string& text) {
    std::vector<std::string> all;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  };
  REQUIRE(lines(kept).size() == specs.size());
  for (std::size_t k = 0; k < specs.size(); ++k) {
    INFO(specs[k].key);
    CHECK(lines(kept)[k] != lines(plain)[k]);
  }
  Config read(specs);
  posterior::set_options(read, kept);
  CHECK(posterior::options_text(posterior::FlowNetworkOptions::from(read).to_config()) == kept);
}

TEST_CASE("options of every type have a text, from which they are read", "[flow]") {
  const Config c({{.key = "one.flag", .fallback = true},
                  {.key = "one.count", .fallback = std::int64_t{3}},
                  {.key = "one.share", .fallback = 0.25},
                  {.key = "one.name", .fallback = std::string("blocks")},
                  {.key = "one.widths", .fallback = std::vector<double>{1.0, 2.5}},
                  {.key = "one.masks", .fallback = std::vector<std::string>{"half", "box"}}});
  const std::string text = posterior::options_text(c);
  CHECK(text ==
        "one.flag=true\none.count=3\none.share=0.25\none.name=blocks\none.widths=1,2.5\n"
        "one.masks=half,box\n");
  Config read(c.specs());
  posterior::set_options(read, text);
  CHECK(read.texts("one.masks") == std::vector<std::string>{"half", "box"});
  CHECK(read.to_toml() == c.to_toml());
}

TEST_CASE("a model file keeps its flow: members come out the same", "[flow]") {
  posterior::Model model{.backbone = toys::seasonal_backbone()};
  const auto& d = model.backbone.domain();
  model.flow_options = others();
  model.flow_options.prior_sweep = false;  // prior_coupling_test has models with one
  const std::int64_t channels = posterior::condition_channels(d, 0);
  torch::manual_seed(3);
  model.flow = posterior::make_flow_network(model.flow_options, channels, prior::GridTopology::of(d));
  {
    const torch::NoGradGuard frozen;
    for (auto& p : model.flow->parameters()) p.add_(0.1 * torch::randn_like(p));
    model.flow->log_spread.fill_(0.2);
  }
  model.flow->eval();
  const std::string path = (std::filesystem::temp_directory_path() / "manifill_model_test.h5").string();
  model.save(path);
  const auto loaded = posterior::Model::load(path);
  std::filesystem::remove(path);
  REQUIRE(loaded.flow);
  const torch::NoGradGuard frozen;
  const auto rows = static_cast<std::int64_t>(d.size() / d.columns());
  const auto features = torch::randn({1, channels, rows, static_cast<std::int64_t>(d.columns())});
  const auto z = torch::randn({1, 2, static_cast<std::int64_t>(d.size())});
  const auto members = [&](posterior::FlowNetwork& flow) {
    return flow.forward(z, flow.condition(features)).first;
  };
  CHECK((members(*model.flow) - z).abs().max().item<double>() > 0.1);
  CHECK(torch::equal(members(*model.flow), members(*loaded.flow)));
}
