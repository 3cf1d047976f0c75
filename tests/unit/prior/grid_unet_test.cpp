#include "manifill/prior/grid_unet.hpp"

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/domain/healpix.hpp"

using namespace manifill;
using namespace manifill::prior;

namespace {

GridTopology image(std::int64_t rows, std::int64_t columns) { return {.rows = rows, .columns = columns}; }

GridUnet scrambled(const std::vector<double>& widths, const GridTopology& topology) {
  torch::manual_seed(11);
  GridUnet network(3, widths, 1, 0.0, topology);
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
  const auto reaches = [&](const std::vector<double>& widths) {
    auto network = scrambled(widths, image(16, 16));
    auto x = torch::randn({1, 3, 16, 16});
    const auto before = network->forward(x);
    x[0][0][0][0] += 1.0;
    return (network->forward(x) - before).abs()[0].select(1, 15).select(1, 15).max().item<double>();
  };
  CHECK(reaches({4, 6, 8}) > 1e-6);
  CHECK(reaches({4}) == 0.0);
}

TEST_CASE("a fresh U-Net's blocks add nothing: coarser grids only smooth", "[prior]") {
  torch::manual_seed(2);
  GridUnet network(3, std::vector<double>{4}, 2, 0.0, image(8, 8));
  const auto x = torch::randn({1, 3, 8, 8});
  const auto entry = network->named_children()["entry"]->as<GridConvImpl>()->forward(x);
  CHECK((network->forward(x) - entry).abs().max().item<double>() == 0.0);
}

TEST_CASE("a U-Net says what does not fit", "[prior]") {
  CHECK_THROWS_WITH(GridUnet(3, std::vector<double>{4, 4, 4}, 1, 0.0, image(8, 8)),
                    Catch::Contains("2 coarser grids do not fit 8 x 8"));
  CHECK_THROWS_WITH(GridUnet(3, std::vector<double>{}, 1, 0.0, image(8, 8)),
                    Catch::Contains("without widths"));
  CHECK_THROWS_WITH(GridUnet(3, std::vector<double>{2.5}, 1, 0.0, image(8, 8)),
                    Catch::Contains("a width of 2.5"));
  const auto cells = GridTopology::of(domain::Domain::healpix(2, domain::healpix::Ordering::ring));
  CHECK_THROWS_WITH(GridUnet(3, std::vector<double>{4}, 1, 0.0, cells), Catch::Contains("rows and columns"));
}
