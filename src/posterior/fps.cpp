// `fps` and `fps_smc`: filtering posterior sampling (Dou and Song 2024, ICLR, algorithms 1 and 2).

#include <cmath>
#include <string>
#include <utility>

#include "manifill/posterior/diffusion.hpp"

namespace manifill::posterior {
namespace {

/// Particles of every member, [member * particle][.], with noised observations y_t of their own for each
/// member, which step from level to level as u_t does. A step u_t -> N(m, v) is fused with what y_s says of
/// A~ u_s in closed form, by Matheron's rule.
///
/// published: y_t = alpha y~ + sigma A~ eps, so that y_t - A~ u_t ~ N(0, alpha^2); steps that renew the share
/// c of the noise; particles resampled at each level by p(y_s | u_t) = N(y_s; A~ m, v A~ A~^T + alpha_s^2).
/// Taken level by level that counts the one noise of the observations as often as there are levels, and steps
/// of D are no draws of u_s.
///
/// consistent: the observations' noise n diffuses too, y_t = alpha y~ + sigma (A~ eps + e), so that n_t = y_t
/// - A~ u_t is standard at every level, E[n | n_t] = alpha n_t, and the pair (u_t, n_t) is known through A~
/// u_t + n_t = y_t exactly. Steps are ancestral, those of n_t fused with those of u_t; weights p(y_s | u_t,
/// n_t), with resampling where the effective number of particles falls below a half. As in the paper's case
/// without noise particles tend to the posterior as they and the steps become many.
class Fps : public DiffusionMethod {
 public:
  Fps(std::pair<std::int64_t, std::string> levels, double renewed, std::int64_t particles, bool consistent)
      : levels_(std::move(levels)), renewed_(renewed), particles_(particles), consistent_(consistent) {}

  [[nodiscard]] torch::Tensor draw(const DiffusionProblem& problem, MemberNoise& noise) const override {
    const auto levels = noise_levels(problem.schedule, levels_.first, levels_.second);
    const auto& a = problem.measurement;
    const auto points = a.points();
    const double first = prior::alpha_of(levels[0]);
    auto y = first * problem.y + prior::sigma_of(levels[0]) * seen_noise(a, noise);  // [member][observation]
    // The prior at the first level is white but for alpha^2.
    auto u = fused(problem, problem.denoiser.marginal(each(noise, points), levels[0]), 1.0,
                   consistent_ ? 1.0 : first * first, spread(y), noise);
    auto weight = torch::zeros({noise.members(), particles_}, torch::kFloat64);  // logarithms
    for (std::size_t k = 0; k + 1 < levels.size(); ++k) {
      const double from = levels[k];
      const double to = levels[k + 1];
      const auto step = [&](const torch::Tensor& x, const torch::Tensor& mean, const torch::Tensor& white) {
        return consistent_ ? ddim_step(x, mean, from, to, 1.0, white)
                           : renewing_step(x, mean, from, to, renewed_, white);
      };
      auto mean = step(u, problem.denoiser.mean(u, from), torch::zeros_like(u));
      if (std::isinf(to)) {
        u = mean;
        break;
      }
      const double alpha = prior::alpha_of(to);
      const double kept = std::pow(prior::alpha_of(from) / alpha, 2);
      const double fresh =  // v
          std::pow(prior::sigma_of(to), 2) *
          (consistent_ ? (1.0 - kept) / std::pow(prior::sigma_of(from), 2) : renewed_);
      const double own = consistent_ ? fresh : alpha * alpha;  // variance of what is seen of A~ u_s
      const auto next = step(y, problem.y, seen_noise(a, noise));
      auto seen = spread(next);
      if (consistent_) {
        const auto n = spread(y) - a.apply(u);
        seen = seen - step(n, prior::alpha_of(from) * n, torch::zeros_like(n));
      }
      if (particles_ > 1) {
        const auto departure = seen - a.apply(mean);
        weight =
            weight -
            0.5 * (departure * a.solve(fresh, own, departure)).sum(1).to(torch::kFloat64).reshape_as(weight);
        const auto chosen = resampled(weight, noise);
        mean = mean.index_select(0, chosen);
        seen = seen.index_select(0, chosen);
      }
      const auto white = each(noise, points);
      u = fused(problem, mean + std::sqrt(fresh) * white, fresh, own, seen, noise);
      y = next;
    }
    const auto share = torch::softmax(weight, 1).cumsum(1);
    const auto one = torch::searchsorted(share, noise.uniform(1).to(torch::kFloat64)).squeeze(1);
    return u.index_select(0, first_of(noise) + one.clamp_max(particles_ - 1));
  }

 private:
  /// Standard normals for all particles.
  [[nodiscard]] torch::Tensor each(MemberNoise& noise, std::int64_t columns) const {
    return noise.normal(particles_ * columns).reshape({noise.members() * particles_, columns});
  }
  [[nodiscard]] torch::Tensor spread(const torch::Tensor& of_member) const {
    return of_member.repeat_interleave(particles_, 0);
  }
  /// Row of each member's first particle.
  [[nodiscard]] torch::Tensor first_of(const MemberNoise& noise) const {
    return torch::arange(noise.members(), torch::kLong) * particles_;
  }

  /// What the noise of y_t is made of: [member][observation].
  [[nodiscard]] torch::Tensor seen_noise(const WhitenedMeasurement& a, MemberNoise& noise) const {
    const auto of_field = a.apply(noise.normal(a.points()));
    return consistent_ ? of_field + noise.normal(a.observations()) : of_field;
  }

  /// Draws of N(m, v) x N(y; A~ u, own) from draws d of N(m, v).
  [[nodiscard]] torch::Tensor fused(const DiffusionProblem& problem, const torch::Tensor& d, double v,
                                    double own, const torch::Tensor& y, MemberNoise& noise) const {
    const auto& a = problem.measurement;
    const auto departure = y + std::sqrt(own) * each(noise, a.observations()) - a.apply(d);
    return d + v * a.regularised_inverse(v, own, departure);
  }

  /// Rows that systematic resampling (Kitagawa 1996) chooses, for the members whose weights it takes and sets
  /// to zero; for others their own.
  [[nodiscard]] torch::Tensor resampled(torch::Tensor& weight, MemberNoise& noise) const {
    const auto share = torch::softmax(weight, 1);
    const auto order = torch::arange(particles_, torch::kLong).unsqueeze(0);
    const auto places = (order.to(torch::kFloat64) + noise.uniform(1)) / static_cast<double>(particles_);
    const auto drawn = torch::searchsorted(share.cumsum(1), places.contiguous()).clamp_max(particles_ - 1);
    const auto size = share.square().sum(1, true).reciprocal();
    const auto due = size < (consistent_ ? 0.5 : 2.0) * static_cast<double>(particles_);
    weight = torch::where(due, torch::zeros_like(weight), weight);
    return (first_of(noise).unsqueeze(1) + torch::where(due, drawn, order.expand_as(drawn))).flatten();
  }

  std::pair<std::int64_t, std::string> levels_;
  double renewed_;
  std::int64_t particles_;
  bool consistent_;
};

std::vector<OptionSpec> fps_specs(const std::string& name) {
  auto out = level_specs(name, 1000);
  out.push_back({.key = name + ".c",
                 .help = "share of the noise that a step renews",
                 .fallback = 0.95,
                 .lowest = 1e-6,
                 .highest = 1.0});
  return out;
}

std::vector<OptionSpec> smc_specs() {
  auto out = fps_specs("fps_smc");
  out.push_back({.key = "fps_smc.particles",
                 .help = "particles of each member, of which one is kept; an evaluation each at each level",
                 .fallback = std::int64_t{5},
                 .lowest = 1,
                 .highest = 100000});
  out.push_back({.key = "fps_smc.rule",
                 .help = "the paper's steps and weights; or ancestral steps, fps_smc.c unused, and noise of "
                         "the observations that diffuses along, which tends to the posterior",
                 .fallback = std::string("published"),
                 .choices = {"published", "consistent"}});
  return out;
}

const DiffusionRegistration kFilter("fps", "steps fused with a noised sequence of the observations",
                                    fps_specs("fps"), [](const Config& config) {
                                      return std::make_unique<Fps>(level_options("fps", config),
                                                                   config.real("fps.c"), 1, false);
                                    });

const DiffusionRegistration kParticles("fps_smc", "the same with particles, weighted and resampled",
                                       smc_specs(), [](const Config& config) {
                                         return std::make_unique<Fps>(
                                             level_options("fps_smc", config), config.real("fps_smc.c"),
                                             config.integer("fps_smc.particles"),
                                             config.text("fps_smc.rule") == "consistent");
                                       });

}  // namespace
}  // namespace manifill::posterior
