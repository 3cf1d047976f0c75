#include "manifill/prior/score_network.hpp"

#include <Eigen/Cholesky>
#include <cmath>
#include <numbers>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/operators/harmonic_fields.hpp"
#include "manifill/operators/spherical_harmonics.hpp"
#include "manifill/prior/prior.hpp"
#include "tests/unit/prior/tensors.hpp"
#include "tests/unit/prior/toys.hpp"
#include "unit/prior/tensors.hpp"

using namespace manifill;
using namespace manifill::prior;
using Catch::Matchers::ContainsSubstring;

namespace {

using toys::largest;

/// Weights away from the zero start.
void disturb(ScoreNetwork& network, double size) {
  const torch::NoGradGuard frozen;
  auto generator = at::detail::createCPUGenerator(5);
  for (auto& p : network->parameters()) p.add_(torch::randn(p.sizes(), generator, p.options()) * size);
}

/// A Gaussian grid that goes round.
domain::Domain gaussian_grid(std::size_t rows) {
  std::vector<double> latitude;
  for (const double theta : operators::gauss_legendre(rows).colatitude)
    latitude.push_back(90.0 - theta * 180.0 / std::numbers::pi);
  std::vector<double> longitude;
  for (std::size_t j = 0; j < 2 * rows; ++j)
    longitude.push_back(180.0 * static_cast<double>(j) / static_cast<double>(rows));
  return domain::Domain::lat_lon(latitude, longitude);
}

/// A network in doubles, away from its start, and what it makes of two fields.
class Network {
 public:
  Network(const domain::Domain& domain, const ScoreNetworkOptions& options) : network_(domain, options) {
    disturb(network_, 0.1);
    network_->to(torch::kFloat64);
    network_->eval();
  }
  torch::Tensor operator()(const torch::Tensor& x, const torch::Tensor& mean) {
    const auto lambda = torch::tensor({-1.0, 2.0}, torch::kFloat64);
    return network_->forward(x, mean, lambda, {0.3}, torch::tensor({0.8, 0.5}, torch::kFloat64));
  }
  ScoreNetwork& get() { return network_; }

 private:
  ScoreNetwork network_;
};

/// Two random fields of unit size and degrees up to lmax, as coefficients: [field][coefficient].
torch::Tensor smooth(std::int64_t lmax, std::uint64_t seed) {
  const auto count = static_cast<Eigen::Index>(operators::coefficient_count(lmax));
  return toys::tensor(toys::normals(count, 2, seed)) *
         std::sqrt(4.0 * std::numbers::pi / static_cast<double>(count));
}

using Fields = std::vector<double>;
std::span<const double> span(const torch::Tensor& x) {
  return {x.data_ptr<double>(), static_cast<std::size_t>(x.numel())};
}
torch::Tensor pair_of(const Fields& f) {
  return torch::tensor(f, torch::kFloat64).view({2, static_cast<std::int64_t>(f.size() / 2)});
}

/// Two fields turned, which hold no degrees beyond those of the transform.
torch::Tensor rotated(const operators::SphericalHarmonics& h, const torch::Tensor& x) {
  Fields out;
  for (std::int64_t k = 0; k < 2; ++k) {
    const auto field = x[k].contiguous();
    const auto turned = h.synthesis(operators::rotate(h.analysis(span(field)), h.lmax(), 0.4, 1.2, -0.9));
    out.insert(out.end(), turned.begin(), turned.end());
  }
  return pair_of(out);
}

}  // namespace

TEST_CASE("The batched denoiser is the backbone's", "[prior][score_network]") {
  const Backbone backbone = toys::seasonal_backbone();
  const GaussianDenoiser gaussian(backbone);
  const auto n = static_cast<Eigen::Index>(backbone.domain().size());
  const std::vector<double> season{0.1, 0.6, 0.2, 0.9, 0.7};
  const std::vector<double> levels{-9.0, -2.0, 0.0, 3.0, 9.0};
  const Eigen::MatrixXd noisy = toys::normals(n, 5, 11);
  auto x = torch::from_blob(const_cast<double*>(noisy.data()), {5, n}, torch::kFloat64).clone();
  const auto lambda = torch::tensor(levels, torch::kFloat64);
  const auto out = gaussian.denoise(x, lambda, season);
  const auto single = gaussian.denoise(x.to(torch::kFloat32), lambda.to(torch::kFloat32), season);
  CHECK(single.scalar_type() == torch::kFloat32);
  for (Eigen::Index k = 0; k < 5; ++k) {
    const double level = levels[static_cast<std::size_t>(k)];
    const std::size_t bin = backbone.season_bin(season[static_cast<std::size_t>(k)]);
    const Eigen::MatrixXd expected = backbone.denoise(noisy.col(k), alpha_of(level), sigma_of(level), bin);
    double difference = 0.0;
    double in_single = 0.0;
    for (Eigen::Index i = 0; i < n; ++i) {
      difference = std::max(difference, std::abs(expected(i, 0) - out[k][i].item<double>()));
      in_single = std::max(in_single, std::abs(expected(i, 0) - single[k][i].item<double>()));
    }
    CHECK(difference < 1e-11);
    CHECK(in_single < 1e-5);
  }
  // One season for the whole batch, and the derivative, which for a linear map is the map itself.
  const auto leaf = x.clone().requires_grad_();
  const auto one = gaussian.denoise(leaf, lambda, {0.6});
  CHECK(largest(one[1] - out[1]) < 1e-12);
  const auto weights = gaussian.relative_weights(torch::kFloat64);
  (one * weights * x.flip({0})).sum().backward();
  // Self-adjoint in the inner product of areas.
  const auto adjoint = gaussian.denoise(x.flip({0}), lambda, {0.6}) * weights;
  CHECK(largest(leaf.grad() - adjoint) < 1e-10);
  CHECK_THROWS_AS(gaussian.denoise(x, lambda, {0.1, 0.2}), Error);
}

TEST_CASE("Whitening, colouring and the scale of errors follow the covariance", "[prior][score_network]") {
  const auto [backbone, covariance] = toys::oracle(6, 8);
  const GaussianDenoiser gaussian(backbone);
  const auto n = covariance.rows();
  const auto x = toys::tensor(toys::normals(n, 3, 2));
  const auto lambda = torch::tensor({-4.0, 1.0, 6.0}, torch::kFloat64);
  CHECK(largest(gaussian.colour(gaussian.whiten(x, lambda, {0.5}), lambda, {0.5}) - x) < 1e-9);
  CHECK(largest(gaussian.colour_clean(gaussian.whiten_clean(x, {0.5}), {0.5}) - x) < 1e-9);
  const Eigen::VectorXd expected = backbone.log_density(toys::normals(n, 3, 2), 0);
  const auto density = gaussian.log_density(x, {0.5});
  for (Eigen::Index k = 0; k < 3; ++k) CHECK(density[k].item<double>() == Approx(expected[k]).epsilon(1e-10));

  // s^2 = sum_i w_i / n (C - alpha^2 C (alpha^2 C + sigma^2 W^-1)^-1 C)_ii.
  const Eigen::VectorXd& area = backbone.relative_weights();
  for (Eigen::Index k = 0; k < 3; ++k) {
    const double level = lambda[k].item<double>();
    const double alpha = alpha_of(level);
    const double noise = sigma_of(level) * sigma_of(level);
    Eigen::MatrixXd noisy = alpha * alpha * covariance;
    noisy.diagonal() += noise * area.cwiseInverse();
    const Eigen::MatrixXd error = covariance - alpha * alpha * covariance * noisy.llt().solve(covariance);
    const double mean = area.dot(error.diagonal()) / static_cast<double>(n);
    CHECK(gaussian.error_scale(lambda, {0.5})[k].item<double>() == Approx(std::sqrt(mean)).epsilon(1e-6));
  }
}

TEST_CASE("The network starts at no correction", "[prior][score_network]") {
  const auto [backbone, covariance] = toys::oracle(6, 8);
  const GaussianDenoiser gaussian(backbone);
  ScoreNetwork network(backbone.domain(), ScoreNetworkOptions{.width = 8, .dilations = {1, 2}});
  const auto x = toys::tensor(toys::normals(covariance.rows(), 4, 3)).to(torch::kFloat32);
  const auto lambda = torch::tensor({-9.0F, 0.0F, 4.0F, 9.0F});
  const auto scale = gaussian.error_scale(lambda, {0.3});
  const auto mean = gaussian.denoise(x, lambda, {0.3});
  CHECK(largest(network->forward(x, mean, lambda, {0.3}, scale)) == 0.0);
  network->train();
  CHECK(largest(network->forward(x, mean, lambda, {0.3}, scale)) == 0.0);
  CHECK_THROWS_AS(ScoreNetwork(backbone.domain(), ScoreNetworkOptions{.dilations = {7}}), Error);
  CHECK_THROWS_AS(ScoreNetwork(backbone.domain(), ScoreNetworkOptions{.dilations = {1.5}}), Error);

  // Equal seeds, equal weights, whatever the global random state; dropout repeats from its seed.
  ScoreNetwork a(backbone.domain(), ScoreNetworkOptions{.width = 8, .dropout = 0.5}, 7);
  torch::manual_seed(99);
  ScoreNetwork b(backbone.domain(), ScoreNetworkOptions{.width = 8, .dropout = 0.5}, 7);
  disturb(a, 0.1);
  disturb(b, 0.1);
  a->seed_dropout(3);
  b->seed_dropout(3);
  const auto once = a->forward(x, mean, lambda, {0.3}, scale);
  CHECK(largest(once) > 1e-3);
  CHECK(torch::equal(once, b->forward(x, mean, lambda, {0.3}, scale)));
  CHECK_FALSE(torch::equal(once, a->forward(x, mean, lambda, {0.3}, scale)));
  a->eval();
  CHECK(torch::equal(a->forward(x, mean, lambda, {0.3}, scale), a->forward(x, mean, lambda, {0.3}, scale)));
}

TEST_CASE("Turning the globe turns the correction", "[prior][score_network]") {
  const auto [backbone, covariance] = toys::oracle(6, 8);
  const GaussianDenoiser gaussian(backbone);
  ScoreNetwork network(backbone.domain(), ScoreNetworkOptions{.width = 8, .dilations = {1, 2, 4}});
  disturb(network, 0.2);
  network->eval();
  const auto x = toys::tensor(toys::normals(covariance.rows(), 2, 3)).to(torch::kFloat32);
  const auto lambda = torch::tensor({-1.0F, 4.0F});
  const auto corrected = [&](const torch::Tensor& noisy) {
    return network->forward(noisy, gaussian.denoise(noisy, lambda, {0.3}), lambda, {0.3},
                            gaussian.error_scale(lambda, {0.3}));
  };
  const auto turn = [](const torch::Tensor& field) {
    return torch::roll(field.view({2, 6, 8}), 3, 2).reshape({2, 48});
  };
  const auto out = corrected(x);
  CHECK(largest(out) > 1e-2);
  CHECK(largest(corrected(turn(x)) - turn(out)) < 1e-4 * largest(out));

  // Unless it is told the longitude.
  network = ScoreNetwork(backbone.domain(),
                         ScoreNetworkOptions{.width = 8, .dilations = {1, 2, 4}, .place = "position"});
  disturb(network, 0.2);
  network->eval();
  CHECK(largest(corrected(turn(x)) - turn(corrected(x))) > 1e-2);
}

TEST_CASE("An sfno turns by whole columns to rounding", "[prior][score_network]") {
  Network network(gaussian_grid(16), {.network = "sfno", .width = 6, .blocks = 2});  // it knows the latitude
  const auto turn = [](const torch::Tensor& f) {
    return torch::roll(f.view({2, 16, 32}), 5, 2).reshape({2, -1});
  };
  const auto x = toys::tensor(toys::normals(16 * 32, 2, 3));
  const auto mean = toys::tensor(toys::normals(16 * 32, 2, 4));
  const auto out = network(x, mean);
  CHECK(largest(out) > 1e-2);
  CHECK(largest(network(turn(x), turn(mean)) - turn(out)) < 1e-12 * largest(out));
}

TEST_CASE("An sfno that knows no latitude turns with the sphere", "[prior][score_network]") {
  // Relative error of exchanging rotation and network, on fields of degrees up to 3.
  const auto error = [](std::size_t rows, const std::string& place) {
    const auto domain = gaussian_grid(rows);
    const auto grid = operators::RingGrid::of(domain);
    const operators::SphericalHarmonics low(grid, 3);
    const operators::SphericalHarmonics all(grid, static_cast<std::int64_t>(rows) - 1);
    const auto x = pair_of(low.synthesis(span(smooth(3, 1))));
    const auto mean = pair_of(low.synthesis(span(smooth(3, 2))));
    Network network(domain, {.network = "sfno", .width = 6, .blocks = 2, .degree = 11, .place = place});
    const auto expected = rotated(all, network(x, mean));
    CHECK((expected - expected.mean()).norm().item<double>() > 0.1 * expected.norm().item<double>());
    return ((network(rotated(all, x), rotated(all, mean)) - expected).norm() / expected.norm())
        .item<double>();
  };
  // silu makes degrees beyond those of the fields, fewer the higher; an error is left by those only that the
  // grid does not resolve, 1.2 % of the norm on 24 rows and 0.2 % on 48.
  const double coarse = error(24, "none");
  const double fine = error(48, "none");
  CHECK(fine < 4e-3);
  CHECK(fine < 0.4 * coarse);
  CHECK(error(48, "latitude") > 0.02);
}

TEST_CASE("An sfno says the same on a grid of another resolution", "[prior][score_network][sfno]") {
  const ScoreNetworkOptions options{.network = "sfno", .width = 6, .blocks = 2, .degree = 12};
  const auto c = smooth(3, 1);
  const auto m = smooth(3, 2);
  const auto coefficients = [&](std::size_t rows) {
    const auto domain = gaussian_grid(rows);
    const auto grid = operators::RingGrid::of(domain);
    const operators::SphericalHarmonics low(grid, 3);
    Network network(domain, options);
    const auto out = network(pair_of(low.synthesis(span(c))), pair_of(low.synthesis(span(m)))).contiguous();
    return pair_of(operators::SphericalHarmonics(grid, 12).analysis(span(out)));
  };
  const auto coarse = coefficients(30);
  const auto fine = coefficients(48);
  CHECK((coarse - fine).norm().item<double>() < 2e-3 * fine.norm().item<double>());  // aliasing, as above
}

TEST_CASE("The kind of network is chosen by the domain and kept by name", "[prior][score_network]") {
  const auto grid = toys::globe(6, 8);
  const auto pixels = domain::Domain::healpix(4, domain::healpix::Ordering::nested);
  CHECK(ScoreNetworkOptions{}.resolved(grid).network == "conv");
  CHECK(ScoreNetworkOptions{}.resolved(pixels).network == "graph");
  CHECK(ScoreNetworkOptions{.network = "sfno"}.resolved(grid).degree == 2);
  CHECK_THROWS_WITH(ScoreNetworkOptions{.network = "sfno"}.resolved(domain::Domain::plane(6, 8)),
                    ContainsSubstring("sfno"));
  CHECK_THROWS_AS(ScoreNetwork(pixels, ScoreNetworkOptions{.levels = {0, 3}}), Error);
  CHECK_THROWS_AS(ScoreNetwork(pixels, ScoreNetworkOptions{.levels = {0.5}}), Error);

  const auto [name, of_pixels] = GENERATE(std::pair<std::string, bool>{"auto", true}, std::pair{"conv", true},
                                          std::pair{"graph", false}, std::pair{"sfno", false});
  INFO(name << (of_pixels ? " on pixels" : " on a grid"));
  const auto& domain = of_pixels ? pixels : grid;
  ScoreNetwork network(
      domain,
      ScoreNetworkOptions{
          .network = name, .width = 4, .dilations = {1, 2}, .levels = {0, 1}, .blocks = 2, .embedding = 8});
  disturb(network, 0.2);
  network->eval();
  io::ModelFile file;
  save_score(network, file);
  CHECK_THAT(file.text("score/options"), !ContainsSubstring("auto"));
  auto loaded = load_score(file, domain);
  REQUIRE(loaded);
  CHECK(loaded->options().network == (name == "auto" ? "graph" : name));
  const auto n = static_cast<Eigen::Index>(domain.size());
  const auto x = toys::tensor(toys::normals(n, 2, 3)).to(torch::kFloat32).requires_grad_();
  const auto lambda = torch::tensor({-1.0F, 2.0F});
  const auto scale = torch::tensor({0.8F, 0.5F});
  const auto out = network->forward(x, x.detach(), lambda, {0.3}, scale);
  CHECK(torch::equal(out, loaded->forward(x, x.detach(), lambda, {0.3}, scale)));
  out.square().sum().backward();
  CHECK(x.grad().norm().item<double>() > 0.0);
  for (const auto& p : network->named_parameters()) {
    INFO(p.key());
    REQUIRE(p.value().grad().defined());
    CHECK(p.value().grad().norm().item<double>() > 0.0);
    CHECK(torch::isfinite(p.value().grad()).all().item<bool>());
  }
  // What claims to be larger than the file holds, or of no kind, does not load.
  const std::string options = file.text("score/options");
  for (const std::string line : {"score.width=1024", "score.blocks=60", "score.knots=64",
                                 "score.network=auto", "score.levels=0,1,1,1", "score.dilations=1,1,1"}) {
    if (name != "sfno" &&
        (line.find("blocks") != std::string::npos || line.find("knots") != std::string::npos))
      continue;
    if (loaded->options().network != "graph" && line.find("levels") != std::string::npos) continue;
    if (loaded->options().network != "conv" && line.find("dilations") != std::string::npos) continue;
    INFO(line);
    file.put_text("score/options", options + line + "\n");
    try {
      static_cast<void>(load_score(file, domain));
      FAIL("accepted");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::input);
    }
  }
}

TEST_CASE("A graph network does not look at the numbering of points", "[prior][score_network]") {
  const auto mesh = domain::icosphere(5);
  const std::size_t n = mesh.vertices.size();
  std::vector<std::int64_t> to(n);
  for (std::size_t i = 0; i < n; ++i) to[i] = static_cast<std::int64_t>((i * 37 + 11) % n);
  domain::TriangleMesh other{.vertices = std::vector<std::array<double, 3>>(n), .triangles = mesh.triangles};
  for (std::size_t i = 0; i < n; ++i) other.vertices[static_cast<std::size_t>(to[i])] = mesh.vertices[i];
  for (auto& t : other.triangles)
    for (auto& v : t) v = static_cast<std::uint32_t>(to[v]);
  const ScoreNetworkOptions options{.network = "graph", .width = 6, .levels = {0, 1, 2, 1, 0}};
  Network a(domain::Domain::surface(mesh), options);
  Network b(domain::Domain::surface(other), options);
  const auto x = toys::tensor(toys::normals(static_cast<Eigen::Index>(n), 2, 3));
  const auto place = torch::tensor(to);
  const auto moved = [&](const torch::Tensor& f) { return torch::empty_like(f).index_copy_(1, place, f); };
  const auto out = a(x, x);
  CHECK(largest(out) > 1e-2);
  // Weights of the taps are in single precision.
  CHECK(largest(b(moved(x), moved(x)) - moved(out)) < 1e-5 * largest(out));
}

TEST_CASE("A score network survives a model file, a damaged one does not load", "[prior][score_network]") {
  const auto [backbone, covariance] = toys::oracle(6, 8);
  ScoreNetwork network(
      backbone.domain(),
      ScoreNetworkOptions{
          .width = 8, .dilations = {1, 3}, .dropout = 0.25, .embedding = 16, .place = "position"});
  disturb(network, 0.2);
  io::ModelFile file;
  CHECK(!load_score(file, backbone.domain()));
  save_score(network, file);
  const auto loaded = load_score(file, backbone.domain());
  REQUIRE(loaded);
  CHECK_FALSE(loaded->is_training());
  CHECK(loaded->options().dilations == std::vector<double>{1, 3});
  CHECK(loaded->options().dropout == 0.25);
  CHECK(loaded->options().place == "position");
  const auto before = network->named_parameters();
  for (const auto& p : loaded->named_parameters()) CHECK(torch::equal(p.value(), before[p.key()]));

  SECTION("a parameter of another shape") {
    file.put_floats("score/head.conv.bias", {2}, {0.0F, 0.0F});
    CHECK_THROWS_AS(load_score(file, backbone.domain()), Error);
  }
  SECTION("a weight that is not finite") {
    file.put_floats("score/head.conv.bias", {1}, {NAN});
    CHECK_THROWS_WITH(load_score(file, backbone.domain()), ContainsSubstring("not finite"));
  }
  SECTION("options that claim a huge network") {
    file.put_text("score/options", "score.width=1024\nscore.dilations=1,3\n");
    CHECK_THROWS_AS(load_score(file, backbone.domain()), Error);
  }
  SECTION("options that are no options") {
    file.put_text("score/options", "score.colour=blue\n");
    try {
      static_cast<void>(load_score(file, backbone.domain()));
      FAIL("accepted");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::input);
    }
  }
}

TEST_CASE("what a score network sees has the size that the backbone's noise has", "[prior]") {
  for (const bool by_area : {true, false}) {
    TrainingFields fields{.domain = toys::globe(6, 12)};
    fields.values = toys::normals(72, 20, 4).cast<float>();
    for (int t = 0; t < 20; ++t) {
      fields.index.push_back(t);
      fields.season.push_back(0.0);
    }
    const auto backbone = Backbone::fit(std::move(fields), {.mean_harmonics = 0, .area_weights = by_area});
    ScoreNetwork network(backbone.domain(),
                         ScoreNetworkOptions{.network = "conv", .width = 4, .dilations = {1}});
    network->weigh(backbone);
    const Eigen::VectorXf expected = backbone.relative_weights().cast<float>();
    const auto weights = network->named_buffers()["weights"];
    REQUIRE(weights.size(0) == 72);
    for (Eigen::Index i = 0; i < 72; ++i)
      CHECK(weights[i].item<float>() == Approx(expected[i]).epsilon(1e-6));  // single precision
    io::ModelFile file;
    backbone.save(file);
    save_score(network, file);
    CHECK(torch::equal(Prior::load(file).network()->named_buffers()["weights"], weights));
  }
}
