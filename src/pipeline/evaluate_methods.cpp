#include <fmt/format.h>

#include <algorithm>

#include "evaluate_parts.hpp"
#include "field_filler.hpp"
#include "manifill/base/error.hpp"

namespace manifill::pipeline {
namespace {

/// A posterior sampler on a model, as `impute` uses it.
class SamplerAnswers : public Answers {
 public:
  SamplerAnswers(const std::string& method, const Config& config, const CaseMaker& maker,
                 const posterior::Model& model)
      : maker_(maker),
        backbone_(model.backbone),
        request_(request_of(config)),
        sampler_(posterior::SamplerRegistry::instance().make(method, model, config)) {}

  [[nodiscard]] Answer answer(const PlannedCase& c, const WithheldField& field) override {
    const posterior::Ensemble e = sampler_->sample(field.window, request_);
    const InputFit& fit = maker_.fit(c);
    Eigen::MatrixXd members = fit.operator_matrix * e.members;
    if (fit.unresolved > 0.0)
      members = backbone_.within_bounds(
          with_white_noise(std::move(members), fit.unresolved, field.window.at_centre().time, request_));
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

}  // namespace

posterior::SampleRequest request_of(const Config& c) {
  return {.seed = static_cast<std::uint64_t>(c.integer("evaluate.seed")),
          .first_member = 0,
          .members = static_cast<std::uint32_t>(c.integer("evaluate.members")),
          .density = false,
          .refine = c.integer("evaluate.refine")};
}

void refuse_refinement(const Config& c, const std::string& method) {
  if (c.integer("evaluate.refine") > 0)
    throw Error(ErrorKind::usage, fmt::format("'evaluate.refine' means nothing to the method {}", method),
                {.remedy = fmt::format("Leave it out, or evaluate {} by itself", method)});
}

bool needs_no_model(const std::string& method) { return method == kMatern || method == kDineof; }

std::vector<Contender> contenders_of(const Config& c) {
  const auto& registry = posterior::SamplerRegistry::instance();
  std::vector<Contender> out;
  for (const auto& name : c.texts("evaluate.methods")) {
    if (std::any_of(out.begin(), out.end(), [&](const Contender& o) { return o.name == name; }))
      throw Error(ErrorKind::usage, fmt::format("the method '{}' is named twice", name),
                  {.remedy = "Name every method of evaluate.methods once"});
    if (needs_no_model(name)) refuse_refinement(c, name);
    if (name == kMatern)
      out.push_back({name, "a Matern field fitted to what stays observed, no model",
                     posterior::options_text(c, matern_specs())});
    else if (name == kDineof)
      out.push_back(
          {name, "the record's own modes, iterated, no model", posterior::options_text(c, dineof_specs())});
    else
      out.push_back({name, registry.summary(name), registry.describe(name, c)});
    if (!needs_no_model(name) && c.text("evaluate.model").empty())
      throw Error(ErrorKind::usage, fmt::format("the method '{}' needs a model and none was named", name),
                  {.remedy = "Set evaluate.model, or evaluate only matern and dineof, which need none"});
  }
  if (out.empty())
    throw Error(ErrorKind::usage, "no method is to be evaluated", {.remedy = "Set evaluate.methods"});
  return out;
}

std::unique_ptr<Answers> make_answers(const std::string& method, const Config& config, CaseMaker& maker,
                                      const posterior::Model* model) {
  if (method == kMatern) return make_matern_answers(config, maker);
  if (method == kDineof) return make_dineof_answers(config, maker);
  return std::make_unique<SamplerAnswers>(method, config, maker, *model);
}

}  // namespace manifill::pipeline
