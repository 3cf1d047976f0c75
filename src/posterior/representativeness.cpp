#include "manifill/posterior/representativeness.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "manifill/base/error.hpp"
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
  // As in WindowFactor: blurs leave few entries out.
  const bool full = static_cast<double>(compact.nonZeros()) > 0.02 * static_cast<double>(compact.size());
  const Eigen::MatrixXd dense = full ? Eigen::MatrixXd(compact) : Eigen::MatrixXd();
  const auto times = [&](const Eigen::MatrixXd& x) -> Eigen::MatrixXd {
    if (full) return dense * x;
    return compact * x;
  };
  const auto pairs =
      operators::symmetric_eigenpairs(times(times(covariance->gather(touched, touched)).transpose()));
  return {.variance = pairs.values.array().max(0.0),
          .square = (pairs.vectors.transpose() * some).array().square()};
}

/// -2 log likelihood of white variance r, up to a constant.
double misfit(const std::vector<Spectrum>& spectra, double r) {
  double sum = 0.0;
  for (const auto& s : spectra) sum += ((s.variance + r).log() + s.square / (s.variance + r)).sum();
  return sum;
}

double mean_square(const std::vector<Spectrum>& spectra) {
  double out = 0.0;
  for (const auto& s : spectra) out = std::max(out, s.square.mean());
  return out;
}

/// The white variance of least misfit, by golden section over its logarithm.
double likeliest(const std::vector<Spectrum>& spectra, double lowest, double highest) {
  constexpr double kGolden = 0.6180339887498949;
  double low = std::log(lowest);
  double high = std::max(low, std::log(highest));
  while (high - low > 1e-4) {
    const double a = high - kGolden * (high - low);
    const double b = low + kGolden * (high - low);
    if (misfit(spectra, std::exp(a)) <= misfit(spectra, std::exp(b)))
      high = b;
    else
      low = a;
  }
  return std::exp(0.5 * (low + high));
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
  const double white = likeliest(spectra, noise, mean_square(spectra));
  // A hundredth of the noise is what the search cannot tell from none.
  return white > 1.01 * noise ? std::sqrt(white - noise) : 0.0;
}

double noise_level(const prior::Backbone& backbone, const std::vector<StepObservation>& fields) {
  std::vector<Spectrum> spectra;
  for (const auto& step : fields)
    if (step.measurement && step.y.size() >= kLeastObservations)
      spectra.push_back(spectrum_of(backbone, step));
  if (spectra.empty())
    throw Error(ErrorKind::input,
                "no field has " + std::to_string(kLeastObservations) + " values to find the noise from",
                {.remedy = "State the noise: its standard deviation in the units of the variable"});
  const double size = mean_square(spectra);
  return std::sqrt(likeliest(spectra, 1e-8 * size, size));
}

}  // namespace manifill::posterior
