#include "manifill/operators/laplacian_spectrum.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numbers>
#include <sstream>
#include <string>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/io/cache_directory.hpp"
#include "tests/unit/operators/surfaces.hpp"
#include "unit/io/netcdf_fixture.hpp"

using namespace manifill;
using namespace manifill::operators;
namespace fs = std::filesystem;

namespace {

double departure_from_identity(const Laplacian& l, const LaplacianSpectrum& s) {
  const Eigen::MatrixXd gram = s.vectors.transpose() * l.times_mass(s.vectors);
  return (gram - Eigen::MatrixXd::Identity(gram.rows(), gram.cols())).cwiseAbs().maxCoeff();
}

/// |S u - lambda M u| in the norm of M^-1, the largest over the pairs, relative to the largest eigenvalue.
double residual(const Laplacian& l, const LaplacianSpectrum& s) {
  const Eigen::MatrixXd r = l.stiffness * s.vectors - l.times_mass(s.vectors) * s.values.asDiagonal();
  const Eigen::VectorXd weight = l.mass.cwiseSqrt().cwiseInverse();
  return (weight.asDiagonal() * r).colwise().norm().maxCoeff() / s.values.tail(1)[0];
}

/// Orders of convergence between successive errors at halved edges.
std::vector<double> orders(const std::vector<double>& errors) {
  std::vector<double> out;
  for (std::size_t k = 1; k < errors.size(); ++k) out.push_back(std::log2(errors[k - 1] / errors[k]));
  return out;
}

/// Harmonic polynomials of degrees one to three: [node][polynomial], by degree.
Eigen::MatrixXd harmonics(const domain::TriangleMesh& mesh) {
  Eigen::MatrixXd y(static_cast<Eigen::Index>(mesh.vertices.size()), 15);
  for (Eigen::Index i = 0; i < y.rows(); ++i) {
    const auto [a, b, c] = mesh.vertices[static_cast<std::size_t>(i)];
    y.row(i) << a, b, c, a * b, b * c, c * a, a * a - b * b, 3 * c * c - 1, a * b * c, c * (a * a - b * b),
        a * (a * a - 3 * b * b), b * (3 * a * a - b * b), a * (5 * c * c - 1), b * (5 * c * c - 1),
        c * (5 * c * c - 3);
  }
  return y;
}

/// What a command prints; nothing when it fails.
std::string output_of(const std::string& command) {
  std::string text;
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return {};
  std::array<char, 4096> part{};
  while (const std::size_t got = std::fread(part.data(), 1, part.size(), pipe)) text.append(part.data(), got);
  return pclose(pipe) == 0 ? text : std::string();
}

}  // namespace

TEST_CASE("sphere: eigenvalues tend to l (l + 1), 2 l + 1 times each, with the square of the edges",
          "[operators]") {
  constexpr int kDegrees = 7;  // eigenvalues up to 7 * 8, 64 of them
  for (const MassKind mass : {MassKind::lumped, MassKind::consistent}) {
    std::vector<double> value_error;
    std::vector<double> space_error;
    for (const std::size_t divisions : {8U, 16U, 32U}) {
      const auto mesh = domain::icosphere(divisions);
      const Laplacian l = cotangent_laplacian(mesh, {.mass = mass});
      const auto s = laplacian_spectrum(l, (kDegrees + 1) * (kDegrees + 1));
      CHECK(s.values[0] < 1e-10);
      double worst = 0.0;
      for (int degree = 1; degree <= kDegrees; ++degree)
        for (int k = degree * degree; k < (degree + 1) * (degree + 1); ++k)
          worst = std::max(worst, std::abs(s.values[k] / (degree * (degree + 1)) - 1.0));
      value_error.push_back(worst);
      // What of each harmonic polynomial is outside of the span of its degree's eigenvectors.
      const Eigen::MatrixXd y = harmonics(mesh);
      worst = 0.0;
      for (Eigen::Index p = 0; p < y.cols(); ++p) {
        const int degree = p < 3 ? 1 : (p < 8 ? 2 : 3);
        const auto space = s.vectors.middleCols(degree * degree, 2 * degree + 1);
        const Eigen::MatrixXd rest = y.col(p) - space * (space.transpose() * l.times_mass(y.col(p)));
        const auto norm = [&](const Eigen::MatrixXd& v) {
          return std::sqrt(v.col(0).dot(l.times_mass(v).col(0)));
        };
        worst = std::max(worst, norm(rest) / norm(y.col(p)));
      }
      space_error.push_back(worst);
      CHECK(departure_from_identity(l, s) < 1e-12);
      CHECK(residual(l, s) < 1e-7);
    }
    CHECK(value_error[0] < 0.1);
    // Next terms are of the fourth power of the edges, a few per cent at the coarsest.
    for (const double order : orders(value_error)) CHECK(order == Approx(2.0).margin(0.1));
    for (const double order : orders(space_error)) CHECK(order == Approx(2.0).margin(0.1));
  }
}

TEST_CASE("flat torus: the lowest of the closed form, multiplicities included", "[operators]") {
  // 2 x 1 with 1800 vertices; (0, 0), then pairs and fours of equal eigenvalues.
  const auto exact = surfaces::five_point_eigenvalues(60, 30, 2.0, 1.0);
  const Laplacian l = cotangent_laplacian(surfaces::flat_torus(60, 30, 2.0, 1.0, 2));
  for (const Eigen::Index count : {1, 5, 50, 120}) {
    const auto s = laplacian_spectrum(l, count);
    for (Eigen::Index k = 0; k < count; ++k)
      REQUIRE(s.values[k] == Approx(exact[static_cast<std::size_t>(k)]).epsilon(1e-9).margin(1e-8));
    CHECK(departure_from_identity(l, s) < 1e-12);
  }
}

TEST_CASE("disc: the squared zeros of Bessel functions", "[operators]") {
  // Zeros of J_m and of J_m' (Abramowitz and Stegun 1964, tables 9.5 and 9.5), each twice but for m = 0.
  const std::vector<double> dirichlet{2.404825557695773, 3.831705970207512, 3.831705970207512,
                                      5.135622301840683, 5.135622301840683, 5.520078110286311};
  const std::vector<double> neumann{0.0,
                                    1.841183781340659,
                                    1.841183781340659,
                                    3.054236928227140,
                                    3.054236928227140,
                                    3.831705970207512,
                                    4.201188941210528,
                                    4.201188941210528};
  for (const bool free : {false, true}) {
    const auto& zeros = free ? neumann : dirichlet;
    std::vector<double> errors;
    for (const std::size_t rings : {12U, 24U, 48U}) {
      const Laplacian l = cotangent_laplacian(meshes::disc(rings),
                                              {.boundary = free ? Boundary::neumann : Boundary::dirichlet});
      const auto s = laplacian_spectrum(l, static_cast<Eigen::Index>(zeros.size()));
      double worst = 0.0;
      for (std::size_t k = free ? 1 : 0; k < zeros.size(); ++k)
        worst =
            std::max(worst, std::abs(s.values[static_cast<Eigen::Index>(k)] / (zeros[k] * zeros[k]) - 1.0));
      errors.push_back(worst);
    }
    CHECK(errors[2] < 2e-3);
    for (const double order : orders(errors)) CHECK(order == Approx(2.0).margin(0.15));
  }
}

TEST_CASE("copies of one surface: as many equal eigenvalues, more than a block holds", "[operators]") {
  const auto one = domain::icosphere(6);
  const auto single = laplacian_spectrum(cotangent_laplacian(one), 16);
  const Laplacian l = cotangent_laplacian(surfaces::copies(one, 12, 3.0));
  const auto s = laplacian_spectrum(l, 48);  // ends within the twelvefold first harmonics
  for (Eigen::Index k = 0; k < 48; ++k)
    REQUIRE(s.values[k] == Approx(single.values[k / 12]).epsilon(1e-8).margin(1e-9));
  CHECK(departure_from_identity(l, s) < 1e-10);
  // Ends within the null space.
  CHECK(laplacian_spectrum(l, 7).values.maxCoeff() < 1e-9);
}

TEST_CASE("few nodes or many pairs are solved all the same", "[operators]") {
  const Laplacian tiny = cotangent_laplacian(domain::icosphere(1));
  const auto all = laplacian_spectrum(tiny, 12);
  CHECK(departure_from_identity(tiny, all) < 1e-13);
  CHECK(residual(tiny, all) < 1e-12);
  CHECK(laplacian_spectrum(tiny, 1).values[0] < 1e-12);
  const Laplacian l = cotangent_laplacian(domain::icosphere(7));
  const auto many = laplacian_spectrum(l, 300);
  const auto few = laplacian_spectrum(l, 30);  // by Lanczos
  CHECK((many.values.head(30) - few.values).cwiseAbs().maxCoeff() < 1e-8);
  for (const Eigen::Index count : {0, 13, -1}) CHECK_THROWS_AS(laplacian_spectrum(tiny, count), Error);
}

TEST_CASE("renumbering vertices renumbers vectors", "[operators]") {
  // Shaken, so that no eigenvalue is multiple and vectors can be compared.
  const auto mesh = surfaces::shaken(domain::icosphere(10), 0.1, 1);
  const auto order = surfaces::random_order(mesh.vertices.size(), 2);
  const auto a = laplacian_spectrum(cotangent_laplacian(mesh), 20);
  const auto b = laplacian_spectrum(cotangent_laplacian(meshes::renumbered(mesh, order)), 20);
  CHECK((a.values - b.values).cwiseAbs().maxCoeff() < 1e-8);
  const Eigen::MatrixXd back = b.vectors(order, Eigen::all);
  for (Eigen::Index k = 0; k < 20; ++k)
    CHECK(std::min((back.col(k) - a.vectors.col(k)).norm(), (back.col(k) + a.vectors.col(k)).norm()) <
          1e-5 * a.vectors.col(k).norm());
  // One sign out of two.
  for (Eigen::Index k = 0; k < 20; ++k) {
    const Eigen::VectorXd u = a.vectors.col(k);
    const double half = 0.5 * u.cwiseAbs().maxCoeff();
    Eigen::Index first = 0;
    while (std::abs(u[first]) < half) ++first;
    CHECK(u[first] > 0.0);
  }
}

TEST_CASE("points on the sphere have the sphere's spectrum", "[operators]") {
  const auto points = surfaces::fibonacci_sphere(4000);
  const std::vector<double> areas(4000, 1.0);
  const auto s = laplacian_spectrum(point_laplacian(points, areas), 25);
  for (int l = 1; l < 5; ++l)
    for (int k = l * l; k < (l + 1) * (l + 1); ++k)
      CHECK(s.values[k] == Approx(l * (l + 1)).epsilon(0.012 * l));
}

TEST_CASE("the bunny's eigenvalues are those of another program", "[operators]") {
  const char* shared = std::getenv("SHARED");
  const std::string file = std::string(shared == nullptr ? "../shared" : shared) + "/data/meshes/bunny.off";
  const auto mesh = meshes::read_off(file);
  if (mesh.vertices.empty()) {
    WARN("skipped: there is no mesh " << file);
    return;
  }
  // Assembled anew from cross products, by corners.
  const test::Folder scratch;
  const std::string script = scratch.path() + "/reference.py";
  std::ofstream(script) << R"(import sys
import numpy as np
from scipy.sparse import coo_matrix, diags
from scipy.sparse.linalg import eigsh
words = open(sys.argv[1]).read().split()
nv, nt = int(words[1]), int(words[2])
v = np.array(words[4:4 + 3 * nv], float).reshape(nv, 3)
t = np.array(words[4 + 3 * nv:4 + 3 * nv + 4 * nt], int).reshape(nt, 4)[:, 1:]
s = coo_matrix((nv, nv)).tocsc()
m = np.zeros(nv)
for c in range(3):
    o, a, b = t[:, c], t[:, (c + 1) % 3], t[:, (c + 2) % 3]
    p, q = v[a] - v[o], v[b] - v[o]
    double_area = np.linalg.norm(np.cross(p, q), axis=1)
    w = 0.5 * np.sum(p * q, axis=1) / double_area
    s = s + coo_matrix((np.r_[w, w, -w, -w], (np.r_[a, b, a, b], np.r_[a, b, b, a])), (nv, nv)).tocsc()
    np.add.at(m, o, double_area / 6)
values = eigsh(s, 64, diags(m).tocsc(), sigma=-1 / m.sum(), return_eigenvectors=False)
print(' '.join(repr(float(x)) for x in np.sort(values)))
)";
  std::istringstream words(output_of("/usr/bin/python3 " + script + " " + file + " 2> /dev/null"));
  std::vector<double> expected;
  for (double x = 0.0; words >> x;) expected.push_back(x);
  if (expected.size() != 64) {
    WARN("skipped: /usr/bin/python3 has no scipy");
    return;
  }
  const auto s = laplacian_spectrum(cotangent_laplacian(mesh, {.intrinsic_delaunay = false}), 64);
  for (Eigen::Index k = 1; k < 64; ++k)
    CHECK(s.values[k] == Approx(expected[static_cast<std::size_t>(k)]).epsilon(1e-8));
  CHECK(s.values[0] < 1e-8 * expected[1]);
  // Flipped edges are another discretisation of the same surface: near, and not above, as they lower the
  // energy.
  const auto flipped = laplacian_spectrum(cotangent_laplacian(mesh), 64);
  for (Eigen::Index k = 1; k < 64; ++k) CHECK(flipped.values[k] == Approx(s.values[k]).epsilon(0.05));
}

TEST_CASE("a spectrum is kept, found again, and computed anew when its file is damaged", "[operators]") {
  const test::Folder scratch;
  const io::CacheDirectory cache(scratch.path());
  const Laplacian l = cotangent_laplacian(domain::icosphere(8));
  const auto fresh = laplacian_spectrum(l, 20, cache);
  const auto files = [&] {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(scratch.path())) out.push_back(entry.path());
    return out;
  };
  REQUIRE(files().size() == 1);
  const auto file = files().front();
  const auto written = fs::last_write_time(file);
  const auto again = laplacian_spectrum(l, 20, cache);
  CHECK(again.values == fresh.values);
  CHECK(again.vectors == fresh.vectors);
  CHECK(fs::last_write_time(file) == written);
  laplacian_spectrum(l, 21, cache);
  laplacian_spectrum(cotangent_laplacian(domain::icosphere(7)), 20, cache);
  CHECK(files().size() == 3);

  // Damaged, cut short, and whole but of something else.
  {
    std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(static_cast<std::streamoff>(fs::file_size(file) / 2));
    bytes << "no number";
  }
  CHECK(laplacian_spectrum(l, 20, cache).vectors == fresh.vectors);
  CHECK(laplacian_spectrum(l, 20, cache).vectors == fresh.vectors);
  fs::resize_file(file, 1000);
  CHECK(laplacian_spectrum(l, 20, cache).vectors == fresh.vectors);
  const std::string key = file.stem().string();
  for (const double scale : {0.0, 1.01, std::nan("")}) {
    const Eigen::MatrixXd wrong = scale * fresh.vectors;
    cache.keep(key, {{"values", {{20}, {fresh.values.begin(), fresh.values.end()}}},
                     {"vectors", {{20, 642}, {wrong.data(), wrong.data() + wrong.size()}}}});
    CHECK(laplacian_spectrum(l, 20, cache).vectors == fresh.vectors);
  }
  cache.keep(key, {{"values", {{1}, {0.0}}}});
  CHECK(laplacian_spectrum(l, 20, cache).vectors == fresh.vectors);
}

TEST_CASE("processes that want the same spectrum at once all get it", "[operators]") {
  const test::Folder scratch;
  const auto work = [&] {
    const Laplacian l = cotangent_laplacian(domain::icosphere(8));
    const auto s = laplacian_spectrum(l, 20, io::CacheDirectory(scratch.path()));
    return s.vectors.cols() == 20 && departure_from_identity(l, s) < 1e-12 && residual(l, s) < 1e-7;
  };
  std::vector<pid_t> children;
  for (int k = 0; k < 4; ++k) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) _exit(work() ? 0 : 1);
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
  CHECK(work());
  CHECK(std::distance(fs::directory_iterator(scratch.path()), fs::directory_iterator()) == 1);
}
