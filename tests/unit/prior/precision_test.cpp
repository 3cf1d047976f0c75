// Convolutions of bfloat16 values: near those of single precision, and only within the scope.

#include "manifill/prior/precision.hpp"

#include "catch.hpp"
#include "manifill/prior/grid_unet.hpp"

using namespace manifill::prior;

namespace {

GridUnet network() {
  torch::manual_seed(5);
  GridUnet out(3, std::vector<double>{8, 16}, 1, 0.0, GridTopology{.rows = 12, .columns = 14});
  const torch::NoGradGuard frozen;
  for (auto& p : out->parameters()) p.copy_(0.2 * torch::randn_like(p));
  return out;
}

double distance(const torch::Tensor& a, const torch::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

}  // namespace

TEST_CASE("bfloat16 rounds a network's results, and nothing after its scope", "[prior]") {
  auto net = network();
  const auto x = torch::randn({2, 3, 12, 14});
  const auto single = net->forward(x);
  for (int round = 0; round < 2; ++round) {
    torch::Tensor rounded;
    {
      const BfloatScope scope(true);
      rounded = net->forward(x);
    }
    CHECK(rounded.scalar_type() == torch::kFloat32);
    // A value keeps 8 bits: 2^-9 of it, over some ten layers.
    CHECK(distance(rounded, net->forward(x)) < 0.03);
    CHECK(distance(rounded, net->forward(x)) > 1e-5);
    if (round == 0) {
      CHECK(torch::equal(net->forward(x), single));
      // A second scope must see the weights as they are then.
      const torch::NoGradGuard frozen;
      for (auto& p : net->parameters()) p.mul_(1.3);
    }
  }
  const auto outside = net->forward(x);
  {
    const BfloatScope scope(false);
    CHECK(torch::equal(net->forward(x), outside));
  }
}

TEST_CASE("gradients of bfloat16 networks are those of single precision but for rounding", "[prior]") {
  const auto x = torch::randn({4, 3, 12, 14});
  const auto target = torch::randn({4, 8, 12, 14});
  const auto gradients = [&](bool on) {
    auto net = network();
    const auto out = [&] {
      const BfloatScope scope(on);
      return net->forward(x);
    }();
    (out - target).square().mean().backward();
    std::vector<torch::Tensor> all;
    for (const auto& p : net->parameters()) {
      CHECK(p.grad().scalar_type() == torch::kFloat32);
      all.push_back(p.grad().flatten());
    }
    return torch::cat(all);
  };
  const auto single = gradients(false);
  CHECK(distance(gradients(true), single) < 0.05);  // 2^-9 over the layers of both directions
}

TEST_CASE("names of precisions", "[prior]") {
  CHECK(is_bfloat("bfloat16"));
  CHECK_FALSE(is_bfloat("single"));
}
