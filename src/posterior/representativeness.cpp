#include "manifill/posterior/representativeness.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "manifill/base/random.hpp"
#include "manifill/operators/eigenpairs.hpp"

namespace manifill::posterior {
namespace {

constexpr Eigen::Index kMostObservations = 600;  // of a field: its eigenpairs take a tenth of a second
constexpr Eigen::Index kLeastObservations = 30;

/// A field's departures in the eigenvectors of A C A^T, physical units.
struct Spectrum {
  Eigen::ArrayXd variance;  // [mode]
  Eigen::ArrayXd square;    // [mode], of the departure
};

/// Observations that count, in order: [row].
std::vector<Eigen::Index> chosen_rows(const StepObservation& step) {
  std::vector<Eigen::Index> rows(static_cast<std::size_t>(step.y.size()));
  std::iota(rows.begin(), rows.end(), Eigen::Index{0});
  if (step.y.size() <= kMostObservations) return rows;
  RandomStream random({.purpose = RandomPurpose::representativeness, .time = step.time});
  for (Eigen::Index k = 0; k < kMostObservations; ++k)
    std::swap(rows[static_cast<std::size_t>(k)],
              rows[static_cast<std::size_t>(random.integer(k, step.y.size() - 1))]);
  rows.resize(static_cast<std::size_t>(kMostObservations));
  std::sort(rows.begin(), rows.end());
  return rows;
}

Spectrum spectrum_of(const prior::Backbone& backbone, const StepObservation& step) {
  const auto rows = chosen_rows(step);
  const auto m = static_cast<Eigen::Index>(rows.size());
  const Eigen::VectorXd scale = backbone.scale(step.season);
  const auto& a = step.measurement->matrix();
  const Eigen::Index first = backbone.options().window * a.cols();
  std::vector<Eigen::Index> touched;
  std::vector<int> place(static_cast<std::size_t>(a.cols()), -1);
  std::vector<Eigen::Triplet<double>> entries;
  for (Eigen::Index i = 0; i < m; ++i)
    for (measurement::SparseMatrix::InnerIterator it(a, rows[static_cast<std::size_t>(i)]); it; ++it) {
      int& at = place[static_cast<std::size_t>(it.col())];
      if (at < 0) {
        at = static_cast<int>(touched.size());
        touched.push_back(first + it.col());
      }
      entries.emplace_back(static_cast<int>(i), at, it.value() * scale[it.col()]);
    }
  measurement::SparseMatrix compact(m, static_cast<Eigen::Index>(touched.size()));
  compact.setFromTriplets(entries.begin(), entries.end());
  const auto covariance = backbone.window_covariance(backbone.season_bin(step.season));
  const Eigen::VectorXd departure = step.y - step.measurement->apply(backbone.mean(step.season)).col(0);
  Eigen::VectorXd some(m);
  for (Eigen::Index i = 0; i < m; ++i) some[i] = departure[rows[static_cast<std::size_t>(i)]];
  const Eigen::MatrixXd half = compact * covariance->gather(touched, touched);
  const auto pairs = operators::symmetric_eigenpairs(compact * Eigen::MatrixXd(half.transpose()));
  return {.variance = pairs.values.array().max(0.0),
          .square = (pairs.vectors.transpose() * some).array().square()};
}

/// -2 log likelihood of white variance r, up to a constant.
double misfit(const std::vector<Spectrum>& spectra, double r) {
  double sum = 0.0;
  for (const auto& s : spectra) sum += ((s.variance + r).log() + s.square / (s.variance + r)).sum();
  return sum;
}

}  // namespace

double representativeness(const prior::Backbone& backbone, const std::vector<StepObservation>& fields) {
  std::vector<Spectrum> spectra;
  double noise = 0.0;
  for (const auto& step : fields) {
    if (!step.measurement || step.y.size() < kLeastObservations) continue;
    noise = std::pow(step.measurement->noise_sigma()[0], 2);
    spectra.push_back(spectrum_of(backbone, step));
  }
  if (spectra.empty()) return 0.0;
  // Golden section over the logarithm of the white variance, from the noise to the departures' own size.
  double mean_square = 0.0;
  for (const auto& s : spectra) mean_square = std::max(mean_square, s.square.mean());
  double low = std::log(noise);
  double high = std::max(low, std::log(mean_square));
  constexpr double kGolden = 0.6180339887498949;
  while (high - low > 1e-4) {
    const double a = high - kGolden * (high - low);
    const double b = low + kGolden * (high - low);
    if (misfit(spectra, std::exp(a)) <= misfit(spectra, std::exp(b)))
      high = b;
    else
      low = a;
  }
  const double white = std::exp(0.5 * (low + high));
  // A hundredth of the noise is what the search cannot tell from none.
  return white > 1.01 * noise ? std::sqrt(white - noise) : 0.0;
}

}  // namespace manifill::posterior
