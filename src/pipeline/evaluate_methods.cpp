#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "evaluate_parts.hpp"
#include "field_filler.hpp"
#include "manifill/base/error.hpp"

namespace manifill::pipeline {
namespace {

/// A posterior sampler on a model, as `impute` uses it.
class SamplerAnswers : public Answers {
 public:
  SamplerAnswers(const Contender& method, const CaseMaker& maker, const posterior::Model& model)
      : maker_(maker),
        backbone_(model.backbone),
        request_(request_of(method.config)),
        sampler_(posterior::SamplerRegistry::instance().make(method.method, model, method.config)) {}

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

constexpr const char* kVariants = "method";  // the sections
constexpr const char* kRefine = "evaluate.refine";

/// A configuration's method under a name of its own. \throws Error(usage) on an unknown one
Contender contender(const std::string& label, const std::string& method, const Config& c) {
  Contender out{.name = label, .method = method, .config = c};
  if (needs_no_model(method)) {
    refuse_refinement(c, method);
    out.summary = method == kMatern ? "a Matern field fitted to what stays observed, no model"
                                    : "the record's own modes, iterated, no model";
    out.options = posterior::options_text(c, method == kMatern ? matern_specs() : dineof_specs());
    return out;
  }
  const auto& registry = posterior::SamplerRegistry::instance();
  out.summary = registry.summary(method);
  out.options = registry.describe(method, c);
  if (c.text("evaluate.model").empty())
    throw Error(ErrorKind::usage, fmt::format("the method '{}' needs a model and none was named", method),
                {.remedy = "Set evaluate.model, or evaluate only matern and dineof, which need none"});
  return out;
}

/// What the n-th section [[method]] describes.
Contender variant(const Config& c, std::size_t which) {
  const Config part = c.part(kVariants, which);
  const std::string& method = part.text("name");
  if (method.empty())
    throw Error(ErrorKind::usage, fmt::format("{}[{}] names no method", kVariants, which),
                {.remedy = fmt::format("Set {}[{}].name", kVariants, which)});
  if (!needs_no_model(method)) static_cast<void>(posterior::SamplerRegistry::instance().summary(method));
  const std::string& label = part.text("label");
  if (!std::all_of(label.begin(), label.end(),
                   [](unsigned char letter) { return letter >= 0x20 && letter != '"' && letter != 0x7f; }))
    throw Error(ErrorKind::usage,
                fmt::format("{}[{}].label holds quotes or letters without a form", kVariants, which),
                {.remedy = "Name it in plain words: tables, pictures and variables are called so"});
  Config own = c;
  for (const auto& assignment : part.texts("set")) {
    const std::string key = assignment.substr(0, assignment.find('='));
    if (!key.starts_with(method + ".") && key != kRefine)
      throw Error(
          ErrorKind::usage,
          fmt::format("{}[{}].set holds '{}', which is no option of the method {}", kVariants, which,
                      assignment, method),
          {.remedy = fmt::format("Write \"{}.OPTION=VALUE\", or {}=STEPS; what all methods share stands "
                                 "in sections of its own",
                                 method, kRefine)});
    own.set(assignment);
  }
  Contender out = contender(label.empty() ? method : label, method, own);
  out.set = fmt::format("{}", fmt::join(part.texts("set"), ", "));
  return out;
}

}  // namespace

std::string file_word(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-';
    if (plain || (!out.empty() && out.back() != '_')) out += plain ? c : '_';
  }
  while (out.ends_with('_')) out.pop_back();
  return out;
}

std::vector<OptionSpec> variant_specs() {
  return {{.key = "method[].name",
           .help = "a method that is evaluated with options of its own",
           .fallback = std::string()},
          {.key = "method[].label",
           .help = "what it is called in tables and pictures; empty: its name",
           .fallback = std::string()},
          {.key = "method[].set",
           .help = "its options, \"dps.zeta=0.3\" each; evaluate.refine too",
           .fallback = std::vector<std::string>{}}};
}

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

void refuse_measurement(const Setting& setting, const std::string& method) {
  if (setting.measurement)
    throw Error(
        ErrorKind::input,
        fmt::format("the method {} fills from values of cells, and these are seen through an operator",
                    method),
        {.remedy = "Use a method with a model"});
}

bool needs_no_model(const std::string& method) { return method == kMatern || method == kDineof; }

std::vector<Contender> contenders_of(const Config& c) {
  std::vector<std::string> names = c.texts("evaluate.methods");
  if (names.empty() && c.count(kVariants) == 0) names.emplace_back("gaussian");
  std::vector<Contender> out;
  const auto add = [&](Contender one) {
    const std::string word = file_word(one.name);
    if (word.empty())
      throw Error(ErrorKind::usage, fmt::format("a method is called '{}'", one.name),
                  {.remedy = "Give its section [[method]] a label with letters or digits"});
    for (const auto& other : out)
      if (file_word(other.name) == word)
        throw Error(
            ErrorKind::usage,
            other.name == one.name
                ? fmt::format("two methods are called '{}'", one.name)
                : fmt::format("two methods are called '{}' and '{}', which are one name to files", other.name,
                              one.name),
            {.remedy = "Name every method of evaluate.methods once, and give sections [[method]] labels "
                       "that differ in letters or digits"});
    out.push_back(std::move(one));
  };
  for (const auto& name : names) add(contender(name, name, c));
  for (std::size_t k = 1; k <= c.count(kVariants); ++k) add(variant(c, k));
  return out;
}

std::unique_ptr<Answers> make_answers(const Contender& method, CaseMaker& maker,
                                      const posterior::Model* model) {
  if (method.method == kMatern) return make_matern_answers(method.config, maker);
  if (method.method == kDineof) return make_dineof_answers(method.config, maker);
  return std::make_unique<SamplerAnswers>(method, maker, *model);
}

}  // namespace manifill::pipeline
