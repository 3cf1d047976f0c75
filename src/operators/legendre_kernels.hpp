#pragma once
// The loops of the spherical harmonic transform that carry its time, compiled once for each instruction set
// and chosen at run time. Plain pointers only: a function of the standard library that a source compiled for
// AVX-512 leaves behind could be linked into, and end, a program on a processor without it.

#include <cstddef>
#include <cstdint>

namespace manifill::operators::legendre {

/// Vectors of ring pairs that are worked on together; the two-step recurrence needs four in flight to hide
/// the latency of its multiply-adds.
inline constexpr std::size_t kGroup = 4;
/// Steps of the recurrence between two looks at the scales: the k-th grows a value by order / k at most, so
/// that four stay below 2^100 up to order 8191, far from 2^(1023 - 340).
inline constexpr std::size_t kPiece = 4;
/// A value below 2^kNegligible is left out: Legendre functions are of order one, and doubles hold 2^-53 of
/// that.
inline constexpr double kNegligible = -70.0;
/// Power of two between one scale and the next.
inline constexpr double kScale = 400.0;

/// Where the recurrence of one order starts, for all ring pairs.
struct Start {
  double order = 0.0;
  double constant_high = 0.0;  ///< log2 of the factor of sin^m, a multiple of 2^-30 ...
  double constant_low = 0.0;   ///< ... and the rest
};

/// State of the recurrence of a group of ring pairs between two chunks of steps: [kGroup * width] each.
struct State {
  double* now = nullptr;
  double* before = nullptr;
  double* scale = nullptr;  ///< how many times 2^kScale a value was multiplied; 0 once it counts
};

struct FftPass {
  std::size_t radix = 0;
  std::size_t stride = 0;            ///< product of the radices before
  std::size_t rest = 0;              ///< product of the radices after
  const double* twiddles = nullptr;  ///< [rest][radix - 1][2]
  const double* roots = nullptr;     ///< [radix][2], of unity
};

/// Where the points of a ring lie.
struct Turns {
  std::size_t orders = 0;
  std::size_t length = 0;  ///< points
  bool westward = false;
  const double* rotation = nullptr;  ///< [order][2], exp(i m first longitude); null when that is 0
};

/// Where Fourier coefficients lie: doubles from one of the four of an order to the next, and to the next
/// order.
struct Rows {
  std::size_t part = 0;
  std::size_t order = 0;
};

/// Complex values of a transform: [point][2][width], real parts of all lanes, then imaginary ones.
struct Kernels {
  const char* name = nullptr;
  std::size_t width = 0;  ///< doubles in a vector

  /// q_0 of a group. \param log_sine_high, log_sine_low [pair], log2 of the sine of the colatitude
  void (*start)(const Start& start, const double* log_sine_high, const double* log_sine_low,
                State state) = nullptr;
  /// Steps until a pair of the group counts; the state is left there. \return at most `steps`
  std::size_t (*skip)(const double* recurrence, const double* square, std::size_t steps,
                      State state) = nullptr;
  /// q_k for `steps` steps: q_{k+1} = (a_k x^2 + b_k) q_k - q_{k-1}; 0 where negligible.
  /// \param recurrence [step][2]: a_k, b_k \param square [pair], x^2 \param settled whether all pairs count
  /// already \param q [step][kGroup * width] \return whether all pairs count at the end
  bool (*fill)(const double* recurrence, const double* square, std::size_t steps, State state, bool settled,
               double* q) = nullptr;
  /// phase_c += sum_k coefficient_kc q_k, of one field. \param coefficients [step][4] \param phase 4 rows of
  /// pairs, `row` apart
  void (*synthesise)(const double* q, const double* coefficients, std::size_t steps, double* phase,
                     std::size_t row) = nullptr;
  /// sums_kc += q_k phase_c, lane by lane, of one field. \param sums [step][4][width]
  void (*analyse)(const double* q, const double* phase, std::size_t row, std::size_t steps,
                  double* sums) = nullptr;
  /// The same of as many fields as a vector has lanes. \param coefficients [step][4][width] \param phase
  /// [kGroup * width, pair][4][width] \param soon where that is written to afterwards, fetched meanwhile; or
  /// null
  void (*synthesise_fields)(const double* q, const double* coefficients, std::size_t steps, double* phase,
                            const double* soon) = nullptr;
  /// \param sums [step][4][width], over pairs
  void (*analyse_fields)(const double* q, const double* phase, std::size_t steps, double* sums) = nullptr;
  /// Coefficients of an order, cosines and sines, to those of the steps. \param coefficients [degree][2 *
  /// width] \param factors [step][3] \param out [step][4][width]
  void (*to_steps)(const double* coefficients, const double* factors, std::size_t degrees,
                   double* out) = nullptr;
  /// The transpose.
  void (*from_steps)(const double* sums, const double* factors, std::size_t degrees, double* out) = nullptr;
  /// `fill` and `synthesise` of settled pairs in one, for a single field.
  void (*synthesise_one)(const double* recurrence, const double* square, const double* coefficients,
                         std::size_t steps, State state, double* phase, std::size_t row) = nullptr;
  /// `fill` and `analyse` of settled pairs in one, for a single field.
  void (*analyse_one)(const double* recurrence, const double* square, const double* phase, std::size_t row,
                      std::size_t steps, State state, double* sums) = nullptr;
  /// Totals of lanes. \param sums [count][width] \param totals [count]
  void (*total)(const double* sums, std::size_t count, double* totals) = nullptr;
  /// Discrete Fourier transform, exponent -2 pi i / n, of all lanes; ends in `a` or `b` by the number of
  /// passes.
  void (*fft)(const FftPass* passes, std::size_t count, double* a, double* b) = nullptr;
  /// Fourier coefficients of ring pairs to those of the signal north + i south, with real and
  /// imaginary parts exchanged. \param phase a vector each \param cosine [width]
  void (*to_signal)(const double* phase, const Rows& rows, const double* cosine, const Turns& turns,
                    double* signal) = nullptr;
  /// The transpose, of a signal in its natural order.
  void (*from_signal)(const double* signal, const double* cosine, const Turns& turns, double* phase,
                      const Rows& rows) = nullptr;
  /// a *= b, complex; \param b [point][2], one for all lanes
  void (*multiply)(double* a, const double* b, std::size_t points) = nullptr;
  /// Rings to the lanes of a signal, each times its factor; one without a ring is zero. \param rows [2 *
  /// width], points of each ring, or null \param to [point][2 * width]
  void (*gather)(const double* const* rows, const double* factors, std::size_t points, double* to) = nullptr;
  /// The lanes of a signal to rings, each times its factor, but for those without one. \param from [point][2
  /// * width]
  void (*scatter)(const double* from, const double* factors, std::size_t points,
                  double* const* rows) = nullptr;
};

const Kernels& baseline_kernels();
#if defined(__x86_64__)
const Kernels& avx2_kernels();
const Kernels& avx512_kernels();
#endif

/// The widest this processor runs, or the one MANIFILL_SIMD names: "baseline", "avx2" or "avx512".
/// \throws Error(usage) when the variable names none of them or one that the processor lacks
const Kernels& kernels();

}  // namespace manifill::operators::legendre
