// Spherical harmonic transforms of random fields on Gauss grids, every coefficient filled: milliseconds a
// field, alone and in a batch, one core, then two, beside libsharp on one core in the same run and the two
// floors. Best of several runs.
//   bench-sht [--degrees 127,255,511,1023] [--fields 16] [--seconds 2]
// libsharp (GPL) is linked by this program alone, where it is installed.

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <Eigen/Core>

#include "manifill/base/allocation.hpp"
#include "manifill/base/blas.hpp"
#include "manifill/base/stopwatch.hpp"
#include "manifill/operators/spherical_harmonics.hpp"

#if defined(MANIFILL_WITH_LIBSHARP)
extern "C" {
#include <libsharp/sharp.h>
#include <libsharp/sharp_almhelpers.h>
#include <libsharp/sharp_geomhelpers.h>
}
#endif

extern "C" void openblas_set_num_threads(int threads);

using namespace manifill;
using namespace manifill::operators;

namespace {

/// Least milliseconds of runs that together take `seconds`.
double best(double seconds, const std::function<void()>& work) {
  work();
  double least = INFINITY;
  const Stopwatch total;
  do {
    const Stopwatch one;
    work();
    least = std::min(least, 1e3 * one.seconds());
  } while (total.seconds() < seconds);
  return least;
}

struct Times {
  double synthesis = NAN;
  double analysis = NAN;
};

Times ours(const SphericalHarmonics& sht, std::size_t fields, double seconds, int threads, double* error) {
  setenv("OMP_NUM_THREADS", std::to_string(threads).c_str(), 1);
  std::mt19937 generator(1);
  std::uniform_real_distribution<double> uniform(-1.0, 1.0);
  std::vector<double> c(fields * sht.coefficients());
  for (auto& x : c) x = uniform(generator);
  std::vector<double> f(fields * sht.points());
  std::vector<double> back(c.size());
  Times t;
  t.synthesis = best(seconds, [&] { sht.synthesis(c, f); }) / static_cast<double>(fields);
  t.analysis = best(seconds, [&] { sht.analysis(f, back); }) / static_cast<double>(fields);
  double difference = 0.0;
  double norm = 0.0;
  for (std::size_t i = 0; i < c.size(); ++i) {
    difference += (back[i] - c[i]) * (back[i] - c[i]);
    norm += c[i] * c[i];
  }
  if (error != nullptr) *error = std::sqrt(difference / norm);
  return t;
}

#if defined(MANIFILL_WITH_LIBSHARP)
Times libsharp(int lmax, double seconds) {
  const int n = lmax + 1;
  sharp_geom_info* geometry = nullptr;
  sharp_alm_info* layout = nullptr;
  sharp_make_gauss_geom_info(n, 2 * n, 0.0, 1, 2 * n, &geometry);
  sharp_make_triangular_alm_info(lmax, lmax, 1, &layout);
  std::mt19937 generator(1);
  std::uniform_real_distribution<double> uniform(-1.0, 1.0);
  std::vector<std::complex<double>> c(static_cast<std::size_t>(sharp_alm_count(layout)));
  for (auto& z : c) z = {uniform(generator), uniform(generator)};
  std::vector<double> f(2 * static_cast<std::size_t>(n) * static_cast<std::size_t>(n));
  void* coefficients = c.data();
  void* field = f.data();
  const auto run = [&](sharp_jobtype type) {
    return best(seconds, [&] {
      sharp_execute(type, 0, static_cast<void*>(&coefficients), static_cast<void*>(&field), geometry, layout,
                    SHARP_DP | SHARP_NO_OPENMP, nullptr, nullptr);
    });
  };
  const Times t{run(SHARP_ALM2MAP), run(SHARP_MAP2ALM)};
  sharp_destroy_alm_info(layout);
  sharp_destroy_geom_info(geometry);
  return t;
}
#endif

/// Multiply-adds a second of one core, from a loop that does nothing else, and bytes a second of a copy.
struct Machine {
  double flops = 0.0;
  double bytes = 0.0;
};

Machine measure_machine() {
  Machine m;
  constexpr Eigen::Index n = 768;
  openblas_set_num_threads(1);
  const Eigen::MatrixXd a = Eigen::MatrixXd::Ones(n, n);
  Eigen::MatrixXd product(n, n);
  m.flops = 2.0 * n * n * n / (1e-3 * best(0.5, [&] { product.noalias() = a * a; }));
  std::vector<double> from(1U << 24U, 1.0);
  std::vector<double> to(from.size());
  m.bytes = 2.0 * 8.0 * static_cast<double>(from.size()) /
            (1e-3 * best(0.5, [&] { std::copy(from.begin(), from.end(), to.begin()); }));
  return m;
}

/// Multiply-adds that cannot be saved by this method: two for the recurrence and four for the sums, for every
/// pair of degrees, order and pair of rings, of which 2 / pi are not negligible, and five for each point and
/// doubling of a Fourier transform.
double least_flops(double lmax) {
  const double pairs = 0.5 * (lmax + 1.0);
  const double steps = 0.25 * (lmax + 1.0) * (lmax + 2.0);
  return 12.0 * pairs * steps * 0.6366 +
         2.5 * 2.0 * (lmax + 1.0) * (lmax + 1.0) * std::log2(2.0 * (lmax + 1.0));
}

/// Coefficients and field once, the Fourier coefficients written and read.
double least_bytes(double lmax) { return 8.0 * (lmax + 1.0) * (lmax + 1.0) * (1.0 + 2.0 + 4.0); }

}  // namespace

int main(int argc, char** argv) {
  keep_freed_memory();
  restart_with_chosen_blas(argv);
  CLI::App app("Spherical harmonic transforms beside libsharp");
  std::vector<int> degrees{127, 255, 511, 1023};
  std::size_t fields = 16;
  double seconds = 2.0;
  app.add_option("--degrees", degrees, "highest degrees")->delimiter(',');
  app.add_option("--fields", fields, "fields of the batch");
  app.add_option("--seconds", seconds, "a measurement's time");
  CLI11_PARSE(app, argc, argv);
  setenv("OMP_NUM_THREADS", "1", 1);
  const Machine machine = measure_machine();
  std::printf("one core: %.1f GFLOP/s in a matrix product, %.1f GB/s in a copy; milliseconds a field\n\n",
              1e-9 * machine.flops, 1e-9 * machine.bytes);
  std::printf(
      "| lmax | direction | libsharp | manifill | two cores | batch of %zu | two cores | floor: operations | "
      "floor: "
      "bytes |"
      " round trip |\n|---|---|---|---|---|---|---|---|---|---|\n",
      fields);
  for (const int lmax : degrees) {
    const auto n = static_cast<std::size_t>(lmax) + 1;
    const SphericalHarmonics sht(RingGrid::gauss_legendre(n, 2 * n), lmax);
    double error = 0.0;
    Times peer;
#if defined(MANIFILL_WITH_LIBSHARP)
    peer = libsharp(lmax, seconds);
#endif
    const Times one = ours(sht, 1, seconds, 1, &error);
    const Times batch = ours(sht, fields, seconds, 1, nullptr);
    const Times two = ours(sht, 1, seconds, 2, nullptr);
    const Times batch_two = ours(sht, fields, seconds, 2, nullptr);
    const double operations = 1e3 * least_flops(lmax) / machine.flops;
    const double bytes = 1e3 * least_bytes(lmax) / machine.bytes;
    const auto row = [&](const char* name, double Times::*which) {
      std::printf("| %d | %s | %.3f | %.3f | %.3f | %.3f | %.3f | %.3f | %.3f | %.1e |\n", lmax, name,
                  peer.*which, one.*which, two.*which, batch.*which, batch_two.*which, operations, bytes,
                  error);
    };
    row("synthesis", &Times::synthesis);
    row("analysis", &Times::analysis);
    std::fflush(stdout);
  }
}
