#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <numeric>
#include <utility>

#include "field_filler.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/log.hpp"
#include "manifill/posterior/dineof.hpp"

namespace manifill::pipeline {
namespace {

/// Fills a whole file by the modes of its own values, each extra index (level) by itself.
class DineofFiller : public FieldFiller {
 public:
  DineofFiller(const Config& c, const io::GriddedVariable& input, const io::MissingScan& scan)
      : input_(input),
        config_(c),
        options_(posterior::DineofOptions::from(c)),
        seed_(static_cast<std::uint64_t>(c.integer("impute.seed"))) {
    refuse_options_of_models(c, kDineof, "Leave it out: spreads hold what the modes leave over");
    fixed_.assign(input.domain().size(), io::CellStatus::infilled);
    for (std::size_t i = 0; i < fixed_.size(); ++i)
      if (std::isinf(scan.cell_lowest[i])) fixed_[i] = io::CellStatus::masked;
  }

  [[nodiscard]] const std::vector<double>& values(std::size_t extra, std::size_t time) override {
    const std::pair<std::size_t, std::size_t> place{extra, time};
    if (place_ != place || values_.empty()) {
      const auto field = input_.read(extra, time, 1);
      values_.assign(field.begin(), field.end());
      place_ = place;
    }
    return values_;
  }

  [[nodiscard]] FilledField fill(std::size_t extra, std::size_t time, const posterior::SampleRequest& request,
                                 bool /*complete*/) override {
    const posterior::Dineof& d = records_.at(extra);
    const auto& y = values(extra, time);
    std::vector<bool> observed;
    for (const double v : y) observed.push_back(!std::isnan(v));
    FilledField out{.mean = d.field(static_cast<Eigen::Index>(time))};
    double square = 0.0;
    double count = 0.0;
    for (std::size_t i = 0; i < y.size(); ++i) {
      const auto row = static_cast<Eigen::Index>(i);
      if (!observed[i]) continue;
      square += d.weights[row] * std::pow(y[i] - out.mean[row], 2);
      count += d.weights[row];
    }
    if (count > 0.0 && d.residual > 0.0) out.chi_square = square / count / (d.residual * d.residual);

    out.members = dineof_members(d, static_cast<Eigen::Index>(time), observed, d.residual,
                                 static_cast<std::int64_t>(extra * input_.times() + time), request);
    return out;
  }

  /// The record as read and as iterated, its gaps under the best number of modes, a matrix over times; and
  /// the modes of every level.
  [[nodiscard]] double memory(std::uint32_t members) const override {
    const auto cells = static_cast<double>(input_.domain().size());
    const auto times = static_cast<double>(input_.times());
    const double modes = std::min(times, static_cast<double>(std::max(options_.modes, options_.most_modes)));
    return 8.0 * (3.2 * cells * times + 4.0 * times * times +
                  (static_cast<double>(input_.extras()) + 3.0) * cells * modes + 2.0 * cells * members) +
           1e8;
  }

  void prepare(std::size_t /*first_time*/, std::size_t /*times*/, std::vector<std::string>& notes) override {
    const auto times = steps();
    for (std::size_t e = 0; e < input_.extras(); ++e) {
      const Eigen::MatrixXd record = read(e);
      records_.push_back(modes_of_record(config_, input_.domain(), record, times, seed_));
      const auto& d = records_.back();
      notes.push_back(
          fmt::format("{}{}", input_.extras() > 1 ? fmt::format("level {}: ", e + 1) : "", describe(d)));
      notes.push_back(
          fmt::format("errors of withheld values by the number of modes: {:.4g}", fmt::join(d.errors, ", ")));
      if (options_.modes == 0 && d.kept() == options_.most_modes)
        notes.push_back(
            fmt::format("the best number of modes is the most that were tried, {}: more may be better; "
                        "raise dineof.most_modes",
                        options_.most_modes));
    }
  }

  [[nodiscard]] double unresolved() const override { return 0.0; }  // it is part of the members
  [[nodiscard]] std::string unresolved_name() const override { return "what the modes leave over"; }
  void resolve(Config& config) const override {
    if (records_.size() == 1) config.set("dineof.modes", static_cast<std::int64_t>(records_[0].kept()));
  }
  [[nodiscard]] std::string provenance() const override {
    std::vector<std::string> all;
    for (const auto& d : records_) all.push_back(describe(d));
    return fmt::format("DINEOF: {}", fmt::join(all, "; "));
  }
  [[nodiscard]] std::string phrase() const override { return "from the file's own modes"; }
  [[nodiscard]] std::string settings() const override {
    std::string out;
    for (const auto& d : records_)
      out +=
          fmt::format("modes {} mean {:.17g} singular {:.17g} residual {:.17g} inflation {:.17g}\n", d.kept(),
                      d.mean, fmt::join(d.singular.begin(), d.singular.end(), " "), d.residual, d.inflation);
    return out;
  }

 private:
  static std::string describe(const posterior::Dineof& d) {
    return fmt::format("{} modes, error {:.4g} of withheld values, residual {:.4g}, inflation {:.4g}",
                       d.kept(), d.errors[static_cast<std::size_t>(d.kept() - 1)], d.residual, d.inflation);
  }

  /// [point][time]. \throws Error(input) where there is too little
  [[nodiscard]] Eigen::MatrixXd read(std::size_t extra) const {
    Eigen::MatrixXd out(static_cast<Eigen::Index>(input_.domain().size()),
                        static_cast<Eigen::Index>(input_.times()));
    std::size_t known = 0;
    for (std::size_t t = 0; t < input_.times(); ++t) {
      const auto field = input_.read(extra, t, 1);
      auto column = out.col(static_cast<Eigen::Index>(t));
      std::copy(field.begin(), field.end(), column.begin());
      if (!column.array().isNaN().all()) ++known;
    }
    if (known < posterior::kLeastDineofTimes)
      throw Error(ErrorKind::input,
                  fmt::format("{} of its times have values; modes of a record need {}", known,
                              posterior::kLeastDineofTimes),
                  {.file = input_.path(),
                   .variable = input_.summary().name,
                   .remedy = "Give a longer record, or fill single fields with --method matern"});
    return out;
  }

  /// Times in units of the least step between two. \throws Error(input) where they do not increase
  [[nodiscard]] std::vector<double> steps() const {
    std::vector<double> out(input_.times());
    std::iota(out.begin(), out.end(), 0.0);
    const auto& values = input_.time().values;
    if (options_.filter == 0.0 || values.size() != out.size() || out.size() < 2) return out;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t t = 1; t < values.size(); ++t) {
      if (!(values[t] > values[t - 1]))
        throw Error(ErrorKind::input, "times do not increase, along which the filter acts",
                    {.file = input_.path(),
                     .variable = input_.time_dimension(),
                     .index = fmt::format("[{}]", t),
                     .remedy = "Sort them, or set dineof.filter=0"});
      least = std::min(least, values[t] - values[t - 1]);
    }
    for (std::size_t t = 0; t < values.size(); ++t) out[t] = (values[t] - values[0]) / least;
    return out;
  }

  const io::GriddedVariable& input_;
  Config config_;
  posterior::DineofOptions options_;
  std::uint64_t seed_;
  std::vector<posterior::Dineof> records_{};  // [extra]
  std::pair<std::size_t, std::size_t> place_{};
  std::vector<double> values_{};
};

}  // namespace

posterior::Dineof modes_of_record(const Config& config, const domain::Domain& domain,
                                  const Eigen::MatrixXd& record, const std::vector<double>& times,
                                  std::uint64_t seed) {
  const auto count = posterior::withheld_count(record);
  const auto withheld = config.text("dineof.withheld") == "clouds"
                            ? posterior::withhold_clouds(domain, record, count, seed)
                            : posterior::withhold_points(record, count, seed);
  Eigen::VectorXd areas = Eigen::Map<const Eigen::VectorXd>(domain.weights().data(), record.rows());
  for (Eigen::Index i = 0; i < record.rows(); ++i)
    if (record.row(i).array().isNaN().all()) areas[i] = 0.0;
  log::info(fmt::format("dineof: {} times, {} of {} values are there, {} of them withheld", record.cols(),
                        (!record.array().isNaN()).count(), record.size(), withheld.size()));
  return posterior::dineof(record, times, areas, withheld, posterior::DineofOptions::from(config));
}

Eigen::MatrixXd dineof_members(const posterior::Dineof& d, Eigen::Index time,
                               const std::vector<bool>& observed, double white, std::int64_t step,
                               const posterior::SampleRequest& request) {
  const Eigen::VectorXd mean = d.field(time);
  const Eigen::MatrixXd root = d.loadings() * d.error_root(observed);
  // Of a point that this level never has, nothing is known but how much the others vary.
  const double modes =
      d.singular.squaredNorm() / (static_cast<double>(d.amplitudes.rows()) * d.weights.sum());
  const double unknown = std::sqrt(modes + d.residual * d.residual);
  const Eigen::ArrayXd sd =
      (d.weights.array() > 0.0).select(Eigen::ArrayXd::Constant(mean.size(), white), unknown);
  Eigen::MatrixXd members(mean.size(), request.members);
  Eigen::VectorXd z(d.kept());
  Eigen::VectorXd noise(mean.size());
  for (std::uint32_t k = 0; k < request.members; ++k) {
    RandomStream random({.seed = request.seed,
                         .purpose = RandomPurpose::prior_innovation,
                         .time = step,
                         .member = request.first_member + k});
    random.fill_normal(std::span<double>(z.data(), static_cast<std::size_t>(z.size())));
    random.fill_normal(std::span<double>(noise.data(), static_cast<std::size_t>(noise.size())));
    members.col(k) = (mean + root * z).array() + sd * noise.array();
  }
  return members;
}

std::vector<OptionSpec> dineof_specs() {
  auto specs = posterior::DineofOptions::specs();
  specs.push_back({.key = "dineof.withheld",
                   .help = "observed values that the number of modes and the spread are found by: under gaps "
                           "of other times (clouds), or single ones at random (points)",
                   .fallback = std::string("clouds"),
                   .choices = {"clouds", "points"}});
  return specs;
}

std::unique_ptr<FieldFiller> make_dineof_filler(const Config& config, const io::GriddedVariable& input,
                                                const io::MissingScan& scan) {
  return std::make_unique<DineofFiller>(config, input, scan);
}

}  // namespace manifill::pipeline
