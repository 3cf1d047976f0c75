#include "ring_fft.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include "manifill/base/error.hpp"

namespace manifill::operators {
namespace {

constexpr std::size_t kLargestRadix = 13;  // beyond, Bluestein's three long transforms are cheaper

std::vector<std::size_t> factors(std::size_t n) {
  std::vector<std::size_t> f;
  for (std::size_t p = 8; n > 1;) {
    if (n % p == 0) {
      f.push_back(p);
      n /= p;
    } else {
      p = p > 3 && p % 2 == 0 ? p / 2 : p == 2 ? 3 : p + 2;
      if (p % 2 == 1 && p * p > n) p = std::max(p, n);
    }
  }
  return f;
}

/// exp(-2 pi i k / n), to double accuracy whatever k.
void put_root(std::vector<double>& to, std::size_t k, std::size_t n) {
  const long double angle =
      -2.0L * std::numbers::pi_v<long double> * static_cast<long double>(k % n) / static_cast<long double>(n);
  to.push_back(static_cast<double>(std::cos(angle)));
  to.push_back(static_cast<double>(std::sin(angle)));
}

}  // namespace

RingFft::RingFft(std::size_t length) : length_(length) {
  if (length == 0) throw Error(ErrorKind::internal, "a Fourier transform of a ring without points");
  std::vector<std::size_t> radices = factors(length);
  std::size_t n = length;
  if (!radices.empty() && *std::max_element(radices.begin(), radices.end()) > kLargestRadix) {
    bluestein_ = true;
    padded_ = 1;
    while (padded_ < 2 * length - 1) padded_ *= 2;
    n = padded_;
    radices = factors(n);
  }
  std::size_t stride = 1;
  std::size_t rest = n;
  std::vector<std::size_t> twiddle_at;
  std::vector<std::size_t> root_at;
  for (const std::size_t r : radices) {
    const std::size_t current = rest;
    rest /= r;
    twiddle_at.push_back(twiddles_.size());
    root_at.push_back(roots_.size());
    for (std::size_t k = 0; k < rest; ++k)
      for (std::size_t t = 1; t < r; ++t) put_root(twiddles_, k * t, current);
    for (std::size_t t = 0; t < r; ++t) put_root(roots_, t, r);
    passes_.push_back({.radix = r, .stride = stride, .rest = rest});
    stride *= r;
  }
  for (std::size_t i = 0; i < passes_.size(); ++i) {
    passes_[i].twiddles = twiddles_.data() + twiddle_at[i];
    passes_[i].roots = roots_.data() + root_at[i];
  }
  if (!bluestein_) return;
  std::vector<double> wave(2 * padded_, 0.0);
  for (std::size_t j = 0; j < length; ++j) {
    put_root(chirp_, j * j % (2 * length), 2 * length);
    const double re = chirp_[2 * j];
    const double im = -chirp_[2 * j + 1];
    wave[2 * j] = re;
    wave[2 * j + 1] = im;
    if (j > 0) {
      wave[2 * (padded_ - j)] = re;
      wave[2 * (padded_ - j) + 1] = im;
    }
  }
  const auto& kernels = legendre::kernels();
  const std::size_t width = kernels.width;
  std::vector<double> a(2 * width * padded_, 0.0);
  std::vector<double> b(a.size());
  for (std::size_t j = 0; j < padded_; ++j) {
    a[2 * width * j] = wave[2 * j];
    a[2 * width * j + width] = wave[2 * j + 1];
  }
  const double* spectrum = plain(kernels, a.data(), b.data());
  for (std::size_t j = 0; j < padded_; ++j) {
    chirp_spectrum_.push_back(spectrum[2 * width * j] / static_cast<double>(padded_));
    chirp_spectrum_.push_back(spectrum[2 * width * j + width] / static_cast<double>(padded_));
  }
}

double* RingFft::plain(const legendre::Kernels& kernels, double* a, double* b) const {
  kernels.fft(passes_.data(), passes_.size(), a, b);
  return passes_.size() % 2 == 0 ? a : b;
}

double* RingFft::forward(const legendre::Kernels& kernels, double* a, double* b) const {
  if (!bluestein_) return plain(kernels, a, b);
  const std::size_t block = 2 * kernels.width;
  kernels.multiply(a, chirp_.data(), length_);
  std::fill(a + block * length_, a + block * padded_, 0.0);
  double* spectrum = plain(kernels, a, b);
  kernels.multiply(spectrum, chirp_spectrum_.data(), padded_);
  // The inverse transform of z is the transform of its points in reverse order.
  for (std::size_t j = 1; j < padded_ - j; ++j)
    std::swap_ranges(spectrum + block * j, spectrum + block * (j + 1), spectrum + block * (padded_ - j));
  double* result = plain(kernels, spectrum, spectrum == a ? b : a);
  kernels.multiply(result, chirp_.data(), length_);
  return result;
}

}  // namespace manifill::operators
