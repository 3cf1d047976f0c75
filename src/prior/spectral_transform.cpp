#include "manifill/prior/spectral_transform.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <utility>

namespace manifill::prior {
namespace {

using operators::RingGrid;
using operators::SphericalHarmonics;

/// Transforms of many fields work on whole fields in memory that the caller has; iterations do not.
LinearMap synthesis_map(const SphericalHarmonics& h) {
  const auto points = h.points();
  const auto coefficients = h.coefficients();
  return map_of_fields(
      static_cast<std::int64_t>(coefficients), static_cast<std::int64_t>(points),
      [h, points, coefficients](std::int64_t fields, const double* c, double* f) {
        const auto n = static_cast<std::size_t>(fields);
        h.synthesis(std::span(c, n * coefficients), std::span(f, n * points));
      },
      [h, points, coefficients](std::int64_t fields, const double* f, double* c) {
        const auto n = static_cast<std::size_t>(fields);
        h.synthesis_adj(std::span(f, n * points), std::span(c, n * coefficients));
      });
}

LinearMap analysis_map(const SphericalHarmonics& h, int iterations) {
  const auto points = h.points();
  const auto coefficients = h.coefficients();
  return map_of_fields(
      static_cast<std::int64_t>(points), static_cast<std::int64_t>(coefficients),
      [h, points, coefficients, iterations](std::int64_t fields, const double* f, double* c) {
        const auto n = static_cast<std::size_t>(fields);
        if (iterations == 0) {
          h.analysis(std::span(f, n * points), std::span(c, n * coefficients));
          return;
        }
        const auto found = h.analysis(std::span(f, n * points), iterations);
        std::copy(found.begin(), found.end(), c);
      },
      [h, points, coefficients, iterations](std::int64_t fields, const double* c, double* f) {
        const auto n = static_cast<std::size_t>(fields);
        if (iterations == 0) {
          h.analysis_adj(std::span(c, n * coefficients), std::span(f, n * points));
          return;
        }
        const auto found = h.analysis_adj(std::span(c, n * coefficients), iterations);
        std::copy(found.begin(), found.end(), f);
      });
}

/// One transform for all layers of a domain and degree.
std::shared_ptr<const SpectralTransform> shared_transform(const domain::Domain& domain, std::int64_t degree) {
  static std::mutex mutex;
  static std::map<std::pair<std::uint64_t, std::int64_t>, std::weak_ptr<const SpectralTransform>> known;
  const std::lock_guard<std::mutex> lock(mutex);
  auto& entry = known[{domain.hash(), degree}];
  auto transform = entry.lock();
  if (!transform) {
    const RingGrid grid = RingGrid::of(domain);
    transform = std::make_shared<SpectralTransform>(SphericalHarmonics(grid, degree), usual_iterations(grid));
    entry = transform;
  }
  return transform;
}

/// What each coefficient takes of the matrices at the knots: [knot][coefficient].
torch::Tensor shares_of_knots(std::int64_t degree, std::int64_t knots, std::int64_t lmax) {
  const auto degrees = operators::coefficient_degrees(lmax);
  auto shares = torch::zeros({knots, static_cast<std::int64_t>(degrees.size())}, torch::kFloat64);
  const auto last = static_cast<double>(knots - 1);
  const double per_log = degree > 0 ? last / std::log1p(static_cast<double>(degree)) : 0.0;
  auto at = shares.accessor<double, 2>();
  for (std::size_t k = 0; k < degrees.size(); ++k) {
    const double place = std::min(per_log * std::log1p(static_cast<double>(degrees[k])), last);
    const auto below = std::min(static_cast<std::int64_t>(place), knots - 2);
    const double share = place - static_cast<double>(below);
    at[below][static_cast<std::int64_t>(k)] = 1.0 - share;
    at[below + 1][static_cast<std::int64_t>(k)] = share;
  }
  return shares;
}

}  // namespace

SpectralTransform::SpectralTransform(const SphericalHarmonics& harmonics, int iterations)
    : synthesis(synthesis_map(harmonics)), analysis(analysis_map(harmonics, iterations)) {}

int usual_iterations(const RingGrid& grid) {
  constexpr int usual = 3;
  return grid.quadrature == operators::Quadrature::healpix ||
                 grid.quadrature == operators::Quadrature::reduced_gaussian
             ? usual
             : 0;
}

std::int64_t resolved_degree(const domain::Domain& domain) { return RingGrid::of(domain).exact_degree(); }

SphericalConvImpl::SphericalConvImpl(std::int64_t in, std::int64_t out, std::int64_t degree,
                                     std::int64_t knots, const domain::Domain& domain)
    : out_(out), transform_(shared_transform(domain, std::min(degree, resolved_degree(domain)))) {
  shares_ = register_buffer(
      "shares",
      shares_of_knots(degree, knots, std::min(degree, resolved_degree(domain))).to(torch::kFloat32));
  mix_ = register_parameter("mix", torch::zeros({out, knots * in}));
  pointwise_ = register_module("pointwise", torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, 1)));
}

torch::Tensor SphericalConvImpl::forward(const torch::Tensor& x) {
  const std::int64_t batch = x.size(0);
  const auto c = transform_->analysis(x.flatten(2));  // [batch][in][coefficient]
  // Each coefficient mixes channels by the matrices of its two nearest knots; all knots in one product.
  const auto by_knot = (shares_.unsqueeze(1) * c.unsqueeze(1)).flatten(1, 2);
  const auto mixed = torch::matmul(mix_, by_knot);
  return transform_->synthesis(mixed).view({batch, out_, x.size(2), x.size(3)}) +
         pointwise_->forward(x.contiguous());
}

}  // namespace manifill::prior
