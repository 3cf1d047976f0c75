#pragma once
// Random numbers for tests.

#include <Eigen/Core>
#include <cstdint>
#include <numeric>
#include <random>
#include <span>
#include <vector>

#include "manifill/base/random.hpp"

namespace manifill::test {

/// Standard normal numbers, one after another.
inline Eigen::MatrixXd normals(RandomStream& random, Eigen::Index rows, Eigen::Index columns = 1) {
  Eigen::MatrixXd x(rows, columns);
  random.fill_normal(std::span<double>(x.data(), static_cast<std::size_t>(x.size())));
  return x;
}

/// Those of a seed.
inline Eigen::MatrixXd normals(Eigen::Index rows, Eigen::Index columns, std::uint64_t seed) {
  RandomStream random({.seed = seed});
  return normals(random, rows, columns);
}

/// Uniform in [-1, 1].
inline std::vector<double> random_numbers(std::size_t n, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<double> uniform(-1.0, 1.0);
  std::vector<double> v(n);
  for (auto& x : v) x = uniform(generator);
  return v;
}

inline double dot(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

}  // namespace manifill::test
