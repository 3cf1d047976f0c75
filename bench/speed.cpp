// Times one step of a model, 32 members, beside the floors of its hot loops measured in the same run.
//
//   bench-speed MODEL.h5
//
// Consecutive steps, medians; masks of the bank with 30 % hidden. A seen mask meets the values of another
// year. Floors: operations of the Cholesky factor and of the draws at the rate of a large matrix product, and
// the bytes of the innovations at the rate of a large copy. Peak memory is that of the whole process.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <vector>

#include "manifill/base/blas.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/stopwatch.hpp"
#include "manifill/measurement/mask_bank.hpp"
#include "manifill/posterior/flow_condition.hpp"
#include "manifill/posterior/flow_network.hpp"
#include "manifill/posterior/sampler.hpp"
#include "manifill/posterior/windows.hpp"
#include "manifill/prior/torch.hpp"
#include "program.hpp"

namespace {

using namespace manifill;

constexpr std::uint32_t kMembers = 32;
constexpr double kMasked = 0.3;  // share hidden

double timed(const std::function<void()>& body) {
  const Stopwatch watch;
  body();
  return watch.seconds();
}

double median(std::vector<double> v) {
  std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2), v.end());
  return v[v.size() / 2];
}

/// Windows around consecutive training times, each under a mask of its own or one given.
class Windows {
 public:
  explicit Windows(const prior::Backbone& backbone)
      : backbone_(backbone),
        bank_(backbone.domain(), {}),
        fields_(backbone.training()),
        next_(backbone.options().window) {
    // A gap of the training fields themselves would make another mask of one that was seen.
    for (Eigen::Index t = 0; t < fields_.values.cols(); ++t) {
      const Eigen::VectorXd level = backbone.mean(fields_.season[static_cast<std::size_t>(t)]);
      for (Eigen::Index i = 0; i < fields_.values.rows(); ++i)
        if (std::isnan(fields_.values(i, t))) fields_.values(i, t) = static_cast<float>(level[i]);
    }
  }
  using Masks = std::vector<measurement::ObservedCells>;
  Masks masks() {
    RandomStream random({.seed = 5, .purpose = RandomPurpose::mask, .time = drawn_++});
    Masks out;
    for (std::int64_t k = 0; k <= 2 * backbone_.options().window; ++k)
      out.push_back(bank_.draw(random, kMasked));
    return out;
  }
  posterior::Window next(const Masks& masks) {
    RandomStream random({.seed = 5, .purpose = RandomPurpose::observation_noise, .time = next_});
    const double noise = backbone_.options().noise_sigma * backbone_.unit_scale();
    return posterior::simulate_window(fields_, next_++, backbone_.options().window, masks, noise, random);
  }

 private:
  prior::Backbone backbone_;
  measurement::MaskBank bank_;
  prior::TrainingFields fields_;
  std::int64_t next_;
  std::int64_t drawn_ = 0;
};

Eigen::Index observations(const posterior::Window& window) {
  Eigen::Index n = 0;
  for (const auto& s : window.steps) n += s.y.size();
  return n;
}

int main_of(const std::vector<std::string>& args) {
  if (args.empty()) throw Error(ErrorKind::usage, "usage: bench-speed MODEL.h5");
  const auto model = posterior::Model::load(args[0]);
  const auto n = static_cast<Eigen::Index>(model.backbone.domain().size());

  // Floors first, on cold and warm passes alike: the best of five.
  double rate = 0.0;
  double bytes = 0.0;
  {
    const Eigen::MatrixXf a = Eigen::MatrixXf::Random(2048, 2048);
    Eigen::MatrixXf b(2048, 2048);
    const Eigen::VectorXf from = Eigen::VectorXf::Random(64 << 20);
    Eigen::VectorXf to(from.size());
    for (int k = 0; k < 5; ++k) {
      rate = std::max(rate, 2.0 * 2048.0 * 2048.0 * 2048.0 / timed([&] { b.noalias() = a * a; }));
      bytes = std::max(bytes, 8.0 * static_cast<double>(from.size()) / timed([&] { to = from; }));
    }
  }
  fmt::print("{} on {}, window of {} steps, {} members; {}\n", model.info.name,
             model.backbone.domain().describe(), 2 * model.backbone.options().window + 1, kMembers,
             blas_info().describe());
  fmt::print("matrix product {:.0f} GFLOP/s, copy {:.1f} GB/s\n\n", rate / 1e9, bytes / 1e9);
  fmt::print("| what | ms |\n|---|---|\n");
  const auto row = [](const std::string& what, double seconds) {
    fmt::print("| {} | {:.1f} |\n", what, 1e3 * seconds);
  };

  // A year of months to make all covariances, a year of masks not met before, and a year of the same masks
  // again.
  const auto seasons =
      static_cast<std::size_t>(std::max<std::int64_t>(model.backbone.options().season_bins, 3));
  for (const std::string method : {"gaussian", "flow"}) {
    if (method == "flow" && !model.flow) continue;
    auto sampler = posterior::SamplerRegistry::instance().make(method, model);
    Windows windows(model.backbone);
    std::vector<double> first;
    std::vector<double> fresh;
    std::vector<double> seen;
    std::vector<Windows::Masks> masks;
    posterior::Window window;
    const auto field = [&] { return timed([&] { sampler->sample(window, {.members = kMembers}); }); };
    for (std::size_t k = 0; k < seasons; ++k) {
      window = windows.next(windows.masks());
      first.push_back(field());
    }
    for (std::size_t k = 0; k < seasons; ++k) {
      masks.push_back(windows.masks());
      window = windows.next(masks.back());
      fresh.push_back(field());
    }
    for (std::size_t k = 0; k < seasons; ++k) {
      window = windows.next(masks[k]);
      seen.push_back(field());
    }
    if (method == "gaussian") {
      row("gaussian, first field of a run (innovations, covariance)", first.front());
      row("gaussian, first field of a season (covariance)", median(first));
    }
    row(method + ", mask not seen before", median(fresh));
    row(method + ", mask seen before", median(seen));
    if (method == "gaussian") {
      const auto m = static_cast<double>(observations(window));
      row(fmt::format("  floor of the factor: {:.0f} observations, n^3 / 3 operations", m),
          m * m * m / 3.0 / rate);
      row("  floor of the draws: innovations read once",
          static_cast<double>(n) * kMembers * 4.0 *
              static_cast<double>(model.backbone.training().values.cols()) / bytes);
    } else {
      const torch::NoGradGuard frozen;
      const auto& shape = model.backbone.domain().lat_lon();
      const auto features = torch::randn(
          {1, posterior::condition_channels(model.backbone.domain(), model.backbone.options().window),
           static_cast<std::int64_t>(shape.nlat()), static_cast<std::int64_t>(shape.nlon())});
      const auto z = torch::randn({1, kMembers, static_cast<std::int64_t>(n)});
      std::vector<double> network;
      for (int k = 0; k < 10; ++k) {
        const double t =
            timed([&] { static_cast<void>(model.flow->forward(z, model.flow->condition(features))); });
        if (k > 0) network.push_back(t);
      }
      row("  of which the network", median(network));
    }
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  fmt::print("\npeak memory {:.2f} GiB\n", static_cast<double>(usage.ru_maxrss) / 1048576.0);
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return bench::run("bench-speed", main_of, argc, argv); }
