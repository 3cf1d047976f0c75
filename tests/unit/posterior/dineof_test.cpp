#include "manifill/posterior/dineof.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <netcdf>
#include <numeric>
#include <set>

#include <Eigen/Eigenvalues>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "manifill/io/gridded.hpp"
#include "random_numbers.hpp"

using namespace manifill;
using namespace manifill::posterior;
using manifill::test::normals;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::vector<double> days(Eigen::Index count) {
  std::vector<double> out(static_cast<std::size_t>(count));
  std::iota(out.begin(), out.end(), 0.0);
  return out;
}

/// The same with a share of its values missing, singly.
Eigen::MatrixXd with_holes(Eigen::MatrixXd values, double share, std::uint64_t seed) {
  RandomStream random({.seed = seed, .purpose = RandomPurpose::mask});
  for (Eigen::Index t = 0; t < values.cols(); ++t)
    for (Eigen::Index i = 0; i < values.rows(); ++i)
      if (random.uniform() < share) values(i, t) = kNaN;
  return values;
}

/// Discs missing from fields on a plane, each time others.
Eigen::MatrixXd with_clouds(const domain::Domain& plane, Eigen::MatrixXd values, double radius,
                            std::uint64_t seed) {
  RandomStream random({.seed = seed, .purpose = RandomPurpose::mask});
  for (Eigen::Index t = 0; t < values.cols(); ++t)
    for (int k = 0; k < 3; ++k) {
      const auto middle = static_cast<std::size_t>(random.integer(0, values.rows() - 1));
      for (std::size_t i = 0; i < plane.size(); ++i)
        if (plane.chord(i, middle) < radius) values(static_cast<Eigen::Index>(i), t) = kNaN;
    }
  return values;
}

Eigen::MatrixXd filled(const Dineof& d) {
  Eigen::MatrixXd out(d.modes.rows(), d.amplitudes.rows());
  for (Eigen::Index t = 0; t < out.cols(); ++t) out.col(t) = d.field(t);
  return out;
}

/// Smooth modes on a plane of 20 x 20 pixels with amplitudes that fall off: [point][time].
Eigen::MatrixXd waves(const domain::Domain& plane, Eigen::Index times, int modes, std::uint64_t seed) {
  Eigen::MatrixXd patterns(static_cast<Eigen::Index>(plane.size()), modes);
  for (std::size_t i = 0; i < plane.size(); ++i)
    for (int k = 0; k < modes; ++k)
      patterns(static_cast<Eigen::Index>(i), k) =
          std::cos(0.15 * (1 + k / 2) * plane.points()[i][k % 2] + k) * std::pow(0.7, k);
  return patterns * normals(modes, times, seed);
}

DineofOptions exact() { return {.tolerance = 1e-9, .iterations = 20000, .filter = 0.0}; }

}  // namespace

TEST_CASE("a matrix of low rank is recovered from three fifths of its values", "[posterior]") {
  const Eigen::MatrixXd truth = normals(80, 2, 1) * normals(2, 40, 2);
  const Eigen::MatrixXd values = with_holes(truth, 0.4, 3);
  const auto withheld = withhold_points(values, withheld_count(values), 4);
  const auto d = dineof(values, days(40), {}, withheld, exact());
  // The mean that is taken off, of what is there, adds a mode to the two.
  REQUIRE(d.kept() >= 3);
  CHECK(d.errors[0] > 0.5);
  CHECK(d.errors[2] < 1e-4);
  CHECK((filled(d) - truth).cwiseAbs().maxCoeff() < 1e-3);  // the tolerance over what an iteration gains
  CHECK(d.residual < 1e-4);
  CHECK((d.modes.transpose() * d.modes - Eigen::MatrixXd::Identity(d.kept(), d.kept())).norm() < 1e-9);
  CHECK((d.amplitudes.transpose() * d.amplitudes - Eigen::MatrixXd::Identity(d.kept(), d.kept())).norm() <
        1e-9);
  CHECK(d.explained.sum() == Approx(1.0).epsilon(1e-6));

  // A wide matrix is its transpose, where there is no filter.
  const auto turned = dineof(
      values.transpose(), days(80), {},
      [&] {
        auto out = withheld;
        for (auto& e : out) std::swap(e.point, e.time);
        return out;
      }(),
      exact());
  // Beyond the three modes there are, errors are of rounding, and so is how many more are tried.
  REQUIRE(turned.kept() >= 3);
  for (std::size_t k = 0; k < 3; ++k) CHECK(turned.errors[k] == Approx(d.errors[k]).margin(1e-7));
}

TEST_CASE("withheld values choose the true number of modes under noise", "[posterior]") {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    Eigen::MatrixXd truth = normals(300, 4, seed) * normals(4, 60, seed + 10);
    truth.array() -= truth.mean();
    const Eigen::MatrixXd values = with_holes(truth + 0.5 * normals(300, 60, seed + 20), 0.3, seed + 30);
    const auto d =
        dineof(values, days(60), {}, withhold_points(values, withheld_count(values), seed), {.filter = 0.0});
    CHECK(d.kept() == 4);
    CHECK(d.errors.size() >= 7);  // until three in a row are worse
    const double error = std::sqrt((filled(d) - truth).array().square().mean());
    CHECK(error < 0.2);                                                  // of noise of 0.5
    CHECK(d.errors[3] == Approx(std::hypot(0.5, error)).epsilon(0.08));  // 220 values
    const auto stated = dineof(values, days(60), {}, withhold_points(values, withheld_count(values), seed),
                               {.modes = 4, .filter = 0.0});
    CHECK(stated.singular == d.singular);
    CHECK(dineof(values, days(60), {}, withhold_points(values, 50, seed), {.modes = 6}).kept() == 6);
  }
}

TEST_CASE("the filter is that of the covariance between times", "[posterior]") {
  const Eigen::MatrixXd values = normals(50, 6, 1);
  const std::vector<double> times{0.0, 1.0, 2.5, 3.5, 7.0, 8.0};
  const std::vector<MatrixEntry> withheld{{3, 2}, {30, 4}};
  const DineofOptions o{.modes = 3, .filter = 0.3, .filter_passes = 4};
  const auto d = dineof(values, times, {}, withheld, o);

  // Every pass moves alpha times the slope across the faces between times.
  const Eigen::MatrixXd anomalies = values.array() - values.mean();
  Eigen::MatrixXd covariance = anomalies.transpose() * anomalies;
  const Eigen::ArrayXd at = Eigen::Map<const Eigen::ArrayXd>(times.data(), 6);
  Eigen::ArrayXd faces(7);
  faces << -0.5, 0.5, 1.75, 3.0, 5.25, 7.5, 8.5;
  const auto smoothed = [&](Eigen::ArrayXd f) {
    for (int pass = 0; pass < 4; ++pass) {
      Eigen::ArrayXd flux = Eigen::ArrayXd::Zero(7);
      flux.segment(1, 5) = 0.3 * (f.tail(5) - f.head(5)) / (at.tail(5) - at.head(5));
      f += (flux.tail(6) - flux.head(6)) / (faces.tail(6) - faces.head(6));
    }
    return f;
  };
  for (int side = 0; side < 2; ++side) {
    for (Eigen::Index k = 0; k < 6; ++k) covariance.row(k) = smoothed(covariance.row(k)).transpose();
    covariance.transposeInPlace();
  }
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(covariance);
  for (Eigen::Index k = 0; k < 3; ++k) {
    CHECK(d.singular[k] == Approx(std::sqrt(eigen.eigenvalues()[5 - k])).epsilon(1e-9));
    CHECK(std::abs(d.amplitudes.col(k).dot(eigen.eigenvectors().col(5 - k))) == Approx(1.0).epsilon(1e-9));
    CHECK(std::abs(d.modes.col(k).dot((anomalies * d.amplitudes.col(k)).normalized())) ==
          Approx(1.0).epsilon(1e-9));
  }

  // A wide matrix is filtered along time as well.
  const Eigen::MatrixXd wide = normals(4, 6, 2);
  const auto w = dineof(wide, times, {}, {{1, 1}}, {.modes = 2, .filter = 0.3, .filter_passes = 4});
  const Eigen::MatrixXd a = wide.array() - wide.mean();
  Eigen::MatrixXd half(4, 6);
  for (Eigen::Index i = 0; i < 4; ++i) half.row(i) = smoothed(a.row(i)).transpose();
  CHECK(w.singular[0] == Approx(half.jacobiSvd().singularValues()[0]).epsilon(1e-9));
}

TEST_CASE("the filter carries what is known to times without values", "[posterior]") {
  const auto plane = domain::Domain::plane(20, 20);
  const Eigen::Index times = 30;
  Eigen::MatrixXd truth(400, times);
  for (Eigen::Index t = 0; t < times; ++t)
    for (std::size_t i = 0; i < 400; ++i)
      truth(static_cast<Eigen::Index>(i), t) =
          std::sin(0.2 * static_cast<double>(t) + 0.2 * plane.points()[i][0]);
  Eigen::MatrixXd values = truth;
  values.col(12).setConstant(kNaN);
  const auto withheld = withhold_points(values, withheld_count(values), 1);
  const auto skill = [&](double filter) {
    const auto d = dineof(values, days(times), {}, withheld, {.filter = filter, .filter_passes = 10});
    return (d.field(12) - truth.col(12)).norm() / truth.col(12).norm();
  };
  CHECK(skill(0.0) > 0.95);  // nothing but the mean is known of that time
  CHECK(skill(0.1) < 0.5);
}

TEST_CASE("fills do not depend on units, on the order of points or on never observed ones", "[posterior]") {
  const auto plane = domain::Domain::plane(20, 20);
  Eigen::MatrixXd values = with_clouds(plane, waves(plane, 25, 3, 1) + 0.2 * normals(400, 25, 2), 5.0, 3);
  values.row(77).setConstant(kNaN);
  const auto withheld = withhold_points(values, withheld_count(values), 4);
  const auto one = dineof(values, days(25), {}, withheld);
  CHECK(one.field(3)[77] == one.mean);
  const Eigen::MatrixXd fill = filled(one);
  const double size = fill.cwiseAbs().maxCoeff();

  const auto scaled = dineof(5.0 + 40.0 * values.array(), days(25), {}, withheld);
  CHECK(scaled.kept() == one.kept());
  CHECK((filled(scaled) - (5.0 + 40.0 * fill.array()).matrix()).cwiseAbs().maxCoeff() < 1e-9 * 40.0 * size);
  CHECK(scaled.residual == Approx(40.0 * one.residual));
  CHECK(scaled.inflation == Approx(one.inflation).epsilon(1e-5));

  auto turned = withheld;
  for (auto& e : turned) e.point = 399 - e.point;
  const auto reversed = dineof(values.colwise().reverse(), days(25), {}, turned);
  CHECK((filled(reversed).colwise().reverse() - fill).cwiseAbs().maxCoeff() < 1e-9 * size);

  CHECK(filled(dineof(values, days(25), {}, withheld)) == fill);

  // Weights: alike, they are none; a point of weight two is two points.
  const auto alike = dineof(values, days(25), Eigen::VectorXd::Constant(400, 0.3), withheld);
  CHECK((filled(alike) - fill).cwiseAbs().maxCoeff() < 1e-9 * size);
  Eigen::VectorXd weights = Eigen::VectorXd::Ones(400);
  weights[200] = 2.0;
  Eigen::MatrixXd twice(401, 25);
  twice << values, values.row(200);
  std::vector<MatrixEntry> elsewhere;
  for (const auto& e : withheld)
    if (e.point != 200) elsewhere.push_back(e);
  const auto heavy = dineof(values, days(25), weights, elsewhere);
  const auto doubled = dineof(twice, days(25), {}, elsewhere);
  CHECK((filled(heavy) - filled(doubled).topRows(400)).cwiseAbs().maxCoeff() < 1e-9 * size);
  CHECK(heavy.errors[1] == Approx(doubled.errors[1]).epsilon(1e-9));
}

TEST_CASE("values are withheld singly or under gaps of other times", "[posterior]") {
  const auto plane = domain::Domain::plane(20, 20);
  Eigen::MatrixXd values = with_clouds(plane, normals(400, 25, 1), 6.0, 2);
  values.row(399).setConstant(kNaN);
  CHECK(withheld_count(values) == static_cast<std::size_t>(0.01 * 399 * 25 + 40));
  CHECK(withheld_count(values.topRows(50)) == static_cast<std::size_t>(0.03 * 50 * 25));
  const auto key = [](const std::vector<MatrixEntry>& entries) {
    std::set<std::pair<Eigen::Index, Eigen::Index>> out;
    for (const auto& e : entries) out.insert({e.point, e.time});
    return out;
  };
  for (const bool clouds : {false, true}) {
    const auto draw = [&](std::uint64_t seed) {
      return clouds ? withhold_clouds(plane, values, 400, seed) : withhold_points(values, 400, seed);
    };
    const auto some = draw(1);
    CHECK(some.size() == 400);
    CHECK(key(some).size() == 400);
    for (const auto& e : some) CHECK(!std::isnan(values(e.point, e.time)));
    CHECK(key(draw(1)) == key(some));
    CHECK(key(draw(2)) != key(some));
    std::size_t beside = 0;  // neighbours withheld with it, of four
    const auto all = key(some);
    for (const auto& e : some)
      for (const auto n : plane.neighbours(static_cast<std::size_t>(e.point)))
        beside += all.count({static_cast<Eigen::Index>(n), e.time});
    CHECK((beside > 2 * some.size()) == clouds);
  }
  // Without gaps there are no clouds to lay on; more than half is never withheld.
  CHECK(withhold_clouds(plane, normals(400, 5, 3), 100, 1).size() == 100);
  CHECK(withhold_points(values.leftCols(1), 400, 1).size() <= 200);
}

TEST_CASE("expected errors are those made under clouds", "[posterior]") {
  const auto plane = domain::Domain::plane(20, 20);
  double square = 0.0;
  double count = 0.0;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const Eigen::MatrixXd truth = waves(plane, 60, 8, seed) + 0.1 * normals(400, 60, seed + 50);
    const Eigen::MatrixXd values = with_clouds(plane, truth, 6.0, seed + 100);
    const auto d = dineof(values, days(60), {}, withhold_clouds(plane, values, 600, seed), {.filter = 0.0});
    CHECK(d.inflation >= 1.0);
    for (Eigen::Index t = 0; t < 60; ++t) {
      std::vector<bool> observed(400);
      for (std::size_t i = 0; i < 400; ++i)
        observed[i] = !std::isnan(values(static_cast<Eigen::Index>(i), t));
      const Eigen::VectorXd variance =
          (d.loadings() * d.error_root(observed)).rowwise().squaredNorm().array() + d.residual * d.residual;
      const Eigen::VectorXd field = d.field(t);
      for (Eigen::Index i = 0; i < 400; ++i) {
        if (observed[static_cast<std::size_t>(i)]) continue;
        square += std::pow(truth(i, t) - field[i], 2) / variance[i];
        count += 1.0;
      }
    }
  }
  CHECK(square / count == Approx(1.0).margin(0.25));  // eight clouds a record decide the inflation
}

TEST_CASE("what cannot be reconstructed is refused", "[posterior]") {
  const Eigen::MatrixXd values = normals(10, 5, 1);
  const std::vector<MatrixEntry> one{{2, 3}};
  using Catch::Matchers::ContainsSubstring;
  CHECK_THROWS_WITH(dineof(values, days(5), {}, {}), ContainsSubstring("withheld"));
  CHECK_THROWS_WITH(dineof(values, days(5), {}, one, {.filter = 0.6}), ContainsSubstring("at most 0.5"));
  CHECK_THROWS_WITH(dineof(values, {0.0, 1.0, 1.0, 2.0, 3.0}, {}, one), ContainsSubstring("[time 2]"));
  CHECK_NOTHROW(dineof(values, {0.0, 1.0, 1.0, 2.0, 3.0}, {}, one, {.filter = 0.0}));
  CHECK_THROWS_WITH(dineof(values.leftCols(2), days(2), {}, {{0, 0}}), ContainsSubstring("2 of its times"));
  CHECK_THROWS_WITH(dineof(Eigen::MatrixXd::Constant(10, 5, 7.0), days(5), {}, one),
                    ContainsSubstring("do not vary"));
  CHECK_THROWS_AS(dineof(values, days(4), {}, one), Error);
  CHECK_THROWS_AS(dineof(values, days(5), Eigen::VectorXd::Ones(9), one), Error);
  CHECK_THROWS_AS(dineof(values, days(5), {}, {{2, 3}, {2, 3}}), Error);
}

// ------------------------------------------------------------------------------------- DINEOF's own results

namespace {

/// Numbers of a file of DINEOF's: big-endian Fortran records, the last of doubles.
std::vector<double> read_records(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto word = [&](std::size_t at, std::size_t length) {
    std::uint64_t out = 0;
    for (std::size_t k = 0; k < length; ++k) out = out << 8 | static_cast<std::uint8_t>(bytes.at(at + k));
    return out;
  };
  std::size_t at = 0;
  std::size_t length = 0;
  for (std::size_t next = 0; next < bytes.size(); next += length + 8) {
    at = next + 4;
    length = word(next, 4);
  }
  std::vector<double> out;
  for (std::size_t k = 0; k < length / 8; ++k) out.push_back(std::bit_cast<double>(word(at + 8 * k, 8)));
  return out;
}

/// The random numbers of the program that made the reference: xoshiro256** (Blackman and Vigna 2021), in the
/// state that gfortran's random_seed brings it into by the reference's seed, 243435.
class ReferenceRandom {
 public:
  double uniform() {
    const std::uint64_t result = std::rotl(s_[1] * 5, 7) * 9;
    const std::uint64_t t = s_[1] << 17;
    s_[2] ^= s_[0];
    s_[3] ^= s_[1];
    s_[1] ^= s_[2];
    s_[0] ^= s_[3];
    s_[2] ^= t;
    s_[3] = std::rotl(s_[3], 45);
    return static_cast<double>(result >> 11) * 0x1.0p-53;
  }

 private:
  std::array<std::uint64_t, 4> s_{0xbd0fed8550c169a2, 0xd463d72646e269d3, 0xbb4cfba5d61383af,
                                  0x1149eed607551bd2};
};

}  // namespace

TEST_CASE("the Alboran Sea is filled as DINEOF fills it", "[posterior]") {
  const char* shared = std::getenv("SHARED");
  const std::string folder = std::string(shared == nullptr ? "../shared" : shared) + "/data/dineof_alboran/";
  if (!std::filesystem::exists(folder + "alboranSST_small.nc")) {
    WARN("skipped: there is no " << folder << "alboranSST_small.nc with DINEOF's results beside it");
    return;
  }
  // The sea, column by column from the west, as DINEOF has it in its matrix.
  const auto sst = io::GriddedVariable::open(folder + "alboranSST_small.nc", "SST");
  const auto mask = io::GriddedVariable::open(folder + "alboranSST_small.nc", "mask").read(0, 0, 1);
  const auto fields = sst.read(0, 0, sst.times());
  const std::size_t columns = sst.domain().lat_lon().nlon();
  const std::size_t rows = sst.domain().lat_lon().nlat();
  std::vector<std::size_t> sea;
  for (std::size_t c = 0; c < columns; ++c)
    for (std::size_t r = 0; r < rows; ++r)
      if (mask.data()[r * columns + c] > 0.0) sea.push_back(r * columns + c);
  Eigen::MatrixXd values(static_cast<Eigen::Index>(sea.size()), static_cast<Eigen::Index>(sst.times()));
  for (Eigen::Index t = 0; t < values.cols(); ++t)
    for (Eigen::Index i = 0; i < values.rows(); ++i)
      values(i, t) =
          fields.data()[static_cast<std::size_t>(t) * rows * columns + sea[static_cast<std::size_t>(i)]];
  REQUIRE(values.rows() == 22186);

  // The values that it withheld are recorded, and their places are found by its random numbers.
  const auto recorded = read_records(folder + "Reference/CVpoints_initial.dat");
  REQUIRE(recorded.size() == 2258);
  const double mean = values.array().isNaN().select(0.0, values.array()).sum() /
                      static_cast<double>((!values.array().isNaN()).count());
  ReferenceRandom random;
  std::vector<MatrixEntry> withheld;
  Eigen::MatrixXd left = values;
  while (withheld.size() < recorded.size()) {
    const auto i = static_cast<Eigen::Index>(random.uniform() * static_cast<double>(values.rows()));
    const auto t = static_cast<Eigen::Index>(random.uniform() * static_cast<double>(values.cols()));
    if (std::isnan(left(i, t))) continue;
    left(i, t) = kNaN;
    withheld.push_back({i, t});
  }
  for (std::size_t k = 0; k < withheld.size(); ++k)
    REQUIRE(values(withheld[k].point, withheld[k].time) - mean == Approx(recorded[k]).margin(1e-10));

  const std::vector<double> times = sst.time().values;
  DineofOptions options{.most_modes = 5, .restore_withheld = false};
  const auto d = dineof(values, times, {}, withheld, options);
  std::ifstream kept(folder + "Reference/neofretained.val");
  Eigen::Index modes = 0;
  kept >> modes;
  CHECK(d.kept() == modes);
  // Rounding alone stands between the two programs.
  const auto errors = read_records(folder + "Reference/valc.dat");
  REQUIRE(d.errors.size() == 5);
  for (std::size_t k = 0; k < 5; ++k) CHECK(d.errors[k] == Approx(errors[k + 1]).epsilon(1e-9));
  const auto estimates = read_records(folder + "Reference/CVpoints_best_estimate.dat");
  double farthest = 0.0;
  for (std::size_t k = 0; k < withheld.size(); ++k)
    farthest =
        std::max(farthest, std::abs(d.predicted[static_cast<Eigen::Index>(k)] - d.mean - estimates[k]));
  CHECK(farthest < 1e-9);
  const auto changes = read_records(folder + "Reference/valosclast.dat");
  CHECK(d.last_changes.size() == 18);
  for (std::size_t k = 1; k < d.last_changes.size(); ++k)  // DINEOF's first is the whole fill
    CHECK(d.last_changes[k] == Approx(changes[k]).epsilon(1e-7));

  const netCDF::NcFile file(folder + "Reference/eof.nc", netCDF::NcFile::read);
  const auto numbers = [&](const char* name) {
    const auto variable = file.getVar(name);
    std::size_t size = 1;
    for (const auto& dimension : variable.getDims()) size *= dimension.getSize();
    std::vector<double> out(size);
    variable.getVar(out.data());
    return out;
  };
  const auto sigma = numbers("Sigma");
  const auto v = numbers("V");
  const auto u = numbers("Usst");
  const auto compare = [&](const Dineof& other, double least_pattern, double least_amplitude) {
    for (Eigen::Index k = 0; k < modes; ++k) {
      Eigen::VectorXd pattern(values.rows());
      for (Eigen::Index i = 0; i < values.rows(); ++i)
        pattern[i] = u[static_cast<std::size_t>(k) * rows * columns + sea[static_cast<std::size_t>(i)]];
      const Eigen::VectorXd amplitude =
          Eigen::Map<const Eigen::VectorXd>(v.data() + k * values.cols(), values.cols());
      CHECK(std::abs(pattern.dot(other.modes.col(k))) > least_pattern);
      CHECK(std::abs(amplitude.dot(other.amplitudes.col(k))) > least_amplitude);
    }
  };
  for (Eigen::Index k = 0; k < modes; ++k)
    CHECK(d.singular[k] == Approx(sigma[static_cast<std::size_t>(k)]).epsilon(1e-9));
  compare(d, 1.0 - 1e-9, 1.0 - 1e-9);

  // With withheld values back among the data, as the paper has it, they are reconstructed better than they
  // were predicted; amplitudes hardly move, patterns do where little else is seen.
  options.restore_withheld = true;
  const auto restored = dineof(values, times, {}, withheld, options);
  compare(restored, 0.985, 0.9999);
  double square = 0.0;
  for (const auto& e : withheld)
    square += std::pow(restored.field(e.time)[e.point] - values(e.point, e.time), 2);
  CHECK(std::sqrt(square / static_cast<double>(withheld.size())) <
        0.9 * d.errors[static_cast<std::size_t>(modes - 1)]);
}
