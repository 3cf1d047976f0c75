#include "manifill/posterior/flow_network.hpp"

#include <algorithm>
#include <cmath>

#include "catch.hpp"
#include "manifill/posterior/flow_condition.hpp"

using namespace manifill;

namespace {

prior::GridTopology globe() {
  return {.rows = 6, .columns = 8, .periodic = true, .pole_first = true, .pole_last = true};
}

/// A network with random weights: at its start it is the identity and would hide mistakes.
std::shared_ptr<posterior::FlowNetwork> scrambled(const posterior::FlowNetworkOptions& o,
                                                  std::int64_t features) {
  torch::manual_seed(4);
  auto network = posterior::make_flow_network(o, features, globe());
  const torch::NoGradGuard frozen;
  for (auto& p : network->parameters()) p.copy_(0.2 * torch::randn_like(p));
  network->log_spread.fill_(0.1);
  network->eval();
  return network;
}

posterior::FlowNetworkOptions options(const std::string& network) {
  posterior::FlowNetworkOptions o;
  o.vecchia = network == "vecchia";
  o.network = o.vecchia ? "unet" : network;
  o.width = 8;
  o.dilations = {1, 2};
  o.widths = {8, 10};
  o.coupling_widths = {5, 6};
  o.couplings = 4;
  o.coupling_width = 5;
  o.context = 3;
  return o;
}

}  // namespace

TEST_CASE("the affine layer uses the share of its log-scales that the options ask for", "[flow]") {
  auto o = options("conv");
  o.couplings = 0;
  const auto whole = scrambled(o, 5);
  o.scale_share = 0.3;
  const auto some = scrambled(o, 5);
  const auto features = torch::randn({2, 5, 6, 8});
  const auto a = whole->condition(features);
  const auto b = some->condition(features);
  REQUIRE(a.log_scale.abs().max().item<double>() > 0.01);
  CHECK((b.log_scale - 0.3 * a.log_scale).abs().max().item<double>() < 1e-6);
  CHECK((b.shift - a.shift).abs().max().item<double>() < 1e-6);
}

TEST_CASE("a fresh flow is the identity", "[flow]") {
  for (const char* name : {"conv", "unet", "vecchia", "realnvp"}) {
    auto network = posterior::make_flow_network(options(name), 5, globe());
    network->eval();
    const auto z = torch::randn({2, 3, 48});
    const auto context = network->condition(torch::randn({2, 5, 6, 8}));
    const auto [x, log_det] = network->forward(z, context);
    CHECK((x - z).abs().max().item<double>() < 1e-6);
    CHECK(log_det.abs().max().item<double>() < 1e-6);
  }
}

TEST_CASE("the inverse undoes the flow to 1e-5 and negates the log-determinant", "[flow]") {
  for (const char* name : {"conv", "unet", "vecchia", "realnvp"}) {
    auto network = scrambled(options(name), 5);
    const torch::NoGradGuard frozen;
    const auto context = network->condition(torch::randn({2, 5, 6, 8}));
    const auto z = torch::randn({2, 3, 48});
    const auto [x, forward] = network->forward(z, context);
    const auto [back, inverse] = network->inverse(x, context);
    CHECK((x - z).abs().max().item<double>() > 0.1);
    CHECK((back - z).abs().max().item<double>() < 1e-5 * (1.0 + x.abs().max().item<double>()));
    // Sums of a hundred single-precision terms of about one.
    CHECK((forward + inverse).abs().max().item<double>() <
          1e-5 * (10.0 + forward.abs().max().item<double>()));
  }
}

TEST_CASE("the log-determinant is that of the Jacobian by automatic differentiation", "[flow]") {
  for (const char* name : {"conv", "unet", "vecchia", "realnvp"}) {
    auto network = scrambled(options(name), 5);
    network->to(torch::kFloat64);
    const auto context = network->condition(torch::randn({1, 5, 6, 8}, torch::kFloat64));
    const auto z =
        torch::randn({1, 1, 48}, torch::TensorOptions().dtype(torch::kFloat64).requires_grad(true));
    const auto [x, log_det] = network->forward(z, context);
    std::vector<torch::Tensor> rows;
    for (std::int64_t i = 0; i < 48; ++i)
      rows.push_back(torch::autograd::grad({x.flatten()[i]}, {z}, {}, true)[0].flatten());
    const auto expected = torch::linalg_slogdet(torch::stack(rows));
    CHECK(log_det.item<double>() == Approx(std::get<1>(expected).item<double>()).margin(1e-8));
  }
}

TEST_CASE("a roll of longitude commutes with the condition network", "[flow]") {
  for (const char* name : {"conv", "unet"}) {
    auto o = options(name);
    o.couplings = 0;
    auto network = scrambled(o, 5);
    network->to(torch::kFloat64);  // sums are taken in another order, which single precision would show
    const torch::NoGradGuard frozen;
    const auto features = torch::randn({1, 5, 6, 8}, torch::kFloat64);
    const auto straight = network->condition(features).shift.view({1, 6, 8});
    // By two columns: the coarse grid of the U-Net has half of them.
    const auto rolled = network->condition(torch::roll(features, 2, 3)).shift.view({1, 6, 8});
    CHECK((torch::roll(straight, 2, 2) - rolled).abs().max().item<double>() < 1e-5);
  }
}

TEST_CASE("bands show detail far below the levels of a field", "[flow]") {
  constexpr std::int64_t kChannels = 11;  // of a sphere's condition without neighbouring steps
  const auto channels = posterior::base_channels(kChannels);
  CHECK(channels.mean == 0);
  CHECK(channels.log_sd == 3);
  CHECK(posterior::base_channels(3 * 5 + 6 + 3).mean == 6);
  CHECK(posterior::base_channels(3 * 5 + 6 + 3).log_sd == 15);
  // A base known to a ten-thousandth, whose detail is of that size, beside one without detail.
  constexpr double kSmall = 1e-4;
  torch::manual_seed(2);
  auto smooth = torch::randn({1, kChannels, 1, 1}).expand({1, kChannels, 6, 8}).clone();
  smooth.select(1, channels.log_sd).fill_(std::log(kSmall));
  auto rough = smooth.clone();
  rough.select(1, channels.mean) += kSmall * torch::randn({1, 6, 8});
  for (const char* name : {"conv", "unet"}) {
    double without = 0.0;
    for (const std::int64_t bands : {0, 1, 2}) {
      auto o = options(name);
      o.bands = bands;
      INFO(name << ", " << bands << " bands");
      auto network = scrambled(o, kChannels);
      const torch::NoGradGuard frozen;
      const auto of_rough = network->condition(rough).features;
      const double seen = (of_rough - network->condition(smooth).features).abs().max().item<double>() /
                          of_rough.abs().max().item<double>();
      if (bands == 0)
        without = seen;
      else
        CHECK(seen > std::max(0.01, 20.0 * without));  // of random weights: by orders, not to a figure
    }
  }
  auto o = options("conv");
  o.bands = 1;
  const auto pixels = prior::GridTopology::of(domain::Domain::healpix(2, domain::healpix::Ordering::ring));
  CHECK_THROWS_WITH(posterior::make_flow_network(o, kChannels, pixels),
                    Catch::Matchers::Contains("flow.bands"));
}

TEST_CASE("networks refuse layers that they have not", "[flow]") {
  auto o = options("realnvp");
  CHECK_NOTHROW(posterior::make_flow_network(o, 5, globe()));
  o.vecchia = true;
  CHECK_THROWS_WITH(posterior::make_flow_network(o, 5, globe()), Catch::Matchers::Contains("flow.vecchia"));
  o.vecchia = false;
  o.bands = 1;
  CHECK_THROWS_WITH(posterior::make_flow_network(o, 5, globe()), Catch::Matchers::Contains("flow.bands"));
  o.bands = 0;
  o.attention = 1;
  for (const char* name : {"realnvp", "conv"}) {
    o.network = name;
    CHECK_THROWS_WITH(posterior::make_flow_network(o, 5, globe()),
                      Catch::Matchers::Contains("flow.attention"));
  }
}

TEST_CASE("padding crosses the poles half a turn away", "[flow]") {
  const auto x = torch::arange(24, torch::kFloat32).view({1, 1, 4, 6});
  const auto padded = prior::grid_pad(
      x, 1, {.rows = 4, .columns = 6, .periodic = true, .pole_first = true, .pole_last = true});
  CHECK(padded.size(2) == 6);
  CHECK(padded.size(3) == 8);
  CHECK(padded[0][0][0][1].item<float>() == x[0][0][0][3].item<float>());  // north of column 0 lies column 3
  CHECK(padded[0][0][5][1].item<float>() == x[0][0][3][3].item<float>());
  CHECK(padded[0][0][2][0].item<float>() == x[0][0][1][5].item<float>());  // west of column 0 lies the last
}
