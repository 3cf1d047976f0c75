#include "manifill/verification/degree_spectrum.hpp"

#include <span>
#include <utility>
#include <vector>

#include "manifill/base/error.hpp"
#include "manifill/operators/harmonic_fields.hpp"
#include "manifill/operators/ring_grid.hpp"

namespace manifill::verification {
namespace {

constexpr int kIterations = 3;  // of analysis, where the grid's quadrature is not exact

}  // namespace

std::optional<DegreeSpectrum> DegreeSpectrum::of(const domain::Domain& domain) {
  if (!domain.spherical()) return std::nullopt;
  try {
    auto grid = operators::RingGrid::of(domain);
    const bool exact = grid.quadrature != operators::Quadrature::healpix &&
                       grid.quadrature != operators::Quadrature::reduced_gaussian;
    const std::int64_t degree = grid.exact_degree();
    return DegreeSpectrum({std::move(grid), degree}, exact ? 0 : kIterations);
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::input) throw;
    return std::nullopt;  // no rings round the globe
  }
}

Eigen::VectorXd DegreeSpectrum::power(const Eigen::MatrixXd& fields) const {
  if (fields.rows() != static_cast<Eigen::Index>(transform_.points()))
    throw Error(ErrorKind::internal, "a field and the grid of its spectrum differ in size");
  Eigen::VectorXd out = Eigen::VectorXd::Zero(degrees());
  for (Eigen::Index k = 0; k < fields.cols(); ++k) {
    const auto c = transform_.analysis(
        std::span<const double>(fields.col(k).data(), static_cast<std::size_t>(fields.rows())), iterations_);
    const auto power = operators::power_spectrum(c, transform_.lmax());
    out += Eigen::Map<const Eigen::VectorXd>(power.data(), degrees());
  }
  return out / static_cast<double>(std::max<Eigen::Index>(1, fields.cols()));
}

}  // namespace manifill::verification
