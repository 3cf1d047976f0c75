#include "manifill/prior/log_density.hpp"

#include <Eigen/Cholesky>
#include <cmath>
#include <numbers>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "tests/unit/prior/tensors.hpp"
#include "tests/unit/prior/toys.hpp"
#include "unit/prior/tensors.hpp"

using namespace manifill;
using namespace manifill::prior;

namespace {

using toys::largest;
double rms(const torch::Tensor& x) { return x.square().mean().sqrt().item<double>(); }

/// Half N(m, C), half N(-m, C): not Gaussian, yet everything is known. The backbone is the Gaussian of equal
/// moments.
struct SignMixture {
  explicit SignMixture(std::size_t rows = 4, std::size_t columns = 6)
      : covariance(toys::oracle(rows, columns).second), backbone(make(rows, columns)) {
    c = toys::tensor(covariance);
    m = toys::tensor(pattern).squeeze(0);
    // C and the noise are diagonal together: W^1/2 C W^1/2 = U tau U^T.
    const auto root = torch::sqrt(toys::tensor(backbone.relative_weights()).squeeze(0));
    const auto [eigenvalues, vectors] = torch::linalg_eigh(root.unsqueeze(1) * c * root, "L");
    tau = eigenvalues;
    up = vectors * root.unsqueeze(1);
    down = vectors / root.unsqueeze(1);
  }

  /// E[x0 | x_t] = G x + (1 - alpha G) m tanh(alpha m^T A^-1 x), A = alpha^2 C + sigma^2 W^-1, G = alpha C
  /// A^-1.
  [[nodiscard]] torch::Tensor denoise(const torch::Tensor& x, const torch::Tensor& lambda) const {
    const auto alpha = alpha_of(lambda).unsqueeze(1);
    const auto sigma = sigma_of(lambda).unsqueeze(1);
    const auto total = alpha * alpha * tau + sigma * sigma;
    const auto x_modes = torch::matmul(x, up);
    const auto m_modes = torch::matmul(m, up);
    const auto projection = alpha * (x_modes * m_modes / total).sum(1, true);
    const auto gain = alpha * tau / total;
    return torch::matmul(gain * x_modes + (1.0 - alpha * gain) * m_modes * torch::tanh(projection), down.t());
  }

  [[nodiscard]] Correction correction() const {
    return [this](const torch::Tensor& x, const torch::Tensor& mean, const torch::Tensor& lambda,
                  const std::vector<double>&) { return denoise(x, lambda) - mean; };
  }

  [[nodiscard]] torch::Tensor log_density(const torch::Tensor& x) const {
    const auto inverse = torch::inverse(c);
    const auto log_det = 2.0 * torch::log(torch::diagonal(torch::linalg_cholesky(c))).sum();
    const auto part = [&](double sign) {
      const auto d = x - sign * m;
      return -0.5 * ((torch::matmul(d, inverse) * d).sum(1) + log_det +
                     static_cast<double>(m.size(0)) * std::log(2.0 * std::numbers::pi));
    };
    return torch::logaddexp(part(1.0), part(-1.0)) - std::log(2.0);
  }

  [[nodiscard]] torch::Tensor draws(Eigen::Index count, std::uint64_t seed) const {
    const Eigen::MatrixXd root = covariance.llt().matrixL();
    Eigen::MatrixXd x = root * toys::normals(pattern.size(), count, seed);
    for (Eigen::Index k = 0; k < count; ++k) x.col(k) += (k % 2 == 0 ? 1.0 : -1.0) * pattern;
    return toys::tensor(x);
  }

  Eigen::MatrixXd covariance;
  Eigen::VectorXd pattern{};
  Backbone backbone;
  torch::Tensor c{};
  torch::Tensor m{};
  torch::Tensor tau{};
  torch::Tensor up{};
  torch::Tensor down{};

 private:
  Backbone make(std::size_t rows, std::size_t columns) {
    pattern = 1.5 * toys::normals(covariance.rows(), 1, 5).col(0).array().sin().matrix();
    BackboneOptions options;
    options.rank = covariance.rows();
    options.residual_floor = 1e-6;
    return Backbone::from_covariance(toys::globe(rows, columns), covariance + pattern * pattern.transpose(),
                                     0.0, options);
  }
};

/// A network away from its start, in double precision for finite differences.
Correction random_network(const GaussianDenoiser& gaussian, double size) {
  ScoreNetwork network(gaussian.backbone().domain(), ScoreNetworkOptions{.width = 8, .dilations = {1, 2}});
  const torch::NoGradGuard frozen;
  auto generator = at::detail::createCPUGenerator(5);
  for (auto& p : network->named_parameters())
    if (p.key().rfind("head", 0) == 0) p.value().add_(torch::randn(p.value().sizes(), generator) * size);
  network->to(torch::kFloat64);
  network->eval();
  return [network, gaussian](const torch::Tensor& x, const torch::Tensor& mean, const torch::Tensor& lambda,
                             const std::vector<double>& season) {
    return network.ptr()->forward(x, mean, lambda, season, gaussian.error_scale(lambda, season));
  };
}

}  // namespace

TEST_CASE("Without a correction both densities are the Gaussian's", "[prior][log_density]") {
  const auto [backbone, covariance] = toys::oracle(4, 6);
  const GaussianDenoiser gaussian(backbone);
  const Correction zero = [](const torch::Tensor& x, const auto& mean, const auto&, const auto&) {
    return (x + mean) * 0.0;
  };
  const Eigen::MatrixXd fields = toys::normals(24, 5, 8);
  const auto x = toys::tensor(fields);
  // log N from the dense covariance itself.
  const Eigen::LLT<Eigen::MatrixXd> factor(covariance);
  const double log_det = 2.0 * Eigen::MatrixXd(factor.matrixL()).diagonal().array().log().sum();
  for (const auto& correction : {zero, Correction{}}) {
    const auto surrogate =
        surrogate_log_density(gaussian, correction, NoiseSchedule{}, x, {0.2}, {.draws = 4});
    const auto exact =
        exact_log_density(gaussian, correction, NoiseSchedule{}, x, {0.2}, {.steps = 3, .probes = 1});
    for (Eigen::Index k = 0; k < 5; ++k) {
      const double expected = -0.5 * (fields.col(k).dot(factor.solve(fields.col(k))) + log_det +
                                      24.0 * std::log(2.0 * std::numbers::pi));
      CHECK(surrogate[k].item<double>() == Approx(expected).epsilon(1e-6));
      CHECK(exact[k].item<double>() == Approx(expected).epsilon(1e-6));
    }
  }
  CHECK_THROWS_AS(surrogate_log_density(gaussian, zero, NoiseSchedule{}, x, {0.2}, {.draws = 3}), Error);
}

TEST_CASE("With the denoiser of a mixture both densities are the mixture's", "[prior][log_density]") {
  const SignMixture mixture;
  const GaussianDenoiser gaussian(mixture.backbone);
  const auto x = mixture.draws(6, 31);
  const auto truth = mixture.log_density(x);
  const auto linear = gaussian.log_density(x, {0.5});
  CHECK(rms(truth - linear) > 0.5);  // far from Gaussian

  // The flow: to its step, and to what the Gaussian beyond the highest level leaves out.
  const auto exact = exact_log_density(gaussian, mixture.correction(), NoiseSchedule{}, x, {0.5},
                                       {.steps = 40, .exact_trace = true});
  CHECK(largest(exact - truth) < 0.01);
  const auto estimated = exact_log_density(gaussian, mixture.correction(), NoiseSchedule{}, x, {0.5},
                                           {.steps = 40, .probes = 64});
  CHECK(rms(estimated - truth) < 0.2);

  // The surrogate: tight for a true denoiser, to its Monte-Carlo error.
  const auto surrogate =
      surrogate_log_density(gaussian, mixture.correction(), NoiseSchedule{}, x, {0.5}, {.draws = 8192});
  const auto other = surrogate_log_density(gaussian, mixture.correction(), NoiseSchedule{}, x, {0.5},
                                           {.draws = 8192, .seed = 2});
  CHECK(rms(surrogate - truth) < 0.15);
  CHECK(rms(surrogate - truth) < 3.0 * rms(surrogate - other) + 0.02);
}

TEST_CASE("The surrogate of a wrong denoiser is a lower bound", "[prior][log_density]") {
  // Half the true correction is no denoiser of any distribution. exp(b) then bounds a normalised density from
  // below, so its integral, estimated with draws of the Gaussian, is below one; that of the flow's density is
  // one.
  const SignMixture mixture(3, 4);
  const GaussianDenoiser gaussian(mixture.backbone);
  const auto part = [&](double share) {
    return Correction([share, full = mixture.correction()](const auto& x, const auto& mean,
                                                           const auto& lambda, const auto& season) {
      return share * full(x, mean, lambda, season);
    });
  };
  const auto white =
      toys::tensor(toys::normals(12, 200, 3)) * torch::rsqrt(gaussian.relative_weights(torch::kFloat64));
  const auto x = gaussian.colour_clean(white, {0.5});
  const auto linear = gaussian.log_density(x, {0.5});
  const auto flow =
      exact_log_density(gaussian, part(0.5), NoiseSchedule{}, x, {0.5}, {.steps = 20, .exact_trace = true});
  const auto bound = surrogate_log_density(gaussian, part(0.5), NoiseSchedule{}, x, {0.5}, {.draws = 1024});
  CHECK(torch::exp(flow - linear).mean().item<double>() == Approx(1.0).margin(0.1));
  CHECK(torch::exp(bound - linear).mean().item<double>() < 1.05);
  // On draws of the mixture the true correction gains most, and in the mean no bound exceeds the truth.
  const auto y = mixture.draws(100, 77);
  const auto mean_bound = [&](double share) {
    return (surrogate_log_density(gaussian, part(share), NoiseSchedule{}, y, {0.5}, {.draws = 256}) -
            mixture.log_density(y))
        .mean()
        .item<double>();
  };
  const double half = mean_bound(0.5);
  CHECK(mean_bound(1.0) == Approx(0.0).margin(0.05));
  CHECK(half < 0.0);
  CHECK(mean_bound(-0.5) < half);
}

TEST_CASE("A small network changes surrogate and flow density alike", "[prior][log_density]") {
  const auto [backbone, covariance] = toys::oracle(4, 6);
  const GaussianDenoiser gaussian(backbone);
  const auto white =
      toys::tensor(toys::normals(24, 24, 4)) * torch::rsqrt(gaussian.relative_weights(torch::kFloat64));
  const auto x = gaussian.colour_clean(white, {0.5});
  const auto correction = random_network(gaussian, 0.005);
  const auto linear = gaussian.log_density(x, {0.5});
  const auto flow =
      exact_log_density(gaussian, correction, NoiseSchedule{}, x, {0.5}, {.steps = 8, .exact_trace = true});
  const auto bound = surrogate_log_density(gaussian, correction, NoiseSchedule{}, x, {0.5}, {.draws = 256});
  INFO("flow - linear " << rms(flow - linear) << ", bound - linear " << rms(bound - linear)
                        << ", bound - flow " << rms(bound - flow) << ", mean "
                        << (bound - flow).mean().item<double>());
  // A random correction belongs to no distribution, so that the reverse process, which the surrogate bounds,
  // and the flow have densities that differ to the first order, though both leave the mean over the Gaussian
  // alone to that order; the bound's gap is of the second.
  CHECK(rms(flow - linear) > 0.1);
  CHECK(rms(bound - flow) < rms(flow - linear));
  CHECK((bound - flow).mean().item<double>() < 0.02);
  CHECK(torch::exp(flow - linear).mean().item<double>() == Approx(1.0).margin(0.25));
  CHECK(torch::exp(bound - linear).mean().item<double>() < 1.2);
}

TEST_CASE("The surrogate is differentiated through the network", "[prior][log_density]") {
  const auto [backbone, covariance] = toys::oracle(4, 6);
  const GaussianDenoiser gaussian(backbone);
  const auto correction = random_network(gaussian, 0.2);
  const auto at = toys::tensor(toys::normals(24, 2, 6));
  const auto value = [&](const torch::Tensor& x) {
    return surrogate_log_density(gaussian, correction, NoiseSchedule{}, x, {0.1, 0.7},
                                 {.draws = 8, .seed = 4});
  };
  const auto x = at.clone().requires_grad_();
  value(x).sum().backward();
  const auto gradient = x.grad();
  const auto plain = at.clone().requires_grad_();
  gaussian.log_density(plain, {0.1, 0.7}).sum().backward();
  CHECK(largest(gradient - plain.grad()) > 0.1);  // the network takes part
  const torch::NoGradGuard frozen;
  constexpr double kStep = 1e-5;
  for (const std::int64_t i : {0, 7, 23}) {
    auto up = at.clone();
    up.select(1, i) += kStep;
    auto down = at.clone();
    down.select(1, i) -= kStep;
    const auto expected = (value(up) - value(down)) / (2.0 * kStep);
    for (std::int64_t b = 0; b < 2; ++b)
      CHECK(gradient[b][i].item<double>() == Approx(expected[b].item<double>()).epsilon(1e-5).margin(1e-4));
  }
  // A row's draws do not depend on its neighbours in the batch.
  const auto alone = surrogate_log_density(gaussian, correction, NoiseSchedule{}, at.narrow(0, 0, 1), {0.1},
                                           {.draws = 8, .seed = 4});
  CHECK(alone[0].item<double>() == Approx(value(at)[0].item<double>()).epsilon(1e-9));
}

TEST_CASE("The flow from noise draws from the mixture", "[prior][log_density]") {
  const SignMixture mixture;
  const GaussianDenoiser gaussian(mixture.backbone);
  const auto white =
      toys::tensor(toys::normals(24, 4000, 12)) * torch::rsqrt(gaussian.relative_weights(torch::kFloat64));
  const auto x = flow_from_noise(gaussian, mixture.correction(), NoiseSchedule{}, white, {0.5}, 30);
  // The projection that tells the two halves apart: +-1 with little around it, where the Gaussian's would be
  // bell-shaped.
  const auto weights = torch::matmul(torch::inverse(mixture.c), mixture.m);
  const auto kurtosis = [&](const torch::Tensor& fields) {
    const auto p = torch::matmul(fields, weights);
    return (p.pow(4).mean() / p.square().mean().square()).item<double>();
  };
  CHECK(kurtosis(x) == Approx(kurtosis(mixture.draws(4000, 55))).epsilon(0.05));
  CHECK(kurtosis(gaussian.colour_clean(white, {0.5})) == Approx(3.0).epsilon(0.15));
  const auto total = mixture.c + torch::ger(mixture.m, mixture.m);
  const auto sample = torch::matmul(x.t(), x) / 4000.0;
  CHECK((sample - total).norm().item<double>() < 0.1 * total.norm().item<double>());
  // Converged in its steps.
  const auto fine =
      flow_from_noise(gaussian, mixture.correction(), NoiseSchedule{}, white.narrow(0, 0, 50), {0.5}, 240);
  CHECK(rms(x.narrow(0, 0, 50) - fine) < 0.05);
}
