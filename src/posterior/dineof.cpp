#include "manifill/posterior/dineof.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <Eigen/Cholesky>

#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/operators/eigenpairs.hpp"

namespace manifill::posterior {
namespace {

constexpr Eigen::Index kBlock = 32;      // times whose reconstruction is made at once
constexpr std::size_t kClouds = 100;     // that withheld values are made of: few would be of few times,
constexpr std::size_t kLeastClouds = 8;  // fewer where clouds would be smaller than
constexpr std::size_t kCloud = 32;
constexpr std::size_t kTries = 64;      // to lay a cloud, for each that is wanted
constexpr std::size_t kRising = 3;      // errors in a row that end the search for the number of modes
constexpr double kMostInflation = 1e6;  // beyond it the prior of the amplitudes is all there is

/// Points that are ever observed, ascending.
std::vector<Eigen::Index> seen_points(const Eigen::MatrixXd& values) {
  std::vector<Eigen::Index> out;
  for (Eigen::Index i = 0; i < values.rows(); ++i)
    if (!values.row(i).array().isNaN().all()) out.push_back(i);
  return out;
}

/// Points that take part.
std::vector<Eigen::Index> rows_of(const Eigen::VectorXd& weights, Eigen::Index points) {
  std::vector<Eigen::Index> out;
  for (Eigen::Index i = 0; i < points; ++i)
    if (weights.size() == 0 || weights[i] > 0.0) out.push_back(i);
  return out;
}

/// Diffusion along time by finite volumes, no flux at the ends, all passes in one: [time][time].
Eigen::MatrixXd time_filter(const std::vector<double>& times, const DineofOptions& o) {
  const auto n = static_cast<Eigen::Index>(times.size());
  const auto at = [&](Eigen::Index k) { return times[static_cast<std::size_t>(k)]; };
  double least = std::numeric_limits<double>::infinity();
  for (Eigen::Index k = 1; k < n; ++k) {
    if (!(at(k) > at(k - 1)))
      throw Error(ErrorKind::input, "times do not increase",
                  {.index = fmt::format("[time {}]", k), .remedy = "Sort them, or set dineof.filter to 0"});
    least = std::min(least, at(k) - at(k - 1));
  }
  if (o.filter > 0.5 * least * least)
    throw Error(
        ErrorKind::usage,
        fmt::format("a filter of {:g} along time is not stable: times are as near as {:g}", o.filter, least),
        {.remedy = fmt::format("Give at most {:g}", 0.5 * least * least)});
  Eigen::MatrixXd once = Eigen::MatrixXd::Identity(n, n);
  for (Eigen::Index k = 0; k < n; ++k) {
    // A time's cell reaches half way to its neighbours, at an end as far out as in.
    const double before = k > 0 ? at(k) - at(k - 1) : at(1) - at(0);
    const double behind = k + 1 < n ? at(k + 1) - at(k) : at(n - 1) - at(n - 2);
    const auto exchange = [&](Eigen::Index other, double gap) {
      const double share = o.filter / (gap * 0.5 * (before + behind));
      once(k, other) += share;
      once(k, k) -= share;
    };
    if (k > 0) exchange(k - 1, before);
    if (k + 1 < n) exchange(k + 1, behind);
  }
  Eigen::MatrixXd out = Eigen::MatrixXd::Identity(n, n);
  for (std::int64_t k = 0; k < o.filter_passes; ++k) out = once * out;
  return out;
}

/// A truncated decomposition of the filtered matrix.
struct Truncated {
  Eigen::MatrixXd left{};    // [row][mode]
  Eigen::VectorXd values{};  // [mode]
  Eigen::MatrixXd right{};   // [time][mode]

  /// Of unit amplitudes: [row][mode].
  [[nodiscard]] Eigen::MatrixXd loadings() const {
    return left * values.asDiagonal() / std::sqrt(static_cast<double>(right.rows()));
  }
};

/// The filter acts on both sides of the covariance between times; left vectors are the unfiltered matrix's
/// projections, brought to length one.
/// \param filter [time][time]; empty: none
Truncated decompose(const Eigen::MatrixXd& matrix, const Eigen::MatrixXd& filter, Eigen::Index number) {
  const bool wide = matrix.rows() < matrix.cols();  // the smaller side has the smaller eigenproblem
  const Eigen::Index side = std::min(matrix.rows(), matrix.cols());
  Eigen::MatrixXd gram = Eigen::MatrixXd::Zero(side, side);
  Truncated out;
  if (wide) {
    const Eigen::MatrixXd filtered =
        filter.size() > 0 ? Eigen::MatrixXd(matrix * filter.transpose()) : matrix;
    gram.selfadjointView<Eigen::Lower>().rankUpdate(filtered);
    const auto pairs = operators::symmetric_eigenpairs(gram, number);
    out.values = pairs.values;
    out.right = filtered.transpose() * pairs.vectors;
    out.right.colwise().normalize();
  } else {
    gram.selfadjointView<Eigen::Lower>().rankUpdate(matrix.transpose());
    if (filter.size() > 0) {
      const Eigen::MatrixXd half = gram.selfadjointView<Eigen::Lower>() * filter.transpose();
      gram = filter * half;
    }
    const auto pairs = operators::symmetric_eigenpairs(gram, number);
    out.values = pairs.values;
    out.right = pairs.vectors;
  }
  out.values = out.values.cwiseMax(0.0).cwiseSqrt().eval();
  out.left = matrix * out.right;
  out.left.colwise().normalize();
  return out;
}

/// (I + gram / noise)^-1, the covariance of amplitudes of unit variance seen with white noise.
Eigen::MatrixXd amplitude_covariance(const Eigen::MatrixXd& gram, double noise) {
  const auto identity = Eigen::MatrixXd::Identity(gram.rows(), gram.rows());
  const Eigen::MatrixXd precision = identity + gram / noise;
  return precision.llt().solve(identity);
}

enum class Cell : std::int8_t { known, missing, withheld };

/// One run; rows are the points that take part, times the root of their weight.
class Run {
 public:
  Run(const Eigen::MatrixXd& values, const std::vector<double>& times, const Eigen::VectorXd& weights,
      const std::vector<MatrixEntry>& withheld, const DineofOptions& options)
      : o_(options),
        points_(values.rows()),
        rows_(rows_of(weights, values.rows())),
        matrix_(values(rows_, Eigen::all)) {
    weight_ = weights.size() > 0 ? Eigen::VectorXd(weights(rows_))
                                 : Eigen::VectorXd(Eigen::VectorXd::Ones(matrix_.rows()));
    weight_ /= weight_.mean();
    root_ = weight_.cwiseSqrt();
    centre();
    withhold(withheld);
    if (o_.filter > 0.0 && o_.filter_passes > 0) filter_ = time_filter(times, o_);
  }

  [[nodiscard]] Dineof result() {
    choose();
    reconstruct();
    Dineof out = std::move(out_);
    out.mean = mean_;
    out.modes = Eigen::MatrixXd::Zero(points_, modes_.left.cols());
    out.weights = Eigen::VectorXd::Zero(points_);
    for (std::size_t k = 0; k < rows_.size(); ++k) {
      const auto row = static_cast<Eigen::Index>(k);
      out.modes.row(rows_[k]) = modes_.left.row(row) / root_[row];
      out.weights[rows_[k]] = weight_[row];
    }
    out.explained = modes_.values.cwiseAbs2() / matrix_.squaredNorm();
    out.singular = std::move(modes_.values);
    out.amplitudes = std::move(modes_.right);
    return out;
  }

 private:
  struct Datum {
    Eigen::Index row;
    Eigen::Index time;
    double value;  // of the matrix
  };

  [[nodiscard]] Cell& cell(Eigen::Index row, Eigen::Index time) {
    return cells_[static_cast<std::size_t>(time * matrix_.rows() + row)];
  }

  /// f(row, time) for all of some kind.
  template <class F>
  void for_each(Cell kind, const F& f) {
    for (Eigen::Index t = 0; t < matrix_.cols(); ++t)
      for (Eigen::Index i = 0; i < matrix_.rows(); ++i)
        if (cell(i, t) == kind) f(i, t);
  }

  /// Takes the mean off and sets gaps to it.
  void centre() {
    cells_.assign(static_cast<std::size_t>(matrix_.size()), Cell::known);
    for (Eigen::Index t = 0; t < matrix_.cols(); ++t)
      for (Eigen::Index i = 0; i < matrix_.rows(); ++i)
        if (std::isnan(matrix_(i, t))) cell(i, t) = Cell::missing;
    double total = 0.0;
    for_each(Cell::known, [&](auto i, auto t) {
      total += weight_[i];
      mean_ += weight_[i] * matrix_(i, t);
    });
    mean_ /= total;
    matrix_ = root_.asDiagonal() * (matrix_.array() - mean_).matrix();
    for_each(Cell::missing, [&](auto i, auto t) {
      matrix_(i, t) = 0.0;
      ++missing_;
    });
    variance_ = matrix_.squaredNorm() / total;
    if (!(variance_ > 1e-24 * mean_ * mean_))
      throw Error(ErrorKind::input, "the values do not vary", {.remedy = "Give fields that differ"});
  }

  void withhold(const std::vector<MatrixEntry>& withheld) {
    for (const auto& e : withheld) {
      const auto row = std::lower_bound(rows_.begin(), rows_.end(), e.point);
      const Eigen::Index i = row - rows_.begin();
      if (row == rows_.end() || *row != e.point || cell(i, e.time) != Cell::known)
        throw Error(ErrorKind::internal, "a value is to be withheld that is missing or withheld already",
                    {.index = fmt::format("[point {}][time {}]", e.point, e.time)});
      data_.push_back({i, e.time, matrix_(i, e.time)});
      withheld_weight_ += weight_[i];
      cell(i, e.time) = Cell::withheld;
      matrix_(i, e.time) = 0.0;
    }
  }

  /// Decomposes and puts the reconstruction into gaps. \param withheld whether withheld values are gaps too
  /// \param watched whether their changes count \return the sum of squared changes
  double step(Eigen::Index modes, bool withheld, bool watched) {
    check_stop();
    modes_ = decompose(matrix_, filter_, modes);
    double change = 0.0;
    for (Eigen::Index first = 0; first < matrix_.cols(); first += kBlock) {
      const Eigen::Index block = std::min(kBlock, matrix_.cols() - first);
      const Eigen::MatrixXd amplitudes =
          modes_.values.asDiagonal() * modes_.right.middleRows(first, block).transpose();
      const Eigen::MatrixXd fields = modes_.left * amplitudes;
      for (Eigen::Index k = 0; k < block; ++k)
        for (Eigen::Index i = 0; i < matrix_.rows(); ++i) {
          const Cell kind = cell(i, first + k);
          if (kind == Cell::known || (kind == Cell::withheld && !withheld)) continue;
          double& value = matrix_(i, first + k);
          if (kind == Cell::missing || watched) change += (fields(i, k) - value) * (fields(i, k) - value);
          value = fields(i, k);
        }
    }
    return change;
  }

  /// Iterates until the gaps rest. \return relative changes, [iteration]
  std::vector<double> rest(Eigen::Index modes, bool withheld, bool watched) {
    const double count = missing_ + (watched ? static_cast<double>(data_.size()) : 0.0);
    std::vector<double> changes;
    while (static_cast<std::int64_t>(changes.size()) < o_.iterations) {
      changes.push_back(std::sqrt(step(modes, withheld, watched) / (std::max(count, 1.0) * variance_)));
      if (changes.back() < o_.tolerance) break;
    }
    return changes;
  }

  /// Variance of known values about the reconstruction.
  double misfit() {
    double sum = 0.0;
    double total = 0.0;
    const Eigen::MatrixXd scaled = modes_.left * modes_.values.asDiagonal();
    for (Eigen::Index t = 0; t < matrix_.cols(); ++t) {
      const Eigen::VectorXd field = scaled * modes_.right.row(t).transpose();
      for (Eigen::Index i = 0; i < matrix_.rows(); ++i) {
        if (cell(i, t) != Cell::known) continue;
        sum += std::pow(matrix_(i, t) - field[i], 2);
        total += weight_[i];
      }
    }
    return sum / total;
  }

  /// With one mode, two, ...: which number predicts the withheld values best.
  void choose() {
    const Eigen::Index most = std::min<Eigen::Index>(o_.modes > 0 ? o_.modes : o_.most_modes,
                                                     std::min(matrix_.rows(), matrix_.cols()) - 1);
    auto& e = out_.errors;
    double least = std::numeric_limits<double>::infinity();
    step(1, true, true);
    for (Eigen::Index modes = 1; modes <= most; ++modes) {
      out_.iterations.push_back(static_cast<int>(rest(modes, true, true).size()));
      double square = 0.0;
      for (const auto& d : data_) square += std::pow(matrix_(d.row, d.time) - d.value, 2);
      e.push_back(std::sqrt(square / withheld_weight_));
      if (o_.modes > 0 ? modes == most : e.back() < least) {
        least = e.back();
        kept_ = modes;
        keep_best();
      }
      std::size_t rising = 0;
      while (rising + 1 < e.size() && e[e.size() - 1 - rising] > e[e.size() - 2 - rising]) ++rising;
      if (o_.modes == 0 && rising >= kRising) break;
    }
  }

  void keep_best() {
    best_.clear();
    for_each(Cell::missing, [&](auto i, auto t) { best_.push_back(matrix_(i, t)); });
    out_.predicted.resize(static_cast<Eigen::Index>(data_.size()));
    for (std::size_t k = 0; k < data_.size(); ++k)
      out_.predicted[static_cast<Eigen::Index>(k)] =
          mean_ + matrix_(data_[k].row, data_[k].time) / root_[data_[k].row];
    out_.inflation = calibrated(std::pow(out_.errors.back(), 2));
  }

  /// The factor on the misfit under which withheld values are expected to be as wrong as they are.
  /// \param square mean of their squared errors
  double calibrated(double square) {
    const Eigen::MatrixXd l = modes_.loadings();
    std::vector<Eigen::MatrixXd> seen;  // Gram matrices of the known and of the withheld rows of a time
    std::vector<Eigen::MatrixXd> asked;
    for (Eigen::Index t = 0; t < matrix_.cols(); ++t) {
      std::vector<Eigen::Index> known;
      std::vector<Eigen::Index> held;
      for (Eigen::Index i = 0; i < matrix_.rows(); ++i) {
        if (cell(i, t) == Cell::known) known.push_back(i);
        if (cell(i, t) == Cell::withheld) held.push_back(i);
      }
      if (held.empty()) continue;
      const Eigen::MatrixXd k = l(known, Eigen::all);
      const Eigen::MatrixXd h = l(held, Eigen::all);
      seen.emplace_back(k.transpose() * k);
      asked.emplace_back(h.transpose() * h);
    }
    const double noise = misfit();
    const auto expected = [&](double factor) {
      double sum = 0.0;
      for (std::size_t k = 0; k < seen.size(); ++k)
        sum += amplitude_covariance(seen[k], factor * noise).cwiseProduct(asked[k]).sum();
      return noise + sum / withheld_weight_;
    };
    if (!(noise > 0.0) || expected(1.0) >= square) return 1.0;
    if (expected(kMostInflation) <= square) return kMostInflation;
    double low = 0.0;  // logarithms
    double high = std::log(kMostInflation);
    while (high - low > 1e-6) {
      const double middle = 0.5 * (low + high);
      (expected(std::exp(middle)) < square ? low : high) = middle;
    }
    return std::exp(low);
  }

  /// The last one, from the best so far.
  void reconstruct() {
    auto at = best_.begin();
    for_each(Cell::missing, [&](auto i, auto t) { matrix_(i, t) = *at++; });
    for (const auto& d : data_) matrix_(d.row, d.time) = d.value;
    out_.last_changes = rest(kept_, !o_.restore_withheld, false);
    for (const auto& d : data_) {
      matrix_(d.row, d.time) = d.value;
      cell(d.row, d.time) = Cell::known;
    }
    out_.residual = std::sqrt(misfit());
  }

  DineofOptions o_;
  Eigen::Index points_;
  std::vector<Eigen::Index> rows_;  // [row], its point
  Eigen::MatrixXd matrix_;          // [row][time]
  std::vector<Cell> cells_{};       // [time][row]
  Eigen::MatrixXd filter_{};        // [time][time]; empty: none
  Eigen::VectorXd weight_{};        // [row], mean one
  Eigen::VectorXd root_{};          // [row], of the weight
  std::vector<Datum> data_{};       // [withheld]
  double withheld_weight_ = 0.0;
  double missing_ = 0.0;  // how many
  double mean_ = 0.0;
  double variance_ = 0.0;  // of the data
  Truncated modes_{};
  Eigen::Index kept_ = 1;
  std::vector<double> best_{};  // missing values under the best number of modes
  Dineof out_{};
};

/// Observed values in the order of the matrix.
std::vector<MatrixEntry> observed_entries(const Eigen::MatrixXd& values) {
  std::vector<MatrixEntry> out;
  for (Eigen::Index t = 0; t < values.cols(); ++t)
    for (Eigen::Index i = 0; i < values.rows(); ++i)
      if (!std::isnan(values(i, t))) out.push_back({i, t});
  return out;
}

RandomStream withheld_stream(std::uint64_t seed, std::int64_t use) {
  return RandomStream({.seed = seed, .purpose = RandomPurpose::mask, .time = use});
}

}  // namespace

std::vector<OptionSpec> DineofOptions::specs() {
  const DineofOptions o;
  return {
      {.key = "dineof.modes",
       .help = "modes that are kept; 0: as many as predict withheld values best",
       .fallback = o.modes,
       .lowest = 0,
       .highest = 10000},
      {.key = "dineof.most_modes",
       .help = "modes that are tried at most where their number is chosen",
       .fallback = o.most_modes,
       .lowest = 1,
       .highest = 10000},
      {.key = "dineof.tolerance",
       .help = "change of the gaps, rms in standard deviations of the data, under which they rest",
       .fallback = o.tolerance,
       .lowest = 1e-12,
       .highest = 1},
      {.key = "dineof.iterations",
       .help = "iterations at most, for each number of modes",
       .fallback = o.iterations,
       .lowest = 1,
       .highest = 100000},
      {.key = "dineof.filter",
       .help = "strength of the filter of the covariance between times, squared units of the least step "
               "between two times; 0: none",
       .fallback = o.filter,
       .lowest = 0,
       .highest = 0.5},
      {.key = "dineof.filter_passes",
       .help = "passes of that filter",
       .fallback = o.filter_passes,
       .lowest = 0,
       .highest = 10000},
  };
}

DineofOptions DineofOptions::from(const Config& config) {
  return {.modes = config.integer("dineof.modes"),
          .most_modes = config.integer("dineof.most_modes"),
          .tolerance = config.real("dineof.tolerance"),
          .iterations = config.integer("dineof.iterations"),
          .filter = config.real("dineof.filter"),
          .filter_passes = config.integer("dineof.filter_passes")};
}

std::size_t withheld_count(const Eigen::MatrixXd& values) {
  const auto cells = static_cast<double>(seen_points(values).size()) * static_cast<double>(values.cols());
  return static_cast<std::size_t>(std::min(0.01 * cells + 40.0, 0.03 * cells));
}

std::vector<MatrixEntry> withhold_points(const Eigen::MatrixXd& values, std::size_t count,
                                         std::uint64_t seed) {
  auto all = observed_entries(values);
  count = std::min(count, all.size() / 2);
  auto random = withheld_stream(seed, 0);
  for (std::size_t k = 0; k < count; ++k)
    std::swap(all[k], all[static_cast<std::size_t>(random.integer(
                          static_cast<std::int64_t>(k), static_cast<std::int64_t>(all.size()) - 1))]);
  all.resize(count);
  return all;
}

std::vector<MatrixEntry> withhold_clouds(const domain::Domain& domain, const Eigen::MatrixXd& values,
                                         std::size_t count, std::uint64_t seed) {
  Eigen::MatrixXd left = values;  // NaN where withheld too
  const auto all = observed_entries(values);
  count = std::min(count, all.size() / 2);
  const std::size_t largest =
      std::max({std::size_t{1}, count / kClouds, std::min(count / kLeastClouds, kCloud)});
  std::vector<bool> ever(domain.size(), false);
  for (const Eigen::Index i : seen_points(values)) ever[static_cast<std::size_t>(i)] = true;
  std::vector<MatrixEntry> out;
  auto random = withheld_stream(seed, 1);
  for (std::size_t tries = 0; out.size() < count && tries < kTries * kClouds; ++tries) {
    const auto& start =
        all[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(all.size()) - 1))];
    const Eigen::Index cloud = random.integer(0, values.cols() - 1);
    // Breadth first over what is missing at the other time; land is no cloud.
    std::vector<std::size_t> queue{static_cast<std::size_t>(start.point)};
    std::vector<bool> reached(domain.size(), false);
    reached[queue.front()] = true;
    std::size_t taken = 0;
    for (std::size_t k = 0; k < queue.size() && taken < largest && out.size() < count; ++k) {
      const auto i = static_cast<Eigen::Index>(queue[k]);
      if (!std::isnan(values(i, cloud))) continue;
      if (!std::isnan(left(i, start.time))) {
        out.push_back({i, start.time});
        left(i, start.time) = std::numeric_limits<double>::quiet_NaN();
        ++taken;
      }
      for (const std::uint32_t n : domain.neighbours(queue[k])) {
        if (reached[n] || !ever[n]) continue;
        reached[n] = true;
        queue.push_back(n);
      }
    }
  }
  for (const auto& e : withhold_points(left, count - out.size(), seed)) out.push_back(e);
  return out;
}

Eigen::VectorXd Dineof::field(Eigen::Index time) const {
  return (modes * singular.cwiseProduct(amplitudes.row(time).transpose())).array() + mean;
}

Eigen::MatrixXd Dineof::loadings() const {
  return modes * singular.asDiagonal() / std::sqrt(static_cast<double>(amplitudes.rows()));
}

Eigen::MatrixXd Dineof::error_root(const std::vector<bool>& observed) const {
  const Eigen::MatrixXd l = loadings();
  Eigen::MatrixXd gram = Eigen::MatrixXd::Zero(l.cols(), l.cols());
  for (Eigen::Index i = 0; i < l.rows(); ++i)
    if (observed[static_cast<std::size_t>(i)]) gram += weights[i] * l.row(i).transpose() * l.row(i);
  const double noise = std::max(inflation * residual * residual, std::numeric_limits<double>::min());
  return amplitude_covariance(gram, noise).llt().matrixL();
}

Dineof dineof(const Eigen::MatrixXd& values, const std::vector<double>& times, const Eigen::VectorXd& weights,
              const std::vector<MatrixEntry>& withheld, const DineofOptions& options) {
  if (static_cast<Eigen::Index>(times.size()) != values.cols() ||
      (weights.size() != 0 && weights.size() != values.rows()))
    throw Error(ErrorKind::internal,
                fmt::format("a record of {} points and {} times, {} weights and {} dates", values.rows(),
                            values.cols(), weights.size(), times.size()));
  std::size_t known = 0;
  for (Eigen::Index t = 0; t < values.cols(); ++t) known += values.col(t).array().isNaN().all() ? 0 : 1;
  if (known < kLeastDineofTimes)
    throw Error(ErrorKind::input,
                fmt::format("{} of its times have values, fewer than {}", known, kLeastDineofTimes),
                {.remedy = "Give a longer record, or fill single fields with the method matern"});
  if (withheld.empty())
    throw Error(ErrorKind::usage, "no value is withheld to choose the number of modes by",
                {.remedy = "Withhold some observed values"});
  return Run(values, times, weights, withheld, options).result();
}

}  // namespace manifill::posterior
