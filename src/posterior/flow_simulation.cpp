#include <algorithm>
#include <cmath>
#include <span>

#include <fmt/format.h>

#include "manifill/base/error.hpp"
#include "manifill/base/parallel.hpp"
#include "manifill/base/stopwatch.hpp"
#include "manifill/posterior/class_choice.hpp"
#include "manifill/posterior/flow_training.hpp"
#include "manifill/posterior/windows.hpp"

namespace manifill::posterior {
namespace {

void copy_row(torch::Tensor& to, std::int64_t row, const Eigen::VectorXf& from) {
  std::copy(from.data(), from.data() + from.size(), to.data_ptr<float>() + row * from.size());
}

std::vector<measurement::ObservedCells> draw_masks(const prior::TrainingFields& fields, std::int64_t steps,
                                                   const measurement::MaskBank& bank,
                                                   const FlowTrainingOptions& o, RandomStream& random) {
  const double kind = random.uniform();
  const double hidden = o.hidden_lowest + (o.hidden_highest - o.hidden_lowest) * random.uniform();
  const auto one = [&] {
    if (kind < o.protocol_share) return measurement::blocks_and_scattered(fields.domain, random);
    if (kind < o.protocol_share + o.gaps_share && bank.has_gaps()) return bank.draw(random, hidden, "gaps");
    return bank.draw(random, hidden);
  };
  std::vector<measurement::ObservedCells> masks;
  const bool same = random.uniform() < o.static_share;
  for (std::int64_t k = 0; k < steps; ++k) masks.push_back(same && k > 0 ? masks.front() : one());
  constexpr double kMissingNeighbour = 0.05;
  for (std::int64_t k = 0; k < steps; ++k)
    if (k != steps / 2 && random.uniform() < kMissingNeighbour)
      masks[static_cast<std::size_t>(k)].assign(fields.domain.size(), false);
  return masks;
}

/// What observes the cases of a group.
struct Setting {
  double noise = 0.0;
  const measurement::Operator* measured_by = nullptr;  // null: masks
  std::vector<measurement::ObservedCells> masks{};     // [step]
};

class Simulation {
 public:
  Simulation(const prior::TrainingFields& fields, std::int64_t half, const measurement::MaskBank& bank,
             const FlowTrainingOptions& o, std::int64_t count, std::uint64_t seed,
             const std::vector<measurement::OperatorPointer>& operators)
      : fields_(fields),
        half_(half),
        bank_(bank),
        options_(o),
        seed_(seed),
        operators_(operators),
        points_(static_cast<std::int64_t>(fields.domain.size())),
        base_(parse_flow_base(o.base)),
        posterior_base_(is_posterior(base_)),
        keep_factors_(o.weight_forward_kl > 0.0 || o.weight_reverse_kl > 0.0) {
    const std::int64_t channels = condition_channels(fields.domain, half);
    const auto columns = static_cast<std::int64_t>(fields.domain.columns());
    cases_.features = torch::empty({count, channels, points_ / columns, columns});
    cases_.mean = torch::empty({count, points_});
    cases_.sd = torch::empty({count, points_});
    cases_.truth = torch::zeros({count, points_});
    cases_.weight = torch::zeros({count, points_});
    cases_.hidden = torch::zeros({count, points_});
    cases_.departures = torch::empty({count, o.draws, points_});
    cases_.alike.resize(static_cast<std::size_t>(count));
    if (keep_factors_ || o.keep_windows) cases_.windows.resize(static_cast<std::size_t>(count));
    if (!keep_factors_) return;
    cases_.factors.resize(static_cast<std::size_t>(count));
    cases_.level = torch::empty({count, points_}, torch::kFloat64);
    cases_.unit = torch::empty({count, points_}, torch::kFloat64);
  }

  [[nodiscard]] RandomStream stream_of(std::int64_t k) const {
    return RandomStream({.seed = seed_, .purpose = RandomPurpose::training, .time = k});
  }

  void bound_by(const prior::Backbone& backbone) {
    if (backbone.options().bounds.empty() || cases_.low.defined()) return;
    cases_.low = torch::empty_like(cases_.mean);
    cases_.high = torch::empty_like(cases_.mean);
  }

  /// Cases first to last - 1, observed alike.
  void simulate_group(std::int64_t first, std::int64_t last, const Fold& fold,
                      const prior::Backbone& backbone) {
    Setting setting;
    std::vector<Observed> group;
    ClassChoice choice(backbone);
    for (std::int64_t k = first; k < last; ++k) {
      Observed one{.number = k, .random = stream_of(k)};
      static_cast<void>(one.random.uniform());  // it chose the fold
      one.time = fold.times[static_cast<std::size_t>(
          one.random.integer(0, static_cast<std::int64_t>(fold.times.size()) - 1))];
      if (k == first) setting = draw_setting(backbone, one.random);
      one.window = setting.measured_by != nullptr
                       ? simulate_measured_window(fields_, one.time, half_, *setting.measured_by, first,
                                                  setting.noise, one.random)
                       : simulate_window(fields_, one.time, half_, setting.masks, setting.noise, one.random);
      // The standard base needs no posterior, which is most of the work.
      if (posterior_base_ || keep_factors_) one.class_number = choice(one.window);
      group.push_back(std::move(one));
    }
    // Each class has a factorisation of its own, and cases of one stand together.
    std::stable_sort(group.begin(), group.end(),
                     [](const Observed& a, const Observed& b) { return a.class_number < b.class_number; });
    for (std::size_t k = 0; k < group.size(); ++k) group[k].number = first + static_cast<std::int64_t>(k);
    // Holds one: dates of other seasons, and fields with gaps, have a factorisation of their own too.
    WindowFactorCache cache(backbone, 0.0);
    std::shared_ptr<const WindowFactor> factor;
    std::vector<Observed> alike;
    for (auto& one : group) {
      const auto own = posterior_base_ || keep_factors_ ? cache.get(one.window, one.class_number) : nullptr;
      if (own != factor) write(alike, setting, backbone, factor);
      factor = own;
      alike.push_back(std::move(one));
    }
    write(alike, setting, backbone, factor);
  }

  [[nodiscard]] FlowCases take() { return std::move(cases_); }

 private:
  struct Observed {
    std::int64_t number = 0;
    RandomStream random;
    Eigen::Index time = 0;
    Window window{};
    std::size_t class_number = 0;
  };

  [[nodiscard]] Setting draw_setting(const prior::Backbone& backbone, RandomStream& random) const {
    const auto& o = options_;
    Setting s;
    s.noise =
        backbone.unit_scale() * o.noise_lowest * std::pow(o.noise_highest / o.noise_lowest, random.uniform());
    if (!operators_.empty() && random.uniform() < o.measured_share)
      s.measured_by = operators_[static_cast<std::size_t>(
                                     random.integer(0, static_cast<std::int64_t>(operators_.size()) - 1))]
                          .get();
    else
      s.masks = draw_masks(fields_, 2 * half_ + 1, bank_, o, random);
    return s;
  }

  /// Writes cases of one factorisation, solved for and drawn at once: each solve reads all of the factor.
  void write(std::vector<Observed>& alike, const Setting& setting, const prior::Backbone& backbone,
             const std::shared_ptr<const WindowFactor>& factor) {
    if (alike.empty()) return;
    const Eigen::Index draws = options_.draws;
    std::vector<WindowSolution> solutions;
    Eigen::MatrixXd departures;
    if (posterior_base_) {
      std::vector<const Window*> windows;
      windows.reserve(alike.size());
      for (const auto& one : alike) windows.push_back(&one.window);
      solutions = factor->solve(windows);
      departures =
          factor->draw_departures(alike.front().random, draws * static_cast<Eigen::Index>(alike.size()));
    }
    for (std::size_t j = 0; j < alike.size(); ++j) {
      Observed& one = alike[j];
      const FlowCondition condition = posterior_base_
                                          ? posterior_condition(one.window, *factor, solutions[j], base_)
                                          : standard_condition(backbone, one.window);
      Eigen::MatrixXf z(points_, draws);
      if (posterior_base_)
        z = condition.sd.cwiseInverse().asDiagonal() *
            departures.middleCols(static_cast<Eigen::Index>(j) * draws, draws).cast<float>();
      else
        one.random.fill_normal(std::span<float>(z.data(), static_cast<std::size_t>(z.size())));
      write_case(one, setting, backbone, condition, z);
      cases_.alike[static_cast<std::size_t>(one.number)] = alike.front().number;
      if (keep_factors_) cases_.factors[static_cast<std::size_t>(one.number)] = factor;
    }
    alike.clear();
  }

  void write_case(Observed& one, const Setting& setting, const prior::Backbone& backbone,
                  const FlowCondition& condition, const Eigen::MatrixXf& z) {
    const std::int64_t n = points_;
    const std::int64_t k = one.number;
    auto& c = cases_;
    std::copy(condition.features.data(), condition.features.data() + condition.features.size(),
              c.features.data_ptr<float>() + k * condition.features.size());
    copy_row(c.mean, k, condition.mean);
    copy_row(c.sd, k, condition.sd);
    std::copy(z.data(), z.data() + z.size(), c.departures.data_ptr<float>() + k * z.size());
    const double season = one.window.at_centre().season;
    const Eigen::VectorXd level = backbone.mean(season);
    const Eigen::VectorXd scale = backbone.scale(season);
    const Eigen::VectorXd& area = backbone.relative_weights();
    auto* truth = c.truth.data_ptr<float>() + k * n;
    auto* weight = c.weight.data_ptr<float>() + k * n;
    auto* hidden = c.hidden.data_ptr<float>() + k * n;
    for (std::int64_t i = 0; i < n; ++i) {
      const float v = fields_.values(i, one.time);
      if (std::isnan(v) || backbone.active()[i] == 0.0) {
        if (options_.weight_forward_kl > 0.0) refuse_gap(one.time, i);
        continue;
      }
      truth[i] = static_cast<float>((v - level[i]) / scale[i]);
      // Objectives count in physical units: a cell's weight follows its scale.
      const double area_scale = area[i] * scale[i] / backbone.unit_scale();
      const bool seen = setting.measured_by == nullptr &&
                        setting.masks[static_cast<std::size_t>(half_)][static_cast<std::size_t>(i)];
      weight[i] = static_cast<float>(area_scale * (seen ? options_.observed_weight : 1.0));
      hidden[i] = static_cast<float>(seen ? 0.0 : area_scale);
    }
    if (options_.equal_cases) {
      Eigen::Map<Eigen::VectorXf> counted(weight, n);
      const float spread = counted.dot(condition.sd);
      if (spread > 0.0F) counted *= counted.sum() / spread;
    }
    if (c.low.defined()) {
      const auto& bounds = backbone.options().bounds;
      copy_row(c.low, k, (bounds[0] - level.array()).cwiseQuotient(scale.array()).matrix().cast<float>());
      copy_row(c.high, k, (bounds[1] - level.array()).cwiseQuotient(scale.array()).matrix().cast<float>());
    }
    if (keep_factors_) {
      std::copy(level.data(), level.data() + n, c.level.data_ptr<double>() + k * n);
      std::copy(scale.data(), scale.data() + n, c.unit.data_ptr<double>() + k * n);
    }
    if (!c.windows.empty()) c.windows[static_cast<std::size_t>(k)] = std::move(one.window);
  }

  /// The likelihood of a field is that of all its values: none may be made up.
  [[noreturn]] void refuse_gap(Eigen::Index time, std::int64_t point) const {
    throw Error(
        ErrorKind::usage, "the forward KL divergence needs training fields without gaps",
        {.index = fmt::format("[time {}][point {}]", time, point),
         .remedy = "Set flow.weight_forward_kl = 0: CRPS and energy scores leave missing values out"});
  }

  const prior::TrainingFields& fields_;
  std::int64_t half_;
  const measurement::MaskBank& bank_;
  const FlowTrainingOptions& options_;
  std::uint64_t seed_;
  const std::vector<measurement::OperatorPointer>& operators_;
  std::int64_t points_;
  FlowBase base_;
  bool posterior_base_;
  bool keep_factors_;
  FlowCases cases_{};
};

}  // namespace

FlowCases simulate_cases(const prior::TrainingFields& fields, const std::vector<Fold>& folds,
                         std::int64_t half, const measurement::MaskBank& bank, const FlowTrainingOptions& o,
                         std::int64_t count, std::uint64_t seed, const TrainingHooks& hooks,
                         const std::vector<measurement::OperatorPointer>& operators) {
  if (o.weight_reverse_kl > 0.0 && half > 0)
    throw Error(
        ErrorKind::usage,
        fmt::format("the reverse KL divergence knows one step's observations, the model's window has {}",
                    2 * half + 1),
        {.remedy = "Train the prior with backbone.window = 0, or set flow.weight_reverse_kl = 0"});
  Simulation simulation(fields, half, bank, o, count, seed, operators);
  double times = 0.0;
  for (const auto& f : folds) times += static_cast<double>(f.times.size());
  std::vector<std::vector<std::int64_t>> groups_of(folds.size());  // first case of each group
  for (std::int64_t k = 0; k < count; k += o.fields_per_mask) {
    double left = simulation.stream_of(k).uniform() * times;
    std::size_t f = 0;
    while (f + 1 < folds.size() && left >= static_cast<double>(folds[f].times.size()))
      left -= static_cast<double>(folds[f++].times.size());
    groups_of[f].push_back(k);
  }
  const Stopwatch watch;
  std::int64_t done = 0;
  // Fold by fold, so that the covariances of one only are in memory.
  for (std::size_t f = 0; f < folds.size(); ++f) {
    if (groups_of[f].empty()) continue;
    const prior::Backbone backbone = folds[f].backbone();
    simulation.bound_by(backbone);
    parallel_for(
        static_cast<std::int64_t>(groups_of[f].size()),
        [&](std::int64_t g) {
          if (hooks.stop())
            throw Error(ErrorKind::stopped,
                        "stopped while simulating training cases, of which nothing is kept",
                        {.remedy = "Run again, with or without --resume"});
          const std::int64_t first = groups_of[f][static_cast<std::size_t>(g)];
          simulation.simulate_group(first, std::min(count, first + o.fields_per_mask), folds[f], backbone);
        },
        [&] {
          const std::int64_t before = done;
          done = std::min(count, done + o.fields_per_mask);
          if (done / 1000 != before / 1000)
            hooks.report(fmt::format("simulated {} of {} cases, {:.0f} s", done, count, watch.seconds()));
        });
  }
  return simulation.take();
}

}  // namespace manifill::posterior
