#include "manifill/posterior/importance.hpp"

#include <utility>
#include <vector>

#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"

namespace manifill::posterior {
namespace {

std::unique_ptr<PosteriorSampler> make(const Model& model, const Config& config) {
  std::string name = config.text("importance.proposal");
  if (name == "auto") name = model.flow ? "flow" : "gaussian";
  if (name == "importance")
    throw Error(ErrorKind::usage, "importance.proposal names the method 'importance' itself",
                {.remedy = "Set it to flow or gaussian"});
  auto proposal = SamplerRegistry::instance().make(name, model);
  return std::make_unique<ImportanceSampler>(model, std::move(name), std::move(proposal),
                                             static_cast<std::uint32_t>(config.integer("importance.draws")));
}

const SamplerRegistration kImportanceRegistration(
    "importance", "members of another method, weighted by the exact density and resampled",
    {{.key = "importance.proposal",
      .help = "method that proposes, with its options at their defaults; auto: flow where the model holds "
              "one, else gaussian",
      .fallback = std::string("auto")},
     {.key = "importance.draws",
      .help = "candidates for each member; all members' are in memory at once",
      .fallback = std::int64_t{16},
      .lowest = 1,
      .highest = 4096}},
    make);

}  // namespace

ImportanceSampler::ImportanceSampler(const Model& model, std::string name,
                                     std::unique_ptr<PosteriorSampler> proposal, std::uint32_t draws)
    : name_(std::move(name)), proposal_(std::move(proposal)), draws_(draws), finisher_(model) {}

Ensemble ImportanceSampler::sample(const Window& window, const SampleRequest& request) {
  using Eigen::Index;
  SampleRequest pool = request;
  pool.first_member = request.first_member * draws_;
  pool.members = request.members * draws_;
  pool.density = true;
  pool.refine = 0;
  Ensemble e = proposal_->sample(window, pool);
  const std::int64_t time = window.at_centre().time;
  if (!e.log_weight.allFinite())
    throw Error(
        ErrorKind::numerical, "the method '" + name_ + "' gave weights that are not finite",
        {.index = "[step " + std::to_string(time) + "]", .remedy = "Use --method gaussian for this input"});
  std::vector<Index> chosen;
  for (std::uint32_t m = 0; m < request.members; ++m) {
    const auto first = static_cast<Index>(m) * draws_;
    const Eigen::ArrayXd weight =
        (e.log_weight.segment(first, draws_).array() - e.log_weight.segment(first, draws_).maxCoeff()).exp();
    RandomStream random({.seed = request.seed,
                         .purpose = RandomPurpose::importance,
                         .time = time,
                         .member = request.first_member + m});
    double left = random.uniform() * weight.sum();
    Index k = 0;
    while (k + 1 < draws_ && (left -= weight[k]) > 0.0) ++k;
    chosen.push_back(first + k);
  }
  e.effective_size = effective_sample_size(e.log_weight) / draws_;
  e.evaluations *= draws_;
  e.gradients *= draws_;
  e.members = Eigen::MatrixXd(e.members(Eigen::all, chosen));
  e.log_density = Eigen::VectorXd(e.log_density(chosen));
  e.log_weight = Eigen::VectorXd(e.log_weight(chosen));
  if (!request.density) {
    e.log_density.resize(0);
    e.log_weight.resize(0);
  }
  if (request.refine > 0) {
    const prior::Backbone& backbone = finisher_.backbone();
    const double season = window.at_centre().season;
    const Eigen::MatrixXd x =
        backbone.scale(season).cwiseInverse().asDiagonal() * (e.members.colwise() - backbone.mean(season));
    const auto factor = finisher_.factor(window);
    const Ensemble refined = finisher_.finish(window, *factor, factor->solve(window), x, request);
    e.members = refined.members;
    e.evaluations += refined.evaluations;
    e.gradients += refined.gradients;
  }
  return e;
}

}  // namespace manifill::posterior
