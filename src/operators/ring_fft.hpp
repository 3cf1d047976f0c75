#pragma once
// Fourier transforms of many rings side by side: every lane of a vector is another ring. Stockham's
// self-sorting algorithm with radices 4, 2 and small odd primes; Bluestein's for lengths with a large prime
// factor, as the polar rings of HEALPix have them.

#include <cstddef>
#include <vector>

#include "legendre_kernels.hpp"

namespace manifill::operators {

class RingFft {
 public:
  /// \param length points of a ring, at least 1
  explicit RingFft(std::size_t length);
  RingFft(const RingFft&) = delete;  // the passes point into the tables
  RingFft& operator=(const RingFft&) = delete;
  RingFft(RingFft&&) = default;
  RingFft& operator=(RingFft&&) = default;
  ~RingFft() = default;

  [[nodiscard]] std::size_t length() const { return length_; }
  /// Doubles that each of the two buffers of `forward` holds.
  [[nodiscard]] std::size_t buffer(std::size_t width) const {
    return 2 * width * (bluestein_ ? padded_ : length_);
  }
  /// sum_j z_j exp(-2 pi i j k / n) of all lanes. \param a, b buffers; the input is in `a`, [point][2][width]
  /// \return whichever of them holds the result
  double* forward(const legendre::Kernels& kernels, double* a, double* b) const;

 private:
  double* plain(const legendre::Kernels& kernels, double* a, double* b) const;

  std::size_t length_;
  bool bluestein_ = false;
  std::size_t padded_ = 0;          // of Bluestein's convolution
  std::vector<double> twiddles_{};  // of all passes
  std::vector<double> roots_{};
  std::vector<legendre::FftPass> passes_{};  // pointers into the two
  std::vector<double> chirp_{};              // [point][2], exp(-i pi j^2 / n)
  std::vector<double> chirp_spectrum_{};     // [padded][2], conjugate, over the padded length
};

}  // namespace manifill::operators
