#include "manifill/pipeline/select_backbone.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <mutex>

#include "held_out.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/log.hpp"
#include "manifill/base/parallel.hpp"
#include "manifill/io/gridded.hpp"
#include "manifill/measurement/mask_bank.hpp"
#include "manifill/pipeline/train.hpp"
#include "manifill/posterior/windows.hpp"
#include "manifill/verification/crps.hpp"

namespace manifill::pipeline {
namespace {

/// An option of [backbone] that can be chosen: its key there and in [select], and what candidates are.
struct Choice {
  const char* key;
  const char* help;
};

constexpr Choice kChoices[] = {
    {"window", "half-widths of the window"},
    {"taper_km", "supports of the taper, km"},
    {"second_taper_km", "supports of the second taper, km"},
    {"second_taper_share", "shares of the second taper"},
    {"offset_variance", "variances of the common level"},
    {"half_life_years", "years after which training fields count half"},
    {"scale_power", "powers of the normalisation"},
    {"inflation", "factors on the covariance"},
};

struct Score {
  double crps = 0.0;
  double coverage90 = 0.0;
};

class Trial {
 public:
  Trial(const Config& c, const prior::TrainingFields& fields)
      : fields_(fields),
        seed_(static_cast<std::uint64_t>(c.integer("select.seed"))),
        noise_(c.real("select.noise")),
        gap_share_(c.real("select.gaps_share")) {
    keep_ = held_out(c, fields.year);
    keep_.flip();
    std::vector<Eigen::Index> times;
    for (std::size_t t = 0; t < keep_.size(); ++t)
      if (!keep_[t]) times.push_back(static_cast<Eigen::Index>(t));
    if (times.empty() || std::find(keep_.begin(), keep_.end(), true) == keep_.end())
      throw Error(ErrorKind::usage, "candidates in [select] need years to be judged by",
                  {.remedy = "Set train.validation_years to some of the training years"});
    const auto cases =
        std::min<std::int64_t>(c.integer("select.cases"), static_cast<std::int64_t>(times.size()));
    for (std::int64_t k = 0; k < cases; ++k)
      times_.push_back(times[static_cast<std::size_t>((2 * k + 1) * static_cast<std::int64_t>(times.size()) /
                                                      (2 * cases))]);
    if (!c.text("select.gaps").empty())
      gaps_ = load_gaps(io::GriddedVariable::open(c.text("select.gaps"), c.text("select.gaps_variable")),
                        static_cast<int>(c.integer("select.gaps_first_year")),
                        static_cast<int>(c.integer("select.gaps_last_year")));
    for (const auto& g : gaps_)
      if (g.size() != fields.domain.size())
        throw Error(ErrorKind::input, "its gaps lie on another grid than the training fields",
                    {.file = c.text("select.gaps"), .remedy = "Give gaps on the same grid"});
  }

  [[nodiscard]] Score operator()(const prior::BackboneOptions& options) const {
    const auto backbone = prior::Backbone::fit(fields_.subset(keep_), options);
    const measurement::MaskBank bank(fields_.domain, gaps_);
    Score total;
    double weight = 0.0;
    std::mutex mutex;
    parallel_for(static_cast<std::int64_t>(times_.size()), [&](std::int64_t k) {
      const Eigen::Index time = times_[static_cast<std::size_t>(k)];
      // Keyed by the step, so that all candidates and all widths of window see the same masks.
      std::vector<measurement::ObservedCells> masks;
      const std::int64_t centre = fields_.index[static_cast<std::size_t>(time)];
      for (std::int64_t step = centre - options.window; step <= centre + options.window; ++step) {
        RandomStream random({.seed = seed_, .purpose = RandomPurpose::mask, .time = step});
        const bool real = bank.has_gaps() && random.uniform() < gap_share_;
        masks.push_back(real ? bank.draw(random, 0.5, "gaps")
                             : measurement::blocks_and_scattered(fields_.domain, random));
      }
      RandomStream random({.seed = seed_, .purpose = RandomPurpose::observation_noise, .time = centre});
      const auto window = posterior::simulate_window(fields_, time, options.window, masks,
                                                     noise_ * backbone.unit_scale(), random);
      const posterior::WindowFactor factor(backbone, window);
      const Eigen::VectorXd mean = factor.centre_mean(factor.solve(window));
      const Eigen::VectorXd& sd = factor.marginal_scale();
      const double season = window.at_centre().season;
      const Eigen::VectorXd level = backbone.mean(season);
      const Eigen::VectorXd scale = backbone.scale(season);
      Score own;
      double own_weight = 0.0;
      for (Eigen::Index i = 0; i < mean.size(); ++i) {
        const float v = fields_.values(i, time);
        if (masks[static_cast<std::size_t>(options.window)][static_cast<std::size_t>(i)] || std::isnan(v))
          continue;
        const double w = backbone.relative_weights()[i];
        const double error = static_cast<double>(v) - level[i] - scale[i] * mean[i];
        own.crps += w * verification::gaussian_crps(0.0, scale[i] * sd[i], error);
        own.coverage90 += std::abs(error) <= 1.6448536 * scale[i] * sd[i] ? w : 0.0;
        own_weight += w;
      }
      const std::lock_guard<std::mutex> lock(mutex);
      total.crps += own.crps;
      total.coverage90 += own.coverage90;
      weight += own_weight;
    });
    return {total.crps / weight, total.coverage90 / weight};
  }

 private:
  const prior::TrainingFields& fields_;
  std::uint64_t seed_;
  double noise_;
  double gap_share_;
  std::vector<bool> keep_{};
  std::vector<Eigen::Index> times_{};
  std::vector<measurement::ObservedCells> gaps_{};
};

}  // namespace

std::vector<OptionSpec> selection_specs() {
  std::vector<OptionSpec> out;
  for (const auto& c : kChoices)
    out.push_back({.key = std::string("select.") + c.key,
                   .help = std::string("candidates: ") + c.help,
                   .fallback = std::vector<double>{}});
  const std::vector<OptionSpec> rest{
      {.key = "select.cases",
       .help = "held-out fields that candidates are judged by",
       .fallback = std::int64_t{100},
       .lowest = 1,
       .highest = 1e6},
      {.key = "select.noise",
       .help = "observation noise, in standard deviations of the field",
       .fallback = 0.05,
       .lowest = 1e-4,
       .highest = 10},
      {.key = "select.gaps",
       .help = "NetCDF file whose gaps are laid over the held-out fields; empty: blocks and scattered cells",
       .fallback = std::string()},
      {.key = "select.gaps_variable", .help = "its variable", .fallback = std::string()},
      {.key = "select.gaps_first_year",
       .help = "first year of those gaps",
       .fallback = std::int64_t{-100000}},
      {.key = "select.gaps_last_year", .help = "last year of those gaps", .fallback = std::int64_t{100000}},
      {.key = "select.gaps_share",
       .help = "share of fields under those gaps",
       .fallback = 1.0,
       .lowest = 0,
       .highest = 1},
      {.key = "select.seed", .help = "seed of masks and noise", .fallback = std::int64_t{1}, .lowest = 0},
  };
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}

prior::BackboneOptions select_backbone(const Config& config, const prior::TrainingFields& fields,
                                       std::vector<std::string>& notes) {
  Config best = config;
  const auto with = [&](const Choice& choice, double candidate) {
    Config c = best;
    c.set(fmt::format("backbone.{}={:.17g}", choice.key, candidate));
    return c;
  };
  const auto candidates = [&](const Choice& choice) -> const std::vector<double>& {
    return config.list(std::string("select.") + choice.key);
  };
  // A candidate out of its option's range is refused before hours go into the others.
  for (const auto& choice : kChoices)
    for (const double candidate : candidates(choice)) static_cast<void>(with(choice, candidate));
  for (const auto& choice : kChoices) {
    if (candidates(choice).empty()) continue;
    const Trial trial(config, fields);
    double least = std::numeric_limits<double>::infinity();
    double chosen = 0.0;
    for (const double candidate : candidates(choice)) {
      const Score s = trial(prior::BackboneOptions::from(with(choice, candidate)));
      log::info(fmt::format("select.{} {:g}: CRPS {:.5g}, 90 % covers {:.3f}", choice.key, candidate, s.crps,
                            s.coverage90));
      if (s.crps >= least) continue;
      least = s.crps;
      chosen = candidate;
    }
    best = with(choice, chosen);
    notes.push_back(fmt::format("select.{}: {:g} is chosen", choice.key, chosen));
  }
  return prior::BackboneOptions::from(best);
}

}  // namespace manifill::pipeline
