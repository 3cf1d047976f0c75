#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "evaluate_parts.hpp"
#include "field_filler.hpp"
#include "manifill/base/error.hpp"
#include "manifill/posterior/matern.hpp"
#include "manifill/posterior/sampler.hpp"

namespace manifill::pipeline {
namespace {

posterior::SampleRequest request_of(const Config& c) {
  return {.seed = static_cast<std::uint64_t>(c.integer("evaluate.seed")),
          .first_member = 0,
          .members = static_cast<std::uint32_t>(c.integer("evaluate.members")),
          .density = false,
          .refine = c.integer("evaluate.refine")};
}

/// A posterior sampler on a model, as `impute` uses it.
class SamplerAnswers : public Answers {
 public:
  SamplerAnswers(const std::string& method, const Config& config, const CaseMaker& maker,
                 const posterior::Model& model)
      : maker_(maker),
        backbone_(model.backbone),
        request_(request_of(config)),
        sampler_(posterior::SamplerRegistry::instance().make(method, model, config)) {}

  [[nodiscard]] Answer answer(const PlannedCase& c, const MadeCase& made) override {
    const posterior::Ensemble e = sampler_->sample(made.field.window, request_);
    const InputFit& fit = maker_.fit(c);
    Eigen::MatrixXd members = fit.operator_matrix * e.members;
    if (fit.unresolved > 0.0)
      members = backbone_.within_bounds(
          with_white_noise(std::move(members), fit.unresolved, made.field.window.at_centre().time, request_));
    return {.members = (members.array() - fit.unit_offset) / fit.unit_scale,
            .chi_square = e.chi_square,
            .evaluations = e.evaluations,
            .gradients = e.gradients};
  }

 private:
  const CaseMaker& maker_;
  prior::Backbone backbone_;
  posterior::SampleRequest request_;
  std::unique_ptr<posterior::PosteriorSampler> sampler_;
};

/// The method `matern`, whose parameters come from what stays observed of the cases of each setting.
class MaternAnswers : public Answers {
 public:
  MaternAnswers(const Config& c, CaseMaker& maker)
      : request_(request_of(c)),
        nodes_(std::make_shared<const operators::DomainLaplacian>(
            operators::domain_laplacian(maker.domain(), c.real("matern.margin")))) {
    if (request_.refine > 0)
      throw Error(ErrorKind::usage, "'evaluate.refine' means nothing to the method matern",
                  {.remedy = "Leave it out, or evaluate matern by itself"});
    const auto degree = static_cast<int>(c.integer("matern.latitude_degree"));
    const auto degrees = degree < 0 ? posterior::latitude_degrees(maker.domain()) : std::vector<int>{degree};
    const Eigen::MatrixXd drift = posterior::latitude_drift(maker.domain(), degrees.back());
    const prior::MaternParameters stated{c.real("matern.range"), std::pow(c.real("matern.sd"), 2),
                                         std::pow(c.real("matern.nugget_sd"), 2)};
    const auto given = (stated.range > 0.0) + (stated.variance > 0.0) + (stated.nugget > 0.0);
    if (given != 0 && given != 3)
      throw Error(ErrorKind::usage, "only some of a Matern field's parameters were given",
                  {.remedy = "Give matern.range, matern.sd and matern.nugget_sd, or none of them"});
    for (std::size_t s = 0; s < maker.settings().size(); ++s) {
      const Eigen::MatrixXd some =
          some_fields(maker, s, static_cast<std::size_t>(c.integer("matern.fields")));
      if (some.cols() == 0) continue;  // nothing of this setting can be scored either
      const auto withheld = posterior::withheld_blocks(maker.domain());
      posterior::MaternFit found{.parameters = stated};
      if (given == 0)
        found = posterior::fit_matern_and_degree(nodes_, some, drift, degrees, withheld);
      else
        found.coefficients =
            1 + (degrees.size() > 1 ? posterior::best_degree(nodes_, some, drift, degrees, withheld, stated)
                                    : degrees.front());
      fits_[s] = {std::make_shared<const prior::MaternField>(nodes_, found.parameters),
                  drift.leftCols(found.coefficients), found.parameters.nugget};
    }
  }

  [[nodiscard]] Answer answer(const PlannedCase& c, const MadeCase& made) override {
    const Fit& fit = fits_.at(c.setting);
    const WithheldField& f = made.field;
    const posterior::MaternPosterior posterior(fit.field, f.observed, fit.drift);
    const auto likelihood = posterior.likelihood(f.values);
    Eigen::MatrixXd members = posterior.draw(f.values, {.seed = request_.seed,
                                                        .time = c.step,
                                                        .first_member = request_.first_member,
                                                        .members = request_.members});
    // What a cell does not share with its neighbours is part of the truth; the noise that was added is not.
    const double own = std::sqrt(std::max(0.0, fit.nugget - made.noise * made.noise));
    return {.members = with_white_noise(std::move(members), own, c.step, request_),
            .chi_square = likelihood.chi_square / posterior.freedom()};
  }

 private:
  struct Fit {
    std::shared_ptr<const prior::MaternField> field;
    Eigen::MatrixXd drift;
    double nugget;
  };

  /// What stays observed of some cases of a setting, spread evenly: [point][field].
  static Eigen::MatrixXd some_fields(CaseMaker& maker, std::size_t setting, std::size_t wanted) {
    std::vector<const PlannedCase*> own;
    for (const auto& c : maker.cases())
      if (c.setting == setting) own.push_back(&c);
    // Those in the middle of equal parts of the cases first, then whatever is left.
    const std::size_t count = std::min(own.size(), wanted);
    std::vector<const PlannedCase*> order;
    for (std::size_t k = 0; k < count; ++k) order.push_back(own[(2 * k + 1) * own.size() / (2 * count)]);
    order.insert(order.end(), own.begin(), own.end());
    std::vector<Eigen::VectorXd> fields;
    for (std::size_t k = 0; k < order.size() && fields.size() < count; ++k) {
      if (k >= count && std::find(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count),
                                  order[k]) != order.begin() + static_cast<std::ptrdiff_t>(count))
        continue;
      auto made = maker.make(*order[k]);
      if (made.field.weight.sum() > 0.0) fields.push_back(std::move(made.field.values));
    }
    Eigen::MatrixXd out(static_cast<Eigen::Index>(maker.domain().size()),
                        static_cast<Eigen::Index>(fields.size()));
    for (std::size_t k = 0; k < fields.size(); ++k) out.col(static_cast<Eigen::Index>(k)) = fields[k];
    return out;
  }

  posterior::SampleRequest request_;
  std::shared_ptr<const operators::DomainLaplacian> nodes_;
  std::map<std::size_t, Fit> fits_{};  // by setting
};

}  // namespace

std::vector<Contender> contenders_of(const Config& c) {
  const auto& registry = posterior::SamplerRegistry::instance();
  std::vector<Contender> out;
  for (const auto& name : c.texts("evaluate.methods")) {
    if (std::any_of(out.begin(), out.end(), [&](const Contender& o) { return o.name == name; }))
      throw Error(ErrorKind::usage, fmt::format("the method '{}' is named twice", name),
                  {.remedy = "Name every method of evaluate.methods once"});
    if (name == kMatern)
      out.push_back({name, "a Matern field fitted to what stays observed, no model",
                     posterior::options_text(c, matern_specs())});
    else
      out.push_back({name, registry.summary(name), registry.describe(name, c)});
    if (name != kMatern && c.text("evaluate.model").empty())
      throw Error(ErrorKind::usage, fmt::format("the method '{}' needs a model and none was named", name),
                  {.remedy = "Set evaluate.model, or evaluate 'matern' alone, which needs none"});
  }
  if (out.empty())
    throw Error(ErrorKind::usage, "no method is to be evaluated", {.remedy = "Set evaluate.methods"});
  return out;
}

std::unique_ptr<Answers> make_answers(const std::string& method, const Config& config, CaseMaker& maker,
                                      const posterior::Model* model) {
  if (method == kMatern) return std::make_unique<MaternAnswers>(config, maker);
  return std::make_unique<SamplerAnswers>(method, config, maker, *model);
}

}  // namespace manifill::pipeline
