#include "manifill/prior/grid_level.hpp"

#include <cmath>
#include <numbers>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/domain/healpix.hpp"
#include "manifill/prior/score_network.hpp"
#include "unit/prior/tensors.hpp"
#include "unit/prior/toys.hpp"

using namespace manifill;
using namespace manifill::prior;

namespace {

using toys::largest;

}  // namespace

TEST_CASE("Coarse grids average over blocks by area and keep constants", "[prior]") {
  // Rows and columns that blocks of two and four do not fill.
  const auto domain = toys::globe(9, 18);
  const auto levels = grid_levels(domain, 2);
  REQUIRE(levels.size() == 3);
  CHECK(levels[1].topology().rows == 5);
  CHECK(levels[1].topology().columns == 9);
  CHECK(levels[2].topology().rows == 3);
  CHECK(levels[2].topology().columns == 5);
  const auto x = toys::tensor(toys::normals(2, 9 * 18, 3)).view({1, 2, 9, 18});
  const auto w = domain.weights();
  for (std::size_t k = 0; k < 3; ++k) {
    const auto pooled = levels[k].pool(x);
    const std::int64_t side = std::int64_t{1} << k;
    double worst = 0.0;
    for (std::int64_t r = 0; r < pooled.size(2); ++r)
      for (std::int64_t c = 0; c < pooled.size(3); ++c) {
        double sum = 0.0;
        double area = 0.0;
        for (std::int64_t i = r * side; i < std::min<std::int64_t>(9, (r + 1) * side); ++i)
          for (std::int64_t j = c * side; j < std::min<std::int64_t>(18, (c + 1) * side); ++j) {
            const double a = w[static_cast<std::size_t>(18 * i + j)];
            sum += a * x[0][1][i][j].item<double>();
            area += a;
          }
        worst = std::max(worst, std::abs(pooled[0][1][r][c].item<double>() - sum / area));
      }
    CHECK(worst < 1e-6);  // areas are in single precision
    const auto ones = torch::ones({1, 1, 9, 18}, torch::kFloat64);
    CHECK(largest(levels[k].unpool(levels[k].pool(ones)) - 1.0) < 1e-6);
  }
}

TEST_CASE("What is spread from coarse grids is smooth across the date line and the poles", "[prior]") {
  const auto domain = toys::globe(16, 32);
  const auto level = grid_levels(domain, 1)[1];
  // x, y and z of the points: smooth on the sphere, nowhere else.
  for (std::size_t c = 0; c < 3; ++c) {
    auto x = torch::empty({1, 1, 16, 32}, torch::kFloat64);
    for (std::int64_t i = 0; i < 16 * 32; ++i)
      x.view({-1})[i] = domain.points()[static_cast<std::size_t>(i)][c];
    // Blocks of 22 degrees: averages and linear pieces are off by (h / 2)^2 / 4 or so each.
    CHECK(largest(level.unpool(level.pool(x)) - x) < 0.06);
  }
  const auto x = toys::tensor(toys::normals(1, 16 * 32, 4)).view({1, 1, 16, 32});
  const auto turn = [](const torch::Tensor& f) { return torch::roll(f, 6, 3); };
  CHECK(largest(level.unpool(level.pool(turn(x))) - turn(level.unpool(level.pool(x)))) < 1e-12);
}

TEST_CASE("A unet looks far, turns by whole blocks, and refuses points in no rows", "[prior]") {
  const auto domain = toys::globe(12, 24);
  const ScoreNetworkOptions options{.network = "unet", .width = 8, .levels = {0, 1, 2, 1, 0}};
  ScoreNetwork network(domain, options);
  const auto lambda = torch::tensor({-1.0F, 4.0F});
  const auto scale = torch::ones({2});
  const auto x = toys::tensor(toys::normals(288, 2, 3)).to(torch::kFloat32);
  CHECK(largest(network->forward(x, 0.5 * x, lambda, {0.3}, scale)) == 0.0);
  {
    const torch::NoGradGuard frozen;
    torch::manual_seed(5);
    for (auto& p : network->parameters()) p.add_(0.2 * torch::randn_like(p));
  }
  network->eval();
  const auto run = [&](const torch::Tensor& f) { return network->forward(f, 0.5 * f, lambda, {0.3}, scale); };
  const auto turn = [](const torch::Tensor& f) {
    return torch::roll(f.view({2, 12, 24}), 4, 2).reshape({2, -1});
  };
  const auto out = run(x);
  CHECK(largest(out) > 1e-2);
  CHECK(largest(run(turn(x)) - turn(out)) < 1e-4 * largest(out));  // single precision
  // A change at one cell is felt eight columns away: blocks of four, windows of three at both ends of each.
  auto changed = x.clone();
  changed[0][5 * 24 + 3] += 1.0;
  CHECK((run(changed) - out)[0][5 * 24 + 11].abs().item<double>() > 0.0);

  io::ModelFile file;
  save_score(network, file);
  const auto again = load_score(file, domain);
  REQUIRE_FALSE(again.is_empty());
  CHECK(again->options().network == "unet");
  CHECK(torch::equal(again.ptr()->forward(x, 0.5 * x, lambda, {0.3}, scale), out));

  const auto pixels = domain::Domain::healpix(4, domain::healpix::Ordering::ring);
  CHECK_THROWS_AS(ScoreNetwork(pixels, options), Error);
  ScoreNetworkOptions deep = options;
  deep.levels = {0, 4};
  CHECK_THROWS_WITH(ScoreNetwork(domain, deep), Catch::Contains("coarser"));
}

TEST_CASE("Grids of an image need no areas, and hold the outermost values beyond their edges", "[prior]") {
  for (const std::int64_t columns : {8, 7}) {
    const GridTopology image{.rows = 6, .columns = columns};
    const GridLevel level(image, 1);
    const auto x = toys::tensor(toys::normals(1, 6 * columns, 5)).view({1, 1, 6, columns});
    const auto pooled = level.pool(x);
    CHECK(pooled.size(3) == 4);
    const auto first = 0.25 * (x[0][0][0][0] + x[0][0][0][1] + x[0][0][1][0] + x[0][0][1][1]);
    CHECK(pooled[0][0][0][0].item<double>() == Approx(first.item<double>()).margin(1e-12));
    // A block that reaches beyond the image counts what is inside.
    const std::int64_t inside = columns - 6;
    const auto last = x[0][0].narrow(0, 0, 2).narrow(1, 6, inside).mean();
    CHECK(pooled[0][0][0][3].item<double>() == Approx(last.item<double>()).margin(1e-6));
    const auto back = level.unpool(pooled);
    CHECK(back.size(3) == columns);
    CHECK(back[0][0][0][0].item<double>() == Approx(pooled[0][0][0][0].item<double>()).margin(1e-12));
    // A quarter of the way between the middles of two blocks.
    CHECK(back[0][0][0][1].item<double>() ==
          Approx(0.75 * pooled[0][0][0][0].item<double>() + 0.25 * pooled[0][0][0][1].item<double>())
              .margin(1e-12));
  }
}
