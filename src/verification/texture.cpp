#include "manifill/verification/texture.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "manifill/base/error.hpp"

namespace manifill::verification {

RowSpectrum::RowSpectrum(const domain::Domain& domain) {
  const auto& s = domain.lat_lon();
  const auto n = static_cast<Eigen::Index>(s.nlon());
  const double length = static_cast<double>(n);
  basis_.resize(n, n);
  wavenumber_.resize(s.nlon());
  for (Eigen::Index k = 0; k < n; ++k) {
    // Periodic: 1, cos 1, sin 1, cos 2, ...; regional: half waves centred on the cells.
    const Eigen::Index number = s.periodic ? (k + 1) / 2 : k;
    const bool sine = s.periodic && k > 0 && k % 2 == 0;
    const bool single =
        number == 0 || (s.periodic && 2 * number == n);  // constant, and the wave of two cells
    const double norm = std::sqrt((single ? 1.0 : 2.0) / length);
    for (Eigen::Index j = 0; j < n; ++j) {
      const double x = static_cast<double>(j);
      const double phase = s.periodic ? 2.0 * static_cast<double>((number * j) % n) / length
                                      : static_cast<double>(number) * (x + 0.5) / length;
      basis_(k, j) = norm * (sine ? std::sin(std::numbers::pi * phase) : std::cos(std::numbers::pi * phase));
    }
    wavenumber_[static_cast<std::size_t>(k)] = static_cast<int>(number);
  }
  wavenumbers_ = s.periodic ? n / 2 + 1 : n;
  area_ = Eigen::Map<const Eigen::MatrixXd>(domain.weights().data(), n, static_cast<Eigen::Index>(s.nlat()))
              .colwise()
              .sum()
              .transpose();
}

Eigen::VectorXd RowSpectrum::power(const Eigen::MatrixXd& fields, const std::vector<bool>& rows) const {
  const Eigen::Index n = basis_.cols();
  if (fields.rows() != n * area_.size() || rows.size() != static_cast<std::size_t>(area_.size()))
    throw Error(ErrorKind::internal, "a field and the grid of its spectrum differ in size");
  Eigen::VectorXd out = Eigen::VectorXd::Zero(wavenumbers_);
  double total = 0.0;
  for (Eigen::Index row = 0; row < area_.size(); ++row) {
    if (!rows[static_cast<std::size_t>(row)]) continue;
    const Eigen::MatrixXd coefficients = basis_ * fields.middleRows(row * n, n);
    const Eigen::VectorXd power = coefficients.rowwise().squaredNorm();
    for (Eigen::Index k = 0; k < n; ++k)
      out[wavenumber_[static_cast<std::size_t>(k)]] += area_[row] * power[k];
    total += area_[row];
  }
  if (total > 0.0) out /= total * static_cast<double>(n * std::max<Eigen::Index>(1, fields.cols()));
  return out;
}

double mean_absolute_gradient(const domain::Domain& domain, const Eigen::MatrixXd& fields,
                              const Eigen::VectorXd& weight) {
  if (fields.rows() != static_cast<Eigen::Index>(domain.size()) || weight.size() != fields.rows())
    throw Error(ErrorKind::internal, "a field and the domain of its gradient differ in size");
  constexpr double kCoincident = 1e-3;  // km
  double sum = 0.0;
  double total = 0.0;
  for (std::size_t p = 0; p < domain.size(); ++p) {
    const auto i = static_cast<Eigen::Index>(p);
    if (weight[i] <= 0.0) continue;
    for (const auto q : domain.neighbours(p)) {
      const auto j = static_cast<Eigen::Index>(q);
      if (j <= i || weight[j] <= 0.0) continue;
      const double distance = domain.separation(p, q);
      if (distance < kCoincident) continue;
      const double w = weight[i] + weight[j];
      sum += w * (fields.row(i) - fields.row(j)).cwiseAbs().mean() / distance;
      total += w;
    }
  }
  return total > 0.0 ? 1000.0 * sum / total : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace manifill::verification
