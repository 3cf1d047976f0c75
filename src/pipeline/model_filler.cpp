#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "field_filler.hpp"
#include "impute_parts.hpp"
#include "input_fit.hpp"
#include "manifill/base/error.hpp"
#include "manifill/measurement/measurement.hpp"
#include "manifill/posterior/representativeness.hpp"
#include "manifill/posterior/windows.hpp"

namespace manifill::pipeline {

Eigen::VectorXd restrict_to_active(measurement::SparseMatrix& a, const Eigen::VectorXd& active) {
  Eigen::VectorXd share = a * active;
  std::vector<Eigen::Triplet<double>> entries;
  for (Eigen::Index i = 0; i < a.rows(); ++i) {
    if (share[i] < kLeastActive) continue;
    bool whole = true;
    for (measurement::SparseMatrix::InnerIterator it(a, i); it; ++it)
      whole = whole && active[it.col()] != 0.0;
    for (measurement::SparseMatrix::InnerIterator it(a, i); it; ++it)
      if (active[it.col()] != 0.0)
        entries.emplace_back(static_cast<int>(i), static_cast<int>(it.col()),
                             whole ? it.value() : it.value() / share[i]);
  }
  a.setFromTriplets(entries.begin(), entries.end());
  return share;
}

io::ModelCard card_of(const posterior::Model& model) {
  const auto [low, high] = model.plausible_range();
  const auto& o = model.backbone.options();
  const auto step = model.backbone.step();
  return {.name = model.info.name,
          .variable = model.info.variable,
          .units = model.info.units,
          .standard_name = model.info.standard_name,
          .domain = model.backbone.domain(),
          .plausible_low = low,
          .plausible_high = high,
          .step = step == prior::StepKind::day     ? "day"
                  : step == prior::StepKind::month ? "month"
                                                   : "none",
          .seasonal = o.season_bins > 1 || o.mean_harmonics > 0};
}

namespace {

/// Refuses at once what the run would refuse at a later time. The file is read again only if its extremes say
/// that there may be such a value; it may lie where the model has no points, and do no harm.
void check_plausible(const io::GriddedVariable& input, const InputFit& fit, const posterior::Model& model,
                     const io::MissingScan& scan, std::size_t first, std::size_t times) {
  const auto [low, high] = model.plausible_range();
  const double one = fit.unit_scale * scan.lowest + fit.unit_offset;
  const double other = fit.unit_scale * scan.highest + fit.unit_offset;
  if (std::min(one, other) >= low && std::max(one, other) <= high) return;
  for (std::size_t e = 0; e < input.extras(); ++e)
    for (std::size_t t = first; t < first + times; ++t)
      usable_values(input, fit, model, t, input.read(e, t, 1).data());
}

/// Observations of the input, step by step, for windows; keeps the last few.
class Observations {
 public:
  /// \param noise of the observations and, beside it, of what the model's grid cannot hold: standard
  /// deviation, the model's units
  Observations(const io::GriddedVariable& input, const InputFit& fit, const posterior::Model& model,
               double noise)
      : input_(input), fit_(fit), model_(model), noise_(noise) {}

  posterior::Window window(std::size_t extra, std::size_t time) {
    const std::int64_t half = model_.backbone.options().window;
    return posterior::window_around(fit_.index, time, half, fit_.season[time],
                                    [&](std::size_t entry) { return step(extra, entry); });
  }

  const posterior::StepObservation& step(std::size_t extra, std::size_t time) {
    return held(extra, time).observation;
  }

  /// Values of the file, [cell], NaN where missing.
  const std::vector<double>& values(std::size_t extra, std::size_t time) { return held(extra, time).values; }

 private:
  struct Held {
    std::vector<double> values;
    posterior::StepObservation observation;
  };

  const Held& held(std::size_t extra, std::size_t time) {
    const auto found = held_.find({extra, time});
    if (found != held_.end()) return found->second;
    if (held_.size() > static_cast<std::size_t>(4 * model_.backbone.options().window + 8))
      held_.erase(held_.begin());
    const auto field = input_.read(extra, time, 1);
    Held h;
    h.values.assign(field.begin(), field.end());
    const auto [seen, y] = usable_values(input_, fit_, model_, time, h.values.data());
    auto a = measurement::select_rows(fit_.operator_matrix, seen);
    h.observation = {
        .time = fit_.index[time],
        .season = fit_.season[time],
        .measurement = std::make_shared<measurement::Measurement>(
            std::move(a), Eigen::VectorXd::Constant(static_cast<Eigen::Index>(y.size()), noise_)),
        .y = Eigen::Map<const Eigen::VectorXd>(y.data(), static_cast<Eigen::Index>(y.size()))};
    return held_.emplace(std::make_pair(extra, time), std::move(h)).first->second;
  }

  const io::GriddedVariable& input_;
  const InputFit& fit_;
  const posterior::Model& model_;
  double noise_;
  std::map<std::pair<std::size_t, std::size_t>, Held> held_{};
};

/// What the input's cells hold beside the model's fields, the model's units: as stated where not negative, or
/// from fields spread over the whole file, so that every shard finds the same.
double representativeness_of(double stated, const io::GriddedVariable& input, const InputFit& fit,
                             const posterior::Model& model, double noise) {
  constexpr std::size_t kFields = 12;
  if (stated >= 0.0) return stated * std::abs(fit.unit_scale);
  if (on_model_points(fit)) return 0.0;
  Observations observations(input, fit, model, noise);
  std::vector<posterior::StepObservation> fields;
  const std::size_t count = std::min(kFields, input.times());
  for (std::size_t k = 0; k < count; ++k)
    fields.push_back(observations.step(0, (2 * k + 1) * input.times() / (2 * count)));
  return posterior::representativeness(model.backbone, fields);
}

/// Fills with a trained model.
class ModelFiller : public FieldFiller {
 public:
  ModelFiller(const Config& config, const io::GriddedVariable& input, const io::MissingScan& scan)
      : input_(input),
        scan_(scan),
        stated_(config.real("impute.representativeness")),
        model_(posterior::Model::load(config.text("impute.model"))),
        fit_(fit_input(input, model_)),
        sampler_(posterior::SamplerRegistry::instance().make(config.text("impute.method"), model_, config)),
        options_(posterior::SamplerRegistry::instance().describe(config.text("impute.method"), config)) {
    fixed_ = fit_.fixed;
    noise_ = config.real("impute.noise") > 0.0
                 ? config.real("impute.noise") * std::abs(fit_.unit_scale)
                 : model_.backbone.options().noise_sigma * model_.backbone.unit_scale();
  }

  [[nodiscard]] const std::vector<double>& values(std::size_t extra, std::size_t time) override {
    return observations_->values(extra, time);
  }

  [[nodiscard]] FilledField fill(std::size_t extra, std::size_t time, const posterior::SampleRequest& request,
                                 bool complete) override {
    const auto window = observations_->window(extra, time);
    const posterior::Ensemble e = sampler_->sample(window, request);
    Eigen::MatrixXd members = fit_.operator_matrix * e.members;
    FilledField out{.members = own_units(members),
                    .with_unresolved = {},
                    .chi_square = e.chi_square,
                    .effective_size = e.effective_size,
                    .diagnostics = {e.log_density.begin(), e.log_density.end()}};
    out.diagnostics.insert(out.diagnostics.end(), e.log_weight.begin(), e.log_weight.end());
    if (complete && fit_.unresolved > 0.0)
      out.with_unresolved = own_units(model_.backbone.within_bounds(
          with_white_noise(std::move(members), fit_.unresolved, fit_.index[time], request)));
    return out;
  }

  [[nodiscard]] double memory(std::uint32_t members) const override {
    return impute_memory(model_, input_, fit_, scan_, members);
  }

  void prepare(std::size_t first_time, std::size_t times, std::vector<std::string>& notes) override {
    check_plausible(input_, fit_, model_, scan_, first_time, times);
    fit_.unresolved = representativeness_of(stated_, input_, fit_, model_, noise_);
    if (fit_.unresolved > 0.0)
      notes.push_back(
          fmt::format("the input's grid holds {:.4g} {} (standard deviation) beside the model's: part of "
                      "spreads and members",
                      fit_.unresolved / std::abs(fit_.unit_scale), input_.summary().units));
    observations_ = std::make_unique<Observations>(input_, fit_, model_, std::hypot(noise_, fit_.unresolved));
  }

  [[nodiscard]] double unresolved() const override { return fit_.unresolved / std::abs(fit_.unit_scale); }
  [[nodiscard]] std::string unresolved_name() const override { return "what the model's grid cannot hold"; }
  void resolve(Config& config) const override { config.set("impute.representativeness", unresolved()); }
  [[nodiscard]] std::string provenance() const override {
    return fmt::format("{} {:016x}", model_.info.name, model_.checksum);
  }
  [[nodiscard]] std::string phrase() const override { return "with model " + model_.info.name; }
  [[nodiscard]] std::string settings() const override {
    return fmt::format("{:016x} noise {:g} representativeness {:g}\n{}", model_.checksum, noise_,
                       fit_.unresolved, options_);
  }

 private:
  [[nodiscard]] Eigen::MatrixXd own_units(const Eigen::MatrixXd& members) const {
    return (members.array() - fit_.unit_offset) / fit_.unit_scale;
  }

  const io::GriddedVariable& input_;
  const io::MissingScan& scan_;
  double stated_;
  posterior::Model model_;
  InputFit fit_;
  std::unique_ptr<posterior::PosteriorSampler> sampler_;
  std::string options_;  // of the sampler
  double noise_ = 0.0;
  std::unique_ptr<Observations> observations_{};
};

}  // namespace

std::unique_ptr<FieldFiller> make_model_filler(const Config& config, const io::GriddedVariable& input,
                                               const io::MissingScan& scan) {
  return std::make_unique<ModelFiller>(config, input, scan);
}

}  // namespace manifill::pipeline
