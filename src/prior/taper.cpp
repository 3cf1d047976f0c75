#include "manifill/prior/taper.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/operators/domain_laplacian.hpp"
#include "manifill/operators/eigenpairs.hpp"
#include "manifill/operators/laplacian_spectrum.hpp"

namespace manifill::prior {
namespace {

Eigen::MatrixXf with_unit_rows(const Eigen::MatrixXd& x) { return x.rowwise().normalized().cast<float>(); }

class ChordalTaper : public Taper {
 public:
  ChordalTaper(BackboneOptions options, domain::Domain domain)
      : options_(std::move(options)), domain_(std::move(domain)) {}

  [[nodiscard]] Eigen::VectorXf column(std::size_t j, std::size_t first) const override {
    Eigen::VectorXf out(static_cast<Eigen::Index>(domain_.size() - first));
    for (std::size_t i = first; i < domain_.size(); ++i)
      out[static_cast<Eigen::Index>(i - first)] =
          static_cast<float>(localisation(options_, domain_.chord(i, j)));
    return out;
  }

  [[nodiscard]] TaperRoot root() const override {
    const auto n = static_cast<Eigen::Index>(domain_.size());
    if (options_.taper_km <= 0.0 && options_.second_taper_share <= 0.0)
      return {Eigen::MatrixXf::Constant(n, 1, 1.0F / std::sqrt(static_cast<float>(n))),
              Eigen::MatrixXf::Ones(n, 1)};
    Eigen::MatrixXf taper(n, n);
    for (Eigen::Index j = 0; j < n; ++j) {
      taper.col(j).tail(n - j) = column(static_cast<std::size_t>(j), static_cast<std::size_t>(j));
      taper.row(j).tail(n - j) = taper.col(j).tail(n - j).transpose();
    }
    // A taper of support L has about one mode for every (L / 5)^2 of the surface.
    const double support = options_.taper_km > 0.0          ? options_.taper_km
                           : options_.second_taper_km > 0.0 ? options_.second_taper_km
                                                            : 20000.0;
    const double cell = support / 5.0;
    const auto rank =
        std::min<Eigen::Index>(n, 30 + static_cast<Eigen::Index>(domain_.area() / (cell * cell)));
    operators::Eigenpairs e;
    if (2 * rank > n) {
      e = operators::symmetric_eigenpairs(taper.cast<double>());
    } else {
      e = operators::leading_eigenpairs([&](const Eigen::MatrixXf& x) { return Eigen::MatrixXf(taper * x); },
                                        n, rank);
    }
    return {e.vectors.cast<float>(),
            with_unit_rows(e.vectors * e.values.cwiseMax(0.0).cwiseSqrt().asDiagonal())};
  }

 private:
  BackboneOptions options_;
  domain::Domain domain_;
};

class HeatTaper : public Taper {
 public:
  HeatTaper(double support, const domain::Domain& domain) {
    const auto nodes = operators::domain_laplacian(domain);
    // Gaspari and Cohn's function resembles a Gaussian of standard deviation L sqrt(0.3) / 2 (their eq. 4.25
    // and figure 6), the heat kernel is one of variance 2 t.
    const double time = 0.5 * 0.3 * 0.25 * support * support;
    // Weyl's law for the modes that exp(-time lambda) leaves 1e-4 of the first.
    const double surface = nodes.laplacian.mass.sum();
    const double wanted = 8.0 + surface * -std::log(1e-4) / (4.0 * std::numbers::pi * time);
    const auto size = static_cast<double>(nodes.laplacian.size());
    const auto count = static_cast<Eigen::Index>(std::min(wanted, size));
    const auto spectrum = operators::laplacian_spectrum(nodes.laplacian, count);
    modes_ = (nodes.laplacian.mass.cwiseSqrt().asDiagonal() * spectrum.vectors).cast<float>();
    const Eigen::VectorXd root_gain = (-0.5 * time * spectrum.values).array().exp();
    root_ = with_unit_rows(spectrum.vectors(nodes.of_point, Eigen::all) * root_gain.asDiagonal());
  }

  [[nodiscard]] Eigen::VectorXf column(std::size_t j, std::size_t first) const override {
    return root_.bottomRows(root_.rows() - static_cast<Eigen::Index>(first)) *
           root_.row(static_cast<Eigen::Index>(j)).transpose();
  }
  [[nodiscard]] TaperRoot root() const override { return {modes_, root_}; }

 private:
  Eigen::MatrixXf modes_{};
  Eigen::MatrixXf root_{};
};

}  // namespace

std::vector<std::string> taper_names() { return {"chordal", "heat"}; }

std::unique_ptr<const Taper> make_taper(const BackboneOptions& options, const domain::Domain& domain) {
  if (options.taper == "chordal") return std::make_unique<ChordalTaper>(options, domain);
  if (options.taper != "heat")
    throw Error(ErrorKind::usage, "no taper is named '" + options.taper + "'",
                {.remedy = "Choose chordal or heat"});
  if (!(options.taper_km > 0.0) || options.second_taper_share > 0.0)
    throw Error(ErrorKind::usage, "a heat taper has one support, and needs it",
                {.remedy = "Set backbone.taper_km, and backbone.second_taper_share to 0"});
  return std::make_unique<HeatTaper>(options.taper_km, domain);
}

}  // namespace manifill::prior
