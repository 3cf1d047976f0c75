#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "field_filler.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/log.hpp"
#include "manifill/posterior/matern.hpp"

namespace manifill::pipeline {
namespace {

constexpr std::ptrdiff_t kLeastValues = 10;  // of a field that is filled: more than a drift has coefficients

using Nodes = operators::DomainLaplacian;

/// Fills every field from its own values and a Matern field.
class MaternFiller : public FieldFiller {
 public:
  MaternFiller(const Config& c, const io::GriddedVariable& input, const io::MissingScan& scan)
      : input_(input),
        fields_(c.integer("matern.fields")),
        nodes_(std::make_shared<const Nodes>(
            operators::domain_laplacian(input.domain(), c.real("matern.margin")))) {
    refuse_options_of_models(c, kMatern, "Give matern.range, matern.sd and matern.nugget_sd");
    const auto degree = static_cast<int>(c.integer("matern.latitude_degree"));
    degrees_ = degree < 0 ? posterior::latitude_degrees(input.domain()) : std::vector<int>{degree};
    drift_ = posterior::latitude_drift(input.domain(), degrees_.back());
    stated_ = {c.real("matern.range"), std::pow(c.real("matern.sd"), 2),
               std::pow(c.real("matern.nugget_sd"), 2)};
    const auto given = (stated_.range > 0.0) + (stated_.variance > 0.0) + (stated_.nugget > 0.0);
    if (given != 0 && given != 3)
      throw Error(ErrorKind::usage, "only some of a Matern field's parameters were given",
                  {.remedy = "Give matern.range, matern.sd and matern.nugget_sd, or none of them"});
    const bool mask = c.text("matern.never_observed") == "mask";
    fixed_.assign(input.domain().size(), io::CellStatus::infilled);
    for (std::size_t i = 0; i < fixed_.size(); ++i)
      if (mask && std::isinf(scan.cell_lowest[i])) fixed_[i] = io::CellStatus::masked;
  }

  [[nodiscard]] bool able(const std::vector<double>& values) const override {
    return std::count_if(values.begin(), values.end(), [](double v) { return !std::isnan(v); }) >=
           kLeastValues;
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
                                 bool complete) override {
    const Eigen::VectorXd y = field(extra, time);
    const auto& posterior = posterior_of(y);
    const auto likelihood = posterior.likelihood(y);
    FilledField out{.members = posterior.draw(y, {.seed = request.seed,
                                                  .time = number(extra, time),
                                                  .first_member = request.first_member,
                                                  .members = request.members}),
                    .with_unresolved = {},
                    .chi_square = likelihood.chi_square / posterior.freedom(),
                    .effective_size = 0.0,
                    .diagnostics = {}};
    if (complete)
      out.with_unresolved = with_white_noise(out.members, unresolved(), number(extra, time), request);
    return out;
  }

  /// Two factors in single use, their matrices, and fields of the nodes. Entries of a factor in two
  /// dimensions are of order n log n (George 1973); 12 fits the grids measured in docs/matern.md.
  [[nodiscard]] double memory(std::uint32_t members) const override {
    const auto n = static_cast<double>(nodes_->laplacian.size());
    const double row = static_cast<double>(nodes_->laplacian.stiffness.nonZeros()) / n;
    constexpr double kOrdinaryRow = 7.0;  // of a triangulation
    const double factor = 12.0 * n * std::log2(n + 1.0) * row / kOrdinaryRow;
    return 8.0 * (1.5 * factor + 4.0 * n * row * row / 2.0 + 4.0 * n * members) + 3e8;
  }

  void prepare(std::size_t /*first_time*/, std::size_t /*times*/, std::vector<std::string>& notes) override {
    parameters_ = stated_;
    if (stated_.range == 0.0)
      fit(notes);
    else if (degrees_.size() > 1)
      keep_degree(posterior::best_degree(nodes_, some_fields(), drift_, degrees_,
                                         posterior::withheld_blocks(input_.domain()), stated_));
    matern_ = std::make_shared<const prior::MaternField>(nodes_, parameters_);
  }

  [[nodiscard]] double unresolved() const override { return std::sqrt(parameters_.nugget); }
  [[nodiscard]] std::string unresolved_name() const override {
    return "what a cell does not share with its neighbours";
  }
  void resolve(Config& config) const override {
    config.set("matern.latitude_degree", static_cast<std::int64_t>(degree()));
    config.set("matern.range", parameters_.range);
    config.set("matern.sd", std::sqrt(parameters_.variance));
    config.set("matern.nugget_sd", std::sqrt(parameters_.nugget));
  }
  [[nodiscard]] std::string provenance() const override {
    std::string out =
        fmt::format("Matern field, range {:.6g} {}, standard deviation {:.6g}, nugget {:.6g}",
                    parameters_.range, input_.domain().spherical() ? "km" : "units of the points",
                    std::sqrt(parameters_.variance), unresolved());
    if (degree() > 0) out += fmt::format(", level of degree {} in the sine of latitude", degree());
    return out;
  }
  [[nodiscard]] std::string phrase() const override { return "from each field's own values"; }
  [[nodiscard]] std::string settings() const override {
    return fmt::format("range {:.17g} variance {:.17g} nugget {:.17g} degree {} nodes {:016x}",
                       parameters_.range, parameters_.variance, parameters_.nugget, degree(),
                       nodes_->laplacian.hash());
  }

 private:
  [[nodiscard]] Eigen::VectorXd field(std::size_t extra, std::size_t time) {
    const auto& v = values(extra, time);
    return Eigen::Map<const Eigen::VectorXd>(v.data(), static_cast<Eigen::Index>(v.size()));
  }

  [[nodiscard]] std::int64_t number(std::size_t extra, std::size_t time) const {
    return static_cast<std::int64_t>(extra * input_.times() + time);
  }

  [[nodiscard]] Eigen::Index degree() const { return drift_.cols() - 1; }
  void keep_degree(int degree) { drift_.conservativeResize(Eigen::NoChange, degree + 1); }

  /// Some of the fields with enough values, spread evenly over the file, so that every shard finds the same:
  /// [point][field].
  [[nodiscard]] Eigen::MatrixXd some_fields() {
    std::vector<std::size_t> usable;
    const std::size_t all = input_.extras() * input_.times();
    for (std::size_t k = 0; k < all; ++k)
      if (able(values(k / input_.times(), k % input_.times()))) usable.push_back(k);
    if (usable.empty())
      throw Error(ErrorKind::input,
                  fmt::format("no field has {} values to fit a Matern field to", kLeastValues),
                  {.file = input_.path(),
                   .variable = input_.summary().name,
                   .remedy = "Use a method with a trained model, or give fields with more values"});
    const auto wanted = std::min(usable.size(), static_cast<std::size_t>(fields_));
    Eigen::MatrixXd some(static_cast<Eigen::Index>(fixed_.size()), static_cast<Eigen::Index>(wanted));
    for (std::size_t k = 0; k < wanted; ++k) {
      const std::size_t at = usable[(2 * k + 1) * usable.size() / (2 * wanted)];
      some.col(static_cast<Eigen::Index>(k)) = field(at / input_.times(), at % input_.times());
    }
    return some;
  }

  void fit(std::vector<std::string>& notes) {
    const Eigen::MatrixXd some = some_fields();
    log::info(fmt::format("fitting a Matern field to {} of {} fields, {} nodes", some.cols(),
                          input_.extras() * input_.times(), nodes_->laplacian.size()));
    const auto found = posterior::fit_matern_and_degree(nodes_, some, drift_, degrees_,
                                                        posterior::withheld_blocks(input_.domain()));
    parameters_ = found.parameters;
    keep_degree(found.coefficients - 1);
    notes.push_back(provenance());
    if (parameters_.nugget > parameters_.variance)
      notes.emplace_back(
          "more of the variance is the cells' own than is shared with neighbours: fills are smooth "
          "and their spread is wide");
  }

  /// Fields that follow each other often share their gaps.
  const posterior::MaternPosterior& posterior_of(const Eigen::VectorXd& y) {
    std::vector<bool> observed;
    for (const double v : y) observed.push_back(!std::isnan(v));
    if (posterior_ && observed == observed_) return *posterior_;
    posterior_.reset();
    posterior_ = std::make_unique<const posterior::MaternPosterior>(matern_, observed, drift_);
    observed_ = std::move(observed);
    return *posterior_;
  }

  const io::GriddedVariable& input_;
  std::int64_t fields_;
  std::shared_ptr<const Nodes> nodes_;
  std::vector<int> degrees_{};  // to choose among, increasing
  Eigen::MatrixXd drift_{};     // [point][coefficient]; of the highest degree until one is chosen
  prior::MaternParameters stated_{};
  prior::MaternParameters parameters_{};
  std::shared_ptr<const prior::MaternField> matern_{};
  std::unique_ptr<const posterior::MaternPosterior> posterior_{};
  std::vector<bool> observed_{};
  std::pair<std::size_t, std::size_t> place_{};
  std::vector<double> values_{};
};

}  // namespace

std::vector<OptionSpec> matern_specs() {
  return {
      {.key = "matern.range",
       .help =
           "distance over which the correlation falls to 0.14, km (off the sphere: units of the points); 0: "
           "fitted",
       .fallback = 0.0,
       .lowest = 0},
      {.key = "matern.sd",
       .help = "standard deviation of the field, units of the variable; 0: fitted",
       .fallback = 0.0,
       .lowest = 0},
      {.key = "matern.nugget_sd",
       .help = "standard deviation of what a cell does not share with its neighbours; 0: fitted",
       .fallback = 0.0,
       .lowest = 0},
      {.key = "matern.latitude_degree",
       .help = "degree in the sine of latitude of the unknown level; -1: 0, 2 or 4, whichever predicts "
               "withheld blocks best, over 90 degrees of latitude or more, else 0",
       .fallback = std::int64_t{-1},
       .lowest = -1,
       .highest = 6},
      {.key = "matern.fields",
       .help = "fields that the parameters are fitted to",
       .fallback = std::int64_t{3},
       .lowest = 1,
       .highest = 1000},
      {.key = "matern.margin",
       .help = "room beyond the edges of a region, as a share of its shorter side",
       .fallback = 0.5,
       .lowest = 0,
       .highest = 10},
      {.key = "matern.never_observed",
       .help = "what becomes of cells without a value at any time: fill or mask",
       .fallback = std::string("fill"),
       .choices = {"fill", "mask"}},
  };
}

std::unique_ptr<FieldFiller> make_matern_filler(const Config& config, const io::GriddedVariable& input,
                                                const io::MissingScan& scan) {
  return std::make_unique<MaternFiller>(config, input, scan);
}

}  // namespace manifill::pipeline
