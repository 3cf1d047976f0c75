#include "manifill/measurement/mask.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>

#include "manifill/io/field_file.hpp"
#include "tests/unit/measurement/operator_checks.hpp"

using namespace manifill;
using Catch::Matchers::ContainsSubstring;

namespace {

double share_hidden(const std::vector<bool>& seen) {
  return static_cast<double>(std::count(seen.begin(), seen.end(), false)) / static_cast<double>(seen.size());
}

}  // namespace

TEST_CASE("a random mask hides what it is told to, anew at every step, and is the same again") {
  const auto d = domain::Domain::plane(40, 50);
  const auto a = measurement::random_mask(d, {.kinds = {"scattered"}, .hidden = 0.3, .seed = 5});
  checks::adjoint_and_matrix(*a, 1e-16);
  const auto first = a->measured(0);
  CHECK(share_hidden(first) == Approx(0.3).margin(0.05));  // 2000 coins: three standard deviations are 0.03
  CHECK(first ==
        measurement::random_mask(d, {.kinds = {"scattered"}, .hidden = 0.3, .seed = 5})->measured(0));
  CHECK(first != a->measured(1));
  CHECK_FALSE(a->steady());
  CHECK(first !=
        measurement::random_mask(d, {.kinds = {"scattered"}, .hidden = 0.3, .seed = 6})->measured(0));
}

TEST_CASE("hidden cells are NaN in what is observed and empty rows of the matrix of a step") {
  const auto d = domain::Domain::plane(6, 7);
  const auto a = measurement::random_mask(d, {.hidden = 0.4, .seed = 2});
  const Eigen::VectorXd x = checks::normals(42, 1, 1).col(0);
  const auto seen = a->measured(3);
  const Eigen::VectorXd y = a->observe(x, 3);
  const auto rows = a->rows(std::vector<bool>(42, true), 3);
  CHECK(rows.measured == seen);
  for (Eigen::Index i = 0; i < 42; ++i) {
    const bool there = seen[static_cast<std::size_t>(i)];
    CHECK(std::isnan(y[i]) == !there);
    if (there) CHECK(y[i] == x[i]);
    CHECK(rows.matrix.row(i).nonZeros() == (there ? 1 : 0));
  }
}

TEST_CASE("the gaps of a file mask a grid like its own") {
  const auto d = domain::Domain::plane(3, 4);
  const auto path = (std::filesystem::temp_directory_path() / "mask_test.nc").string();
  Eigen::MatrixXd field = Eigen::MatrixXd::Ones(12, 1);
  field(5, 0) = std::numeric_limits<double>::quiet_NaN();
  io::write_fields(path, d, field, {.variable = "v"});
  const auto a = checks::made({"mask"}, d, {"mask.file=" + path});
  std::vector<bool> expected(12, true);
  expected[5] = false;
  CHECK(a->measured(0) == expected);
  CHECK(a->steady());
  CHECK_THAT(checks::refusal(ErrorKind::input,
                             [&] { measurement::file_mask(domain::Domain::plane(4, 3), path, ""); }),
             ContainsSubstring(path) && ContainsSubstring("flat image 3 x 4"));
  std::filesystem::remove(path);
}

TEST_CASE("masks refuse kinds that they cannot draw") {
  const auto d = domain::Domain::plane(3, 4);
  CHECK_THAT(checks::refusal(ErrorKind::usage, [&] { checks::made({"mask"}, d, {"mask.kinds=gaps"}); }),
             ContainsSubstring("mask.kinds"));
  CHECK_THAT(checks::refusal(ErrorKind::usage, [&] { checks::made({"mask"}, d, {"mask.kinds=block"}); }),
             ContainsSubstring("Did you mean 'blocks'?"));
  CHECK_THAT(checks::refusal(ErrorKind::usage, [&] { checks::made({"mask"}, d, {"mask.hidden=1.5"}); }),
             ContainsSubstring("0 to 1"));
}
