#include "manifill/prior/stationary.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numbers>
#include <numeric>
#include <span>

#include <Eigen/QR>

#include "manifill/base/error.hpp"
#include "manifill/base/parallel.hpp"
#include "manifill/base/random.hpp"
#include "manifill/operators/domain_laplacian.hpp"
#include "manifill/operators/minimise.hpp"
#include "manifill/prior/matern_field.hpp"

namespace manifill::prior {
namespace {

constexpr std::size_t kMostPoints = 1500;  // pairs of them are some million
constexpr std::size_t kBins = 96;
constexpr std::size_t kColumns = 24;  // of a Matern field's covariance that stand for all
constexpr std::size_t kMostDegrees = 120;
constexpr Eigen::Index kKernels = 24;
constexpr Eigen::Index kScales = 24;    // ranges of `multiscale`
constexpr std::size_t kDistances = 40;  // at which its variogram is taken
constexpr std::size_t kPairsADistance = 1500;

Error unknown_name(const std::string& name) {
  return {ErrorKind::usage,
          "no stationary correlation is named '" + name + "'",
          {.remedy = "Choose isotropic, matern or multiscale"}};
}

/// Products of pairs of points by distance.
struct Correlogram {
  std::vector<std::size_t> points{};  // that it is made of
  double width = 0.0;                 // of a bin
  Eigen::VectorXd distance{};         // [bin], mean
  Eigen::VectorXd value{};            // [bin]
  Eigen::VectorXd weight{};           // [bin], sum of the products of areas and cases; 0 for an empty one
  [[nodiscard]] std::size_t bin(double d) const {
    return std::min(kBins - 1, static_cast<std::size_t>(d / width));
  }
};

Correlogram correlogram_of(const StandardFields& f) {
  Correlogram g{.points = scattered_points(f, kMostPoints)};
  const auto n = static_cast<Eigen::Index>(g.points.size());
  const Eigen::RowVectorXf root = f.weight.cwiseSqrt().cast<float>().transpose();
  Eigen::MatrixXf e(n, f.values.cols());
  Eigen::MatrixXf seen(n, f.values.cols());
  for (Eigen::Index k = 0; k < n; ++k) {
    const auto i = static_cast<Eigen::Index>(g.points[static_cast<std::size_t>(k)]);
    e.row(k) = f.values.row(i).cwiseProduct(root);
    seen.row(k) = f.known.row(i).cwiseProduct(root);
  }
  const Eigen::MatrixXf products = e * e.transpose();
  const Eigen::MatrixXf counts = seen * seen.transpose();
  double longest = 0.0;
  for (std::size_t k = 1; k < g.points.size(); ++k)
    longest = std::max(longest, f.domain.chord(g.points[0], g.points[k]));
  // The farthest point from any one is at least half of the diameter away.
  g.width = 2.0 * longest / static_cast<double>(kBins);
  g.distance = g.value = g.weight = Eigen::VectorXd::Zero(kBins);
  const auto area = f.domain.weights();
  for (Eigen::Index a = 0; a < n; ++a)
    for (Eigen::Index b = 0; b < a; ++b) {
      const std::size_t i = g.points[static_cast<std::size_t>(a)];
      const std::size_t j = g.points[static_cast<std::size_t>(b)];
      const double d = f.domain.chord(i, j);
      const auto bin = static_cast<Eigen::Index>(g.bin(d));
      const double w = area[i] * area[j] * static_cast<double>(counts(a, b));
      g.weight[bin] += w;
      g.distance[bin] += w * d;
      g.value[bin] += area[i] * area[j] * static_cast<double>(products(a, b));
    }
  for (Eigen::Index bin = 0; bin < g.weight.size(); ++bin)
    if (g.weight[bin] > 0.0) {
      g.distance[bin] /= g.weight[bin];
      g.value[bin] /= g.weight[bin];
    }
  return g;
}

/// Weights of bins in a fit, number of pairs over the squared variogram (Cressie 1985, "Fitting variogram
/// models by weighted least squares"): what is near decides how gaps are filled, and is known best.
Eigen::VectorXd fitting_weight(const Correlogram& g) {
  constexpr double kLeast = 0.02;
  return (g.weight.array() / (1.0 - g.value.array()).max(kLeast).square()).matrix();
}

double cosine_of(double chord) {
  const double half = chord / (2.0 * domain::kEarthRadiusKm);
  return std::clamp(1.0 - 2.0 * half * half, -1.0, 1.0);
}

/// P_0 to P_{count - 1} at x.
void legendre(double x, Eigen::VectorXd& p) {
  p[0] = 1.0;
  if (p.size() > 1) p[1] = x;
  for (Eigen::Index l = 2; l < p.size(); ++l) {
    const auto k = static_cast<double>(l);
    p[l] = ((2.0 * k - 1.0) * x * p[l - 1] - (k - 1.0) * p[l - 2]) / k;
  }
}

std::vector<double> fit_isotropic(const StandardFields& f) {
  if (!f.domain.spherical())
    throw Error(ErrorKind::usage, "an isotropic correlation by degree is one of the sphere",
                {.remedy = "Set backbone.correlation to matern, which any domain has"});
  const Correlogram g = correlogram_of(f);
  // No degree is told from the next that the points do not resolve.
  const double spacing = std::sqrt(4.0 * std::numbers::pi / static_cast<double>(f.domain.size()));
  const auto degrees = static_cast<Eigen::Index>(
      std::clamp<double>(std::numbers::pi / spacing, 8.0, static_cast<double>(kMostDegrees)));
  // Shares of the degrees of heat kernels from a step of the grid to the whole globe: [degree][kernel].
  Eigen::MatrixXd kernels(degrees, kKernels);
  for (Eigen::Index k = 0; k < kKernels; ++k) {
    const double width = spacing * std::pow(std::numbers::pi / spacing,
                                            static_cast<double>(k) / static_cast<double>(kKernels - 1));
    for (Eigen::Index l = 0; l < degrees; ++l) {
      const auto degree = static_cast<double>(l);
      kernels(l, k) = (2.0 * degree + 1.0) * std::exp(-0.5 * width * width * degree * (degree + 1.0));
    }
    kernels.col(k) /= kernels.col(k).sum();
  }
  Eigen::MatrixXd basis = Eigen::MatrixXd::Zero(g.weight.size() + 1, kKernels + 1);
  Eigen::VectorXd wanted = Eigen::VectorXd::Zero(g.weight.size() + 1);
  const Eigen::VectorXd weight = fitting_weight(g);
  Eigen::VectorXd p(degrees);
  for (Eigen::Index bin = 0; bin < g.weight.size(); ++bin) {
    const double root = std::sqrt(weight[bin] / weight.sum());
    legendre(cosine_of(g.distance[bin]), p);
    basis.row(bin).head(kKernels) = root * p.transpose() * kernels;
    wanted[bin] = root * g.value[bin];
  }
  // Shares of one: the last unknown is white noise, seen at distance nought alone.
  constexpr double kFirm = 100.0;
  basis.row(g.weight.size()).setConstant(kFirm);
  wanted[g.weight.size()] = kFirm;
  const Eigen::VectorXd shares = nonnegative_least_squares(basis, wanted);
  const Eigen::VectorXd a = kernels * shares.head(kKernels) / shares.sum();
  return {a.begin(), a.end()};
}

/// Correlations of a Matern field by distance, as the correlogram has its bins, from a few of its columns.
Eigen::VectorXd matern_by_distance(const StandardFields& f, const Correlogram& g, const MaternField& field) {
  const std::size_t columns = std::min(kColumns, g.points.size());
  const auto area = f.domain.weights();
  const Eigen::MatrixXd covariance = field.covariance(std::span(g.points).first(columns));
  Eigen::VectorXd sum = Eigen::VectorXd::Zero(g.weight.size());
  Eigen::VectorXd weight = sum;
  const Eigen::VectorXd variance = field.variance(g.points);
  for (std::size_t c = 0; c < columns; ++c)
    for (std::size_t k = 0; k < g.points.size(); ++k) {
      if (k == c) continue;
      const auto bin = static_cast<Eigen::Index>(g.bin(f.domain.chord(g.points[c], g.points[k])));
      const double unit =
          std::sqrt(variance[static_cast<Eigen::Index>(c)] * variance[static_cast<Eigen::Index>(k)]);
      const double w = area[g.points[c]] * area[g.points[k]];
      sum[bin] += w * covariance(static_cast<Eigen::Index>(g.points[k]), static_cast<Eigen::Index>(c)) / unit;
      weight[bin] += w;
    }
  return (sum.array() / weight.array().max(std::numeric_limits<double>::min())).matrix();
}

std::vector<double> fit_matern_moments(const StandardFields& f) {
  const Correlogram g = correlogram_of(f);
  const Eigen::VectorXd weight = fitting_weight(g);
  const auto nodes =
      std::make_shared<const operators::DomainLaplacian>(operators::domain_laplacian(f.domain));
  double share = 1.0;
  const auto cost = [&](const std::vector<double>& x) {
    const MaternField field(nodes, {.range = std::exp(x[0])});
    const Eigen::VectorXd model = matern_by_distance(f, g, field);
    const double squares = (weight.array() * model.array().square()).sum();
    share = std::clamp((weight.array() * model.array() * g.value.array()).sum() / squares, 0.01, 1.0);
    return (weight.array() * (g.value - share * model).array().square()).sum();
  };
  const double spacing = std::sqrt(nodes->laplacian.mass.minCoeff());
  const double across = std::sqrt(f.domain.area());
  const operators::SearchBox box{.low = {std::log(spacing)}, .high = {std::log(10.0 * across)}};
  std::vector<double> start;
  double least = std::numeric_limits<double>::infinity();
  for (const double range : {4.0 * spacing, 0.03 * across, 0.1 * across, 0.3 * across, across}) {
    const std::vector<double> x{std::clamp(std::log(range), box.low[0], box.high[0])};
    const double value = cost(x);
    if (value < least) {
      least = value;
      start = x;
    }
  }
  const auto best = operators::nelder_mead(cost, box, start, {0.5}, 0.005, 60);
  static_cast<void>(cost(best.x));
  return {std::exp(best.x[0]), share};
}

/// Half the mean squared difference of pairs of points, by distance.
struct Variogram {
  Eigen::VectorXd distance{};  // [distance], mean
  Eigen::VectorXd value{};     // [distance]
};

/// From differences themselves: as what is left of products of values of one, those of neighbours in smooth
/// fields would be lost in rounding.
Variogram variogram_of(const StandardFields& f) {
  const auto points = scattered_points(f, kMostPoints);
  std::vector<Eigen::Index> rows(points.begin(), points.end());
  std::vector<Eigen::Index> counted;
  for (Eigen::Index t = 0; t < f.weight.size(); ++t)
    if (f.weight[t] > 0.0) counted.push_back(t);
  // [field][point], as a pair reads all of its fields.
  const Eigen::MatrixXf x = f.values(rows, counted).transpose();
  const Eigen::MatrixXf seen = f.known(rows, counted).transpose();
  const Eigen::ArrayXf weight = f.weight(counted).cast<float>().array();
  double longest = 0.0;
  double shortest = std::numeric_limits<double>::infinity();
  const std::size_t some = std::min<std::size_t>(points.size(), 100);
  for (std::size_t a = 0; a < some; ++a)
    for (std::size_t b = 0; b < points.size(); ++b) {
      if (a == b) continue;
      const double d = f.domain.chord(points[a], points[b]);
      longest = std::max(longest, d);
      shortest = std::min(shortest, d);
    }
  const double step = std::log(longest / shortest) / static_cast<double>(kDistances);
  struct Pair {
    std::size_t a = 0;
    std::size_t b = 0;
    double distance = 0.0;
  };
  // Points come in random order: the first pairs at a distance are any.
  std::vector<std::vector<Pair>> pairs(kDistances);
  for (std::size_t a = 0; a < points.size(); ++a)
    for (std::size_t b = 0; b < a; ++b) {
      const double d = f.domain.chord(points[a], points[b]);
      if (!(d > 0.0)) continue;
      const double place =
          std::clamp(std::log(d / shortest) / step, 0.0, static_cast<double>(kDistances - 1));
      auto& own = pairs[static_cast<std::size_t>(place)];
      if (own.size() < kPairsADistance) own.push_back({a, b, d});
    }
  struct Sum {
    double weight = 0.0;
    double distance = 0.0;
    double square = 0.0;
  };
  std::vector<Sum> sums(kDistances);
  const auto area = f.domain.weights();
  parallel_for(static_cast<std::int64_t>(kDistances), [&](std::int64_t k) {
    Sum& sum = sums[static_cast<std::size_t>(k)];
    for (const Pair& p : pairs[static_cast<std::size_t>(k)]) {
      const auto a = static_cast<Eigen::Index>(p.a);
      const auto b = static_cast<Eigen::Index>(p.b);
      const Eigen::ArrayXf both = weight * seen.col(a).array() * seen.col(b).array();
      const double count = area[points[p.a]] * area[points[p.b]];
      const double own = count * static_cast<double>(both.sum());
      sum.weight += own;
      sum.distance += own * p.distance;
      sum.square += count * static_cast<double>((both * (x.col(a) - x.col(b)).array().square()).sum());
    }
  });
  Variogram v;
  std::vector<double> distance;
  std::vector<double> value;
  for (const Sum& sum : sums)
    if (sum.weight > 0.0 && sum.square > 0.0) {
      distance.push_back(sum.distance / sum.weight);
      value.push_back(0.5 * sum.square / sum.weight);
    }
  v.distance = Eigen::Map<Eigen::VectorXd>(distance.data(), static_cast<Eigen::Index>(distance.size()));
  v.value = Eigen::Map<Eigen::VectorXd>(value.data(), static_cast<Eigen::Index>(value.size()));
  return v;
}

/// Of smoothness 3/2, of a number or of an array of distances over the range.
template <typename Distance>
auto matern_three_halves(const Distance& z) {
  using std::exp;
  return (1.0 + z) * exp(-z);
}

std::vector<double> fit_multiscale(const StandardFields& f) {
  const Variogram v = variogram_of(f);
  const Eigen::Index bins = v.value.size();
  if (bins < 3)
    throw Error(ErrorKind::input, "training fields that vary at too few distances for a correlation",
                {.remedy = "Give fields of more points, or a backbone.correlation of another kind"});
  const double low = 0.5 * v.distance.minCoeff();
  const double high = 10.0 * v.distance.maxCoeff();
  Eigen::VectorXd range(kScales);
  for (Eigen::Index k = 0; k < kScales; ++k)
    range[k] = low * std::pow(high / low, static_cast<double>(k) / static_cast<double>(kScales - 1));
  // The last unknown is white, seen at distance nought alone; the last row, shares of one.
  Eigen::MatrixXd basis = Eigen::MatrixXd::Zero(bins + 1, kScales + 1);
  Eigen::VectorXd wanted = Eigen::VectorXd::Ones(bins + 1);
  for (Eigen::Index b = 0; b < bins; ++b) {
    for (Eigen::Index k = 0; k < kScales; ++k)
      basis(b, k) = (1.0 - matern_three_halves(v.distance[b] / range[k])) / v.value[b];
    basis(b, kScales) = 1.0 / v.value[b];
  }
  const double firm = 3.0 * std::sqrt(static_cast<double>(bins));
  basis.row(bins).setConstant(firm);
  wanted[bins] = firm;
  const Eigen::VectorXd shares = nonnegative_least_squares(basis, wanted);
  std::vector<double> out;
  for (Eigen::Index k = 0; k < kScales; ++k)
    if (shares[k] > 0.0) {
      out.push_back(range[k]);
      out.push_back(shares[k] / shares.sum());
    }
  return out;
}

Eigen::MatrixXd multiscale_matrix(const domain::Domain& domain, const std::vector<double>& parameters) {
  require_multiscale(parameters);
  const auto n = static_cast<Eigen::Index>(domain.size());
  Eigen::MatrixXd out(n, n);
  parallel_for(n, [&](std::int64_t j) {
    Eigen::ArrayXd distance(n);
    for (Eigen::Index i = 0; i < n; ++i)
      distance[i] = domain.chord(static_cast<std::size_t>(i), static_cast<std::size_t>(j));
    Eigen::ArrayXd column = Eigen::ArrayXd::Zero(n);
    for (std::size_t k = 0; k < parameters.size(); k += 2) {
      const Eigen::ArrayXd z = distance / parameters[k];
      column += parameters[k + 1] * matern_three_halves(z);
    }
    column[j] = 1.0;
    out.col(j) = column.matrix();
  });
  return out;
}

Eigen::MatrixXd isotropic_correlation(const domain::Domain& domain, const std::vector<double>& shares) {
  const auto n = static_cast<Eigen::Index>(domain.size());
  const Eigen::VectorXd a =
      Eigen::Map<const Eigen::VectorXd>(shares.data(), static_cast<Eigen::Index>(shares.size()));
  if (!domain.spherical() || a.size() == 0 || !(a.minCoeff() >= 0.0) || !(a.sum() <= 1.0 + 1e-9))
    throw Error(ErrorKind::input, "shares of degrees that make no correlation on the sphere");
  Eigen::MatrixXd out(n, n);
  parallel_for(n, [&](std::int64_t j) {
    Eigen::VectorXd p(a.size());
    for (Eigen::Index i = 0; i < n; ++i) {
      legendre(cosine_of(domain.chord(static_cast<std::size_t>(i), static_cast<std::size_t>(j))), p);
      out(i, j) = i == j ? 1.0 : a.dot(p);
    }
  });
  return out;
}

Eigen::MatrixXd matern_correlation(const domain::Domain& domain, const std::vector<double>& parameters) {
  if (parameters.size() != 2 || !(parameters[0] > 0.0) || !(parameters[1] >= 0.0 && parameters[1] <= 1.0))
    throw Error(ErrorKind::input, "a range and share that make no Matern correlation");
  const auto nodes = std::make_shared<const operators::DomainLaplacian>(operators::domain_laplacian(domain));
  const MaternField field(nodes, {.range = parameters[0]});
  std::vector<std::size_t> all(domain.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  Eigen::MatrixXd out = field.covariance(all);
  const Eigen::VectorXd unit = out.diagonal().cwiseSqrt().cwiseInverse();
  out = (parameters[1] * unit.asDiagonal() * out * unit.asDiagonal()).eval();
  out.diagonal().setOnes();
  return out;
}

}  // namespace

std::vector<std::string> stationary_names() { return {"isotropic", "matern", "multiscale"}; }

std::vector<std::size_t> scattered_points(const StandardFields& fields, std::size_t most) {
  std::vector<std::size_t> points;
  for (std::size_t i = 0; i < fields.domain.size(); ++i)
    if (fields.known.row(static_cast<Eigen::Index>(i)).maxCoeff() > 0.0F) points.push_back(i);
  RandomStream random({.seed = 1});
  for (std::size_t k = points.size(); k > 1; --k)
    std::swap(points[k - 1], points[static_cast<std::size_t>(random.uniform() * static_cast<double>(k))]);
  points.resize(std::min(points.size(), most));
  return points;
}

void require_multiscale(const std::vector<double>& parameters) {
  double total = 0.0;
  bool sound = !parameters.empty() && parameters.size() % 2 == 0;
  for (std::size_t k = 0; sound && k < parameters.size(); k += 2) {
    sound = parameters[k] > 0.0 && parameters[k + 1] >= 0.0;
    total += parameters[k + 1];
  }
  if (!sound || !(total <= 1.0 + 1e-9))
    throw Error(ErrorKind::input, "ranges and shares that make no correlation");
}

double multiscale_correlation(const std::vector<double>& parameters, double distance) {
  if (distance == 0.0) return 1.0;
  double out = 0.0;
  for (std::size_t k = 0; k < parameters.size(); k += 2)
    out += parameters[k + 1] * matern_three_halves(distance / parameters[k]);
  return out;
}

std::vector<double> fit_stationary(const std::string& name, const StandardFields& fields) {
  if (name == "isotropic") return fit_isotropic(fields);
  if (name == "matern") return fit_matern_moments(fields);
  if (name == "multiscale") return fit_multiscale(fields);
  throw unknown_name(name);
}

Eigen::MatrixXd stationary_correlation(const std::string& name, const domain::Domain& domain,
                                       const std::vector<double>& parameters) {
  if (name == "isotropic") return isotropic_correlation(domain, parameters);
  if (name == "matern") return matern_correlation(domain, parameters);
  if (name == "multiscale") return multiscale_matrix(domain, parameters);
  throw unknown_name(name);
}

Eigen::VectorXd nonnegative_least_squares(const Eigen::MatrixXd& a, const Eigen::VectorXd& b) {
  const Eigen::Index n = a.cols();
  const Eigen::MatrixXd normal = a.transpose() * a;
  const Eigen::VectorXd right = a.transpose() * b;
  const double tolerance = 1e-12 * std::max(right.cwiseAbs().maxCoeff(), 1e-300);
  std::vector<bool> free(static_cast<std::size_t>(n), false);
  Eigen::VectorXd x = Eigen::VectorXd::Zero(n);
  const auto solve_free = [&] {
    std::vector<Eigen::Index> some;
    for (Eigen::Index k = 0; k < n; ++k)
      if (free[static_cast<std::size_t>(k)]) some.push_back(k);
    Eigen::VectorXd z = Eigen::VectorXd::Zero(n);
    const Eigen::VectorXd part = a(Eigen::all, some).colPivHouseholderQr().solve(b);
    for (std::size_t k = 0; k < some.size(); ++k) z[some[k]] = part[static_cast<Eigen::Index>(k)];
    return z;
  };
  for (Eigen::Index round = 0; round < 3 * n; ++round) {
    const Eigen::VectorXd gradient = right - normal * x;
    Eigen::Index best = -1;
    for (Eigen::Index k = 0; k < n; ++k)
      if (!free[static_cast<std::size_t>(k)] && gradient[k] > tolerance &&
          (best < 0 || gradient[k] > gradient[best]))
        best = k;
    if (best < 0) return x;
    free[static_cast<std::size_t>(best)] = true;
    Eigen::VectorXd z = solve_free();
    // By rounding the newcomer may come out negative: it is not wanted after all.
    if (z[best] <= 0.0) return x;
    while (true) {
      double step = 1.0;
      for (Eigen::Index k = 0; k < n; ++k)
        if (free[static_cast<std::size_t>(k)] && z[k] <= 0.0) step = std::min(step, x[k] / (x[k] - z[k]));
      x += step * (z - x);
      if (step >= 1.0) break;
      for (Eigen::Index k = 0; k < n; ++k)
        if (free[static_cast<std::size_t>(k)] && z[k] <= 0.0 && x[k] <= 1e-14 * x.maxCoeff()) {
          free[static_cast<std::size_t>(k)] = false;
          x[k] = 0.0;
        }
      z = solve_free();
    }
  }
  return x;
}

}  // namespace manifill::prior
