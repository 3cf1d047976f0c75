// Compares draws of a model's prior with its training fields: point variances and zonal spectrum.
//
//   bench-prior MODEL.h5 [FIGURE.png]
//
// Normalised anomalies, 240 draws over the seasons. On grids that close around the Earth the spectrum is by
// zonal wavenumber, on regional ones by the half waves of the cosine transform (Ahmed et al. 1974) across the
// grid.
#include <fmt/format.h>

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "manifill/base/error.hpp"
#include "manifill/plot/curves.hpp"
#include "manifill/posterior/model.hpp"
#include "manifill/prior/prior.hpp"
#include "manifill/prior/torch.hpp"
#include "program.hpp"

namespace {

using namespace manifill;

constexpr std::int64_t kSeasons = 12;
constexpr std::int64_t kDraws = 20;  // of each

/// Area-weighted power by wavenumber of [point][field].
std::vector<double> spectrum(const domain::Domain& domain, const Eigen::MatrixXd& fields) {
  const auto& shape = domain.lat_lon();
  const auto rows = static_cast<Eigen::Index>(shape.nlat());
  const auto columns = static_cast<Eigen::Index>(shape.nlon());
  const Eigen::Index waves = shape.periodic ? columns / 2 : columns - 1;
  const double unit = (shape.periodic ? 2.0 : 1.0) * std::numbers::pi / static_cast<double>(columns);
  std::vector<double> power(static_cast<std::size_t>(waves) + 1, 0.0);
  for (Eigen::Index k = 0; k <= waves; ++k) {
    Eigen::VectorXd cosine(columns);
    Eigen::VectorXd sine = Eigen::VectorXd::Zero(columns);
    for (Eigen::Index j = 0; j < columns; ++j) {
      const double angle = unit * static_cast<double>(k) * (static_cast<double>(j) + 0.5);
      cosine[j] = std::cos(angle);
      if (shape.periodic) sine[j] = std::sin(angle);
    }
    for (Eigen::Index i = 0; i < rows; ++i) {
      const auto row = fields.middleRows(i * columns, columns);
      const double area =
          domain.weights()[static_cast<std::size_t>(i * columns)] * static_cast<double>(columns);
      power[static_cast<std::size_t>(k)] +=
          area * ((cosine.transpose() * row).squaredNorm() + (sine.transpose() * row).squaredNorm()) /
          static_cast<double>(fields.cols() * columns * columns);
    }
  }
  return power;
}

int main_of(const std::vector<std::string>& args) {
  if (args.empty()) throw Error(ErrorKind::usage, "usage: bench-prior MODEL.h5 [FIGURE.png]");
  const auto model = posterior::Model::load(args[0]);
  const prior::Backbone& b = model.backbone;
  const prior::Prior prior(b, model.score);
  const auto n = static_cast<Eigen::Index>(b.domain().size());
  Eigen::MatrixXd draws(n, kSeasons * kDraws);
  for (std::int64_t s = 0; s < kSeasons; ++s) {
    const double season = (static_cast<double>(s) + 0.5) / static_cast<double>(kSeasons);
    const auto x = prior.sample(kDraws, season, {.seed = static_cast<std::uint64_t>(s + 1)})
                       .to(torch::kFloat64)
                       .contiguous();
    draws.middleCols(s * kDraws, kDraws) = Eigen::Map<const Eigen::MatrixXd>(x.data_ptr<double>(), n, kDraws);
  }
  const Eigen::MatrixXd anomalies = b.anomalies().cast<double>();
  const Eigen::Map<const Eigen::VectorXd> area(b.domain().weights().data(), n);
  const auto variance = [&](const Eigen::MatrixXd& x) {
    return Eigen::VectorXd(x.rowwise().squaredNorm() / static_cast<double>(x.cols()));
  };
  const Eigen::VectorXd of_draws = variance(draws);
  const Eigen::VectorXd of_training = variance(anomalies);
  const Eigen::ArrayXd da = of_draws.array() - area.dot(of_draws);
  const Eigen::ArrayXd ta = of_training.array() - area.dot(of_training);
  fmt::print("{} on {}, {}; {} training fields, {} draws, normalised\n\n", model.info.name,
             b.domain().describe(), model.score ? "with score network" : "Gaussian backbone",
             anomalies.cols(), draws.cols());
  fmt::print(
      "area mean of point variances: training {:.3f}, draws {:.3f}; correlation of their maps {:.3f}\n\n",
      area.dot(of_training), area.dot(of_draws),
      (area.array() * da * ta).sum() /
          std::sqrt((area.array() * da.square()).sum() * (area.array() * ta.square()).sum()));
  const auto a = spectrum(b.domain(), anomalies);
  const auto d = spectrum(b.domain(), draws);
  fmt::print("| wavenumber | training | draws | ratio |\n|---|---|---|---|\n");
  plot::Curve training{.label = "training fields"};
  plot::Curve drawn{.label = "draws"};
  for (std::size_t k = 0; k < a.size(); ++k) {
    if (k <= 10 || k % 5 == 0) fmt::print("| {} | {:.3e} | {:.3e} | {:.2f} |\n", k, a[k], d[k], d[k] / a[k]);
    if (k == 0) continue;
    for (plot::Curve* c : {&training, &drawn}) c->x.push_back(static_cast<double>(k));
    training.y.push_back(a[k]);
    drawn.y.push_back(d[k]);
  }
  if (args.size() < 2) return 0;
  const bool around = b.domain().lat_lon().periodic;
  plot::curves(args[1],
               {.panels = {{.title = model.info.name,
                            .x = {.label = around ? "zonal wavenumber" : "half waves across the grid",
                                  .scale = plot::AxisScale::log},
                            .y = {.label = "power", .scale = plot::AxisScale::log},
                            .curves = {training, drawn}}},
                .width = 1200});
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return bench::run("bench-prior", main_of, argc, argv); }
