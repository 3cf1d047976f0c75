#include "manifill/prior/spectral_transform.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <utility>

namespace manifill::prior {
namespace {

using operators::RingGrid;
using operators::SphericalHarmonics;
using operators::TangentField;
using operators::VectorCoefficients;
using operators::VectorHarmonics;
using FieldFunction = std::function<void(std::int64_t fields, const double* from, double* to)>;

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

/// A function of vector fields, field by field, as one of numbers: the two members of each one after the
/// other.
template <typename From, typename To>
FieldFunction by_members(std::size_t from, std::size_t to, std::vector<double> From::*from_first,
                         std::vector<double> From::*from_second, std::vector<double> To::*to_first,
                         std::vector<double> To::*to_second, const std::function<To(const From&)>& f) {
  return [=](std::int64_t fields, const double* x, double* y) {
    for (std::int64_t k = 0; k < fields; ++k, x += 2 * from, y += 2 * to) {
      From in;
      (in.*from_first).assign(x, x + from);
      (in.*from_second).assign(x + from, x + 2 * from);
      const To out = f(in);
      std::copy((out.*to_first).begin(), (out.*to_first).end(), y);
      std::copy((out.*to_second).begin(), (out.*to_second).end(), y + to);
    }
  };
}

/// From coefficients to fields, or the transpose of the way back.
FieldFunction to_fields(const VectorHarmonics& h,
                        const std::function<TangentField(const VectorCoefficients&)>& f) {
  return by_members<VectorCoefficients, TangentField>(
      operators::coefficient_count(h.lmax()), h.grid().points, &VectorCoefficients::divergent,
      &VectorCoefficients::rotational, &TangentField::east, &TangentField::north, f);
}

FieldFunction to_coefficients(const VectorHarmonics& h,
                              const std::function<VectorCoefficients(const TangentField&)>& f) {
  return by_members<TangentField, VectorCoefficients>(
      h.grid().points, operators::coefficient_count(h.lmax()), &TangentField::east, &TangentField::north,
      &VectorCoefficients::divergent, &VectorCoefficients::rotational, f);
}

std::int64_t numbers_of(const VectorHarmonics& h) {
  return 2 * static_cast<std::int64_t>(operators::coefficient_count(h.lmax()));
}

std::int64_t values_of(const VectorHarmonics& h) { return 2 * static_cast<std::int64_t>(h.grid().points); }

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

VectorTransform::VectorTransform(const VectorHarmonics& harmonics)
    : synthesis(map_of_fields(
          numbers_of(harmonics), values_of(harmonics),
          to_fields(harmonics, [h = harmonics](const VectorCoefficients& c) { return h.synthesis(c); }),
          to_coefficients(harmonics, [h = harmonics](const TangentField& u) { return h.synthesis_adj(u); }))),
      analysis(map_of_fields(
          values_of(harmonics), numbers_of(harmonics),
          to_coefficients(harmonics, [h = harmonics](const TangentField& u) { return h.analysis(u); }),
          to_fields(harmonics, [h = harmonics](const VectorCoefficients& c) { return h.analysis_adj(c); }))) {
}

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
