#pragma once
// Vectors for tests of linear operators.

#include <numeric>
#include <random>
#include <vector>

namespace manifill::test {

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
