#include "manifill/prior/grid_unet.hpp"

#include <cmath>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/domain/healpix.hpp"

using namespace manifill;
using namespace manifill::prior;

namespace {

GridTopology image(std::int64_t rows, std::int64_t columns) { return {.rows = rows, .columns = columns}; }

GridUnet scrambled(const std::vector<double>& widths, const GridTopology& topology,
                   std::int64_t attention = 0) {
  torch::manual_seed(11);
  GridUnet network(3, widths, 1, 0.0, topology, attention);
  const torch::NoGradGuard frozen;
  for (auto& p : network->parameters()) p.copy_(0.3 * torch::randn_like(p));
  network->eval();
  return network;
}

}  // namespace

TEST_CASE("a U-Net keeps rows and columns that halves do not fill", "[prior]") {
  const torch::NoGradGuard frozen;
  auto network = scrambled({4, 6, 8}, image(13, 18));
  const auto out = network->forward(torch::randn({2, 3, 13, 18}));
  CHECK(out.sizes() == torch::IntArrayRef({2, 4, 13, 18}));
  CHECK(out.isfinite().all().item<bool>());
}

TEST_CASE("a U-Net sees from one corner to the other, its finest grid alone does not", "[prior]") {
  const torch::NoGradGuard frozen;
  const auto reaches = [&](const std::vector<double>& widths, std::int64_t attention = 0) {
    auto network = scrambled(widths, image(16, 16), attention);
    auto x = torch::randn({1, 3, 16, 16});
    const auto before = network->forward(x);
    x[0][0][0][0] += 1.0;
    return (network->forward(x) - before).abs()[0].select(1, 15).select(1, 15).max().item<double>();
  };
  CHECK(reaches({4, 6, 8}) > 1e-6);
  CHECK(reaches({4}) == 0.0);
  CHECK(reaches({4}, 1) > 1e-6);
}

TEST_CASE("a fresh U-Net's blocks add nothing: coarser grids only smooth", "[prior]") {
  torch::manual_seed(2);
  GridUnet network(3, std::vector<double>{4}, 2, 0.0, image(8, 8));
  const auto x = torch::randn({1, 3, 8, 8});
  const auto entry = network->named_children()["entry"]->as<GridConvImpl>()->forward(x);
  CHECK((network->forward(x) - entry).abs().max().item<double>() == 0.0);
  torch::manual_seed(2);
  GridUnet attentive(3, std::vector<double>{4}, 2, 0.0, image(8, 8), 3);
  CHECK((attentive->forward(x) - attentive->named_children()["entry"]->as<GridConvImpl>()->forward(x))
            .abs()
            .max()
            .item<double>() == 0.0);
}

TEST_CASE("attention weighs cells by the likeness of keys to queries", "[prior]") {
  // 64 channels are two heads of 32; blocks but the attention's add nothing.
  constexpr std::int64_t kWidth = 64;
  constexpr std::int64_t kCells = 12;
  torch::manual_seed(3);
  GridUnet network(3, std::vector<double>{kWidth}, 1, 0.0, image(3, 4), 1);
  network->eval();
  const torch::NoGradGuard frozen;
  auto p = network->named_parameters();
  auto& seen = p["attention.0.seen.weight"];
  seen.copy_(0.3 * torch::randn_like(seen));
  p["attention.0.seen.bias"].normal_();
  p["attention.0.out.weight"].copy_(torch::eye(kWidth));
  const auto x = torch::randn({1, 3, 3, 4});
  const auto h = network->named_children()["entry"]->as<GridConvImpl>()->forward(x);
  // The same in double precision, one weight after the other.
  const auto cells = h.to(torch::kFloat64).flatten(2)[0].t();
  const auto normal = (cells - cells.mean(1, true)) / (cells.var(1, false, true) + 1e-5).sqrt();
  const auto parts =
      torch::matmul(normal + p["attention.0.place"].to(torch::kFloat64), seen.to(torch::kFloat64).t()) +
      p["attention.0.seen.bias"].to(torch::kFloat64);
  const auto value = parts.accessor<double, 2>();
  auto expected = cells.clone();
  auto sum = expected.accessor<double, 2>();
  for (std::int64_t head = 0; head < 2; ++head)
    for (std::int64_t i = 0; i < kCells; ++i) {
      std::vector<double> weight(kCells, 0.0);
      double total = 0.0;
      for (std::int64_t j = 0; j < kCells; ++j) {
        for (std::int64_t c = 0; c < 32; ++c)
          weight[j] += value[i][head * 32 + c] * value[j][kWidth + head * 32 + c] / std::sqrt(32.0);
        weight[j] = std::exp(weight[j]);
        total += weight[j];
      }
      for (std::int64_t j = 0; j < kCells; ++j)
        for (std::int64_t c = 0; c < 32; ++c)
          sum[i][head * 32 + c] += weight[j] / total * value[j][2 * kWidth + head * 32 + c];
    }
  const auto out = network->forward(x).flatten(2)[0].t().to(torch::kFloat64);
  CHECK((out - cells).abs().max().item<double>() > 0.1);
  CHECK((out - expected).abs().max().item<double>() < 1e-4);  // single precision of values about 3
}

TEST_CASE("a U-Net says what does not fit", "[prior]") {
  CHECK_THROWS_WITH(GridUnet(3, std::vector<double>{4, 4, 4}, 1, 0.0, image(8, 8)),
                    Catch::Contains("2 coarser grids do not fit 8 x 8"));
  CHECK_THROWS_WITH(GridUnet(3, std::vector<double>{}, 1, 0.0, image(8, 8)),
                    Catch::Contains("without widths"));
  CHECK_THROWS_WITH(GridUnet(3, std::vector<double>{2.5}, 1, 0.0, image(8, 8)),
                    Catch::Contains("a width of 2.5"));
  CHECK_THROWS_WITH(GridUnet(3, std::vector<double>{4}, 1, 0.0, image(65, 64), 1),
                    Catch::Contains("attention among 4160 cells"));
  const auto cells = GridTopology::of(domain::Domain::healpix(2, domain::healpix::Ordering::ring));
  CHECK_THROWS_WITH(GridUnet(3, std::vector<double>{4}, 1, 0.0, cells), Catch::Contains("rows and columns"));
}
