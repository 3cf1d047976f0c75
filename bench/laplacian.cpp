// Times the Laplacian of an icosphere and its lowest eigenpairs, beside Spectra with its own defaults in the
// same run, and the floors of the hot loops.
//
//   bench-laplacian [DIVISIONS [PAIRS]]
//   bench-laplacian convergence
//
// 57 divisions (32492 vertices) and 256 pairs unless given. Floors: operations of the factorisation, and of
// keeping the wanted vectors orthogonal, 4 n k^2, at the rate of a large matrix product; bytes of the factor,
// twice, at the rate of a large copy. Spectra's defaults: shift-invert with its own sparse LU, twice as many
// basis vectors as pairs, tolerance 1e-10. Peak memory is that of the whole process.
//
// The second form prints errors of the eigenvalues of degrees one to seven on the unit sphere, the largest
// relative to l (l + 1), as edges are halved; no times.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <Spectra/MatOp/SparseSymShiftSolve.h>
#include <Spectra/SymEigsShiftSolver.h>
#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "manifill/base/blas.hpp"
#include "manifill/base/parallel.hpp"
#include "manifill/base/random.hpp"
#include "manifill/base/stopwatch.hpp"
#include "manifill/domain/triangle_mesh.hpp"
#include "manifill/io/cache_directory.hpp"
#include "manifill/operators/laplacian_filter.hpp"
#include "manifill/operators/laplacian_spectrum.hpp"
#include "manifill/operators/sparse_factor.hpp"
#include "program.hpp"

namespace {

using namespace manifill;
using Sparse = Eigen::SparseMatrix<double>;

constexpr Eigen::Index kFields = 32;

double timed(const std::function<void()>& body) {
  const Stopwatch watch;
  body();
  return watch.seconds();
}

double peak_gib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / (1U << 20U);
}

void row(const std::string& what, double seconds, double floor = 0.0) {
  fmt::print("| {} | {:.3f} | {} | {:.2f} |\n", what, seconds,
             floor > 0.0 ? fmt::format("{:.3f}", floor) : "", peak_gib());
}

/// Largest relative difference of eigenvalues, the first left out.
double difference(const Eigen::VectorXd& a, const Eigen::VectorXd& b) {
  const Eigen::Index n = a.size() - 1;
  return (a.tail(n) - b.tail(n)).cwiseQuotient(b.tail(n)).cwiseAbs().maxCoeff();
}

constexpr int kDegrees = 7;

/// The largest relative error of the eigenvalues of degrees one to kDegrees.
double sphere_error(const operators::Laplacian& laplacian) {
  const auto s = operators::laplacian_spectrum(laplacian, (kDegrees + 1) * (kDegrees + 1));
  double worst = 0.0;
  for (int l = 1; l <= kDegrees; ++l)
    for (int k = l * l; k < (l + 1) * (l + 1); ++k)
      worst = std::max(worst, std::abs(s.values[k] / (l * (l + 1)) - 1.0));
  return worst;
}

int convergence() {
  fmt::print(
      "| points | lumped mass | consistent mass | graph of 24 | graph of sqrt(n) | the same, random points "
      "|\n");
  fmt::print("|---|---|---|---|---|---|\n");
  std::array<double, 5> before{};
  for (const std::size_t divisions : {8U, 16U, 32U, 64U}) {
    const auto mesh = domain::icosphere(divisions);
    auto random = mesh.vertices;
    RandomStream stream({.seed = 1});
    for (auto& p : random) {
      for (double& x : p) x = stream.normal();
      const double r = std::hypot(p[0], p[1], p[2]);
      for (double& x : p) x /= r;
    }
    const std::vector<double> equal(random.size(), 1.0);
    const operators::PointOptions growing{
        .neighbours = static_cast<std::size_t>(std::sqrt(static_cast<double>(random.size())))};
    const auto areas = domain::vertex_areas(mesh);
    const std::array<double, 5> error{
        sphere_error(operators::cotangent_laplacian(mesh)),
        sphere_error(operators::cotangent_laplacian(mesh, {.mass = operators::MassKind::consistent})),
        sphere_error(operators::point_laplacian(mesh.vertices, areas)),
        sphere_error(operators::point_laplacian(mesh.vertices, areas, growing)),
        sphere_error(operators::point_laplacian(random, equal, growing))};
    fmt::print("| {} |", mesh.vertices.size());
    for (std::size_t k = 0; k < error.size(); ++k) {
      fmt::print(" {:.2e}", error[k]);
      if (before[k] > 0.0) fmt::print(", order {:.2f}", std::log2(before[k] / error[k]));
      fmt::print(" |");
    }
    fmt::print("\n");
    before = error;
  }
  return 0;
}

int main_of(const std::vector<std::string>& args) {
  if (!args.empty() && args[0] == "convergence") return convergence();
  const std::size_t divisions = args.empty() ? 57 : std::stoul(args[0]);
  const Eigen::Index pairs = args.size() < 2 ? 256 : std::stol(args[1]);

  double rate = 0.0;
  double bytes = 0.0;
  {
    const Eigen::MatrixXd a = Eigen::MatrixXd::Random(1500, 1500);
    Eigen::MatrixXd b(1500, 1500);
    const Eigen::VectorXd from = Eigen::VectorXd::Random(16 << 20);
    Eigen::VectorXd to(from.size());
    for (int k = 0; k < 5; ++k) {
      rate = std::max(rate, 2.0 * std::pow(1500.0, 3) / timed([&] { b.noalias() = a * a; }));
      bytes = std::max(bytes, 16.0 * static_cast<double>(from.size()) / timed([&] { to = from; }));
    }
  }

  const auto mesh = domain::icosphere(divisions);
  operators::Laplacian laplacian;
  const double flipped = timed([&] { laplacian = operators::cotangent_laplacian(mesh); });
  const auto n = laplacian.size();
  fmt::print("icosphere of {} vertices, {} eigenpairs; {}, {} threads\n", n, pairs, blas_info().describe(),
             available_threads());
  fmt::print("matrix product {:.0f} GFLOP/s, copy {:.1f} GB/s\n\n", rate / 1e9, bytes / 1e9);
  fmt::print("| what | s | floor, s | peak memory, GiB |\n|---|---|---|---|\n");
  row("cotangent Laplacian, intrinsic Delaunay", flipped);
  row("cotangent Laplacian, edges as given",
      timed([&] { operators::cotangent_laplacian(mesh, {.intrinsic_delaunay = false}); }));
  const std::vector<double> areas = domain::vertex_areas(mesh);
  operators::Laplacian graph;
  row("heat-kernel graph, 24 neighbours",
      timed([&] { graph = operators::point_laplacian(mesh.vertices, areas); }));

  {
    Sparse shifted = laplacian.stiffness;
    for (int i = 0; i < n; ++i) shifted.coeffRef(i, i) += laplacian.mass[i];
    std::optional<operators::SparseFactor> factor;
    const double seconds = timed([&] { factor.emplace(shifted); });
    const auto entries = static_cast<double>(factor->entries());
    row(fmt::format("factorisation, {:.1f} million entries", entries / 1e6), seconds,
        factor->operations() / rate);
    Eigen::MatrixXd x = Eigen::MatrixXd::Random(n, 8);
    row("eight solutions", timed([&] { x = factor->solve(x); }), 2.0 * 8.0 * entries / bytes);
  }

  const Eigen::MatrixXd fields = Eigen::MatrixXd::Random(n, kFields);
  const auto filter = operators::ChebyshevFilter::within(laplacian, operators::heat_response(0.01), 1e-6);
  Eigen::MatrixXd filtered;
  row(fmt::format("heat filter of degree {}, {} fields", filter.degree(), kFields),
      timed([&] { filtered = filter.apply(fields); }));
  std::vector<bool> known(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < known.size(); i += 10) known[i] = true;
  row(fmt::format("harmonic fill of nine tenths, {} fields", kFields),
      timed([&] { operators::harmonic_fill(laplacian, known, fields); }));

  operators::LaplacianSpectrum spectrum;
  const double orthogonal = 4.0 * static_cast<double>(n) * std::pow(static_cast<double>(pairs), 2) / rate;
  row(fmt::format("{} eigenpairs", pairs),
      timed([&] { spectrum = operators::laplacian_spectrum(laplacian, pairs); }), orthogonal);
  {
    const auto scratch = std::filesystem::temp_directory_path() / fmt::format("manifill-bench-{}", getpid());
    const io::CacheDirectory cache(scratch.string());
    operators::laplacian_spectrum(laplacian, pairs, cache);
    row("the same from the cache", timed([&] { operators::laplacian_spectrum(laplacian, pairs, cache); }));
    std::filesystem::remove_all(scratch);
  }

  row(fmt::format("{} eigenpairs of the graph", pairs),
      timed([&] { operators::laplacian_spectrum(graph, pairs); }), orthogonal);

  const Eigen::VectorXd root = laplacian.mass.cwiseSqrt().cwiseInverse();
  const Sparse standard = root.asDiagonal() * laplacian.stiffness * root.asDiagonal();
  Spectra::SparseSymShiftSolve<double> inverse(standard);
  Eigen::VectorXd reference;
  const double seconds = timed([&] {
    Spectra::SymEigsShiftSolver<Spectra::SparseSymShiftSolve<double>> solver(inverse, pairs,
                                                                             std::min(n, 2 * pairs), -1.0);
    solver.init();
    solver.compute(Spectra::SortRule::LargestMagn, 1000, 1e-10, Spectra::SortRule::SmallestAlge);
    reference = solver.eigenvalues();
    const Eigen::MatrixXd vectors = root.asDiagonal() * solver.eigenvectors();
  });
  row(fmt::format("{} eigenpairs by Spectra's defaults", pairs), seconds, orthogonal);
  fmt::print("\nlargest relative difference of eigenvalues: {:.1e}\n",
             difference(spectrum.values, reference));
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return bench::run("bench-laplacian", main_of, argc, argv); }
