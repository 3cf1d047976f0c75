#include "manifill/measurement/kernel.hpp"

#include <filesystem>

#include "manifill/io/png_image.hpp"
#include "tests/unit/measurement/operator_checks.hpp"

using namespace manifill;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("a bright point becomes a picture of the kernel") {
  const measurement::Kernel k{
      .rows = 3, .columns = 5, .weights = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};
  const auto image = domain::Domain::plane(7, 9);
  const auto a = measurement::convolution(image, k, "reflect");
  checks::adjoint_and_matrix(*a);
  Eigen::VectorXd spot = Eigen::VectorXd::Zero(63);
  spot[3 * 9 + 4] = 1.0;
  const Eigen::VectorXd y = a->apply(spot).col(0);
  for (int i = -3; i <= 3; ++i)
    for (int j = -4; j <= 4; ++j)
      CHECK(y[(3 + i) * 9 + 4 + j] == (std::abs(i) <= 1 && std::abs(j) <= 2
                                           ? k.weights[static_cast<std::size_t>((i + 1) * 5 + j + 2)]
                                           : 0.0));
}

TEST_CASE("convolution against its definition, edges by each rule") {
  const auto image = domain::Domain::plane(4, 5);
  const measurement::Kernel k{
      .rows = 3, .columns = 3, .weights = {0.1, -0.4, 0.2, 0.3, 1.0, -0.2, 0.05, 0.7, 0.15}};
  const Eigen::VectorXd x = checks::normals(20, 1, 2).col(0);
  for (const std::string edges : {"reflect", "nearest", "wrap"}) {
    CAPTURE(edges);
    const auto at = [&](int i, int n) {
      if (edges == "wrap") return (i + n) % n;
      return std::clamp(i, 0, n - 1);  // one step beyond the edge both other rules give the edge itself
    };
    const Eigen::VectorXd y = measurement::convolution(image, k, edges)->apply(x).col(0);
    for (int r = 0; r < 4; ++r)
      for (int c = 0; c < 5; ++c) {
        double sum = 0.0;
        for (int i = -1; i <= 1; ++i)
          for (int j = -1; j <= 1; ++j)
            sum +=
                k.weights[static_cast<std::size_t>((i + 1) * 3 + j + 1)] * x[at(r - i, 4) * 5 + at(c - j, 5)];
        CHECK(y[r * 5 + c] == Approx(sum).margin(1e-14));
      }
  }
}

TEST_CASE("on a globe a kernel goes round and over the poles") {
  const auto d = checks::globe(30.0);  // 6 x 12, the first row at 75 north
  const measurement::Kernel up{.rows = 3, .columns = 1, .weights = {0, 0, 1}};  // takes the row above
  const measurement::Kernel west{.rows = 1, .columns = 3, .weights = {0, 0, 1}};
  const Eigen::VectorXd x = checks::normals(72, 1, 7).col(0);
  const Eigen::VectorXd above = measurement::convolution(d, up, "nearest")->apply(x).col(0);
  const Eigen::VectorXd left = measurement::convolution(d, west, "nearest")->apply(x).col(0);
  for (int c = 0; c < 12; ++c) {
    CHECK(above[12 + c] == x[c]);
    CHECK(above[c] == x[(c + 6) % 12]);  // across the pole: the same row, half a turn away
    CHECK(left[24 + c] == x[24 + (c + 11) % 12]);
  }
  // With a row at the pole itself the one beyond is the second again.
  const auto poles = domain::Domain::lat_lon({90, 45, 0, -45, -90}, {0, 90, 180, 270});
  const Eigen::VectorXd z = checks::normals(20, 1, 8).col(0);
  const Eigen::VectorXd over = measurement::convolution(poles, up, "nearest")->apply(z).col(0);
  for (int c = 0; c < 4; ++c) CHECK(over[c] == z[4 + (c + 2) % 4]);
}

TEST_CASE("kernels by configuration: numbers, normalised or not, and PNG images") {
  const auto image = domain::Domain::plane(6, 6);
  const auto mean = checks::made({"kernel"}, image, {"kernel.weights=1,1,1,1,1,1,1,1,1"});
  checks::keeps_constants(*mean);
  const auto sum =
      checks::made({"kernel"}, image, {"kernel.weights=1,1,1", "kernel.rows=1", "kernel.normalise=false"});
  CHECK((sum->apply(Eigen::VectorXd::Ones(36)).array() - 3.0).abs().maxCoeff() < 1e-14);
  const auto path = (std::filesystem::temp_directory_path() / "kernel_test.png").string();
  io::write_png(path, {.rows = 1,
                       .columns = 3,
                       .colours = 1,
                       .alpha = true,
                       .depth = 8,
                       .samples = {0, 255, 51, 255, 204, 0}});
  const auto k = measurement::read_kernel(path);
  CHECK(k.weights == std::vector<double>{0.0, 0.2, 0.0});  // the transparent pixel counts for nothing
  checks::keeps_constants(*checks::made({"kernel"}, image, {"kernel.file=" + path}));
  std::filesystem::remove(path);
}

TEST_CASE("a kernel refuses what has no middle, no weight or no rows") {
  const auto image = domain::Domain::plane(6, 6);
  const auto refused = [&](const std::vector<std::string>& settings) {
    return checks::refusal(ErrorKind::usage, [&] { checks::made({"kernel"}, image, settings); });
  };
  CHECK_THAT(refused({}), ContainsSubstring("kernel.weights") && ContainsSubstring("kernel.file"));
  CHECK_THAT(refused({"kernel.weights=1,2"}), ContainsSubstring("no middle") && ContainsSubstring("odd"));
  CHECK_THAT(refused({"kernel.weights=1,2,3,4,5", "kernel.rows=3"}), ContainsSubstring("3 equal rows"));
  CHECK_THAT(refused({"kernel.weights=-1,0,1", "kernel.rows=1"}), ContainsSubstring("kernel.normalise"));
  CHECK_THAT(refused({"kernel.weights=1", "kernel.file=k.png"}), ContainsSubstring("two kernels"));
  CHECK_THAT(checks::refusal(ErrorKind::usage,
                             [] {
                               checks::made({"kernel"},
                                            domain::Domain::healpix(2, domain::healpix::Ordering::ring),
                                            {"kernel.weights=1,1,1", "kernel.rows=1"});
                             }),
             ContainsSubstring("rows and columns") && ContainsSubstring("gaussian_blur"));
}
