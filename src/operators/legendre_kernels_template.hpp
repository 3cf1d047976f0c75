#pragma once
// Included by one source for each instruction set.

#include <utility>

#include <xsimd/xsimd.hpp>

#include "legendre_kernels.hpp"

namespace manifill::operators::legendre {

template <class Architecture>
struct Vectorised {
  using V = xsimd::batch<double, Architecture>;
  static constexpr std::size_t width = V::size;
  // Four sums of each vector in registers: as many vectors as sixteen, or the thirty-two of AVX-512, hold.
  // Two multiply-adds a cycle with a latency of four want eight sums in flight at least.
  static constexpr std::size_t kAbreast = width >= 8 ? 4 : 2;
  static constexpr std::size_t kStepsAbreast = width >= 8 ? 5 : 3;
  static constexpr std::size_t kOrdersAhead = 4;
  struct Complex {
    V re, im;
  };

  static V load(const double* p) { return V::load_unaligned(p); }
  static void store(double* p, const V& v) { v.store_unaligned(p); }

  /// a_first, b_first, a_first+1, b_first+1, ...: half of the lanes of each. What xsimd calls zip differs
  /// between its versions.
  template <std::size_t first, std::size_t... k>
  [[gnu::always_inline]] static V interleaved(const V& a, const V& b, std::index_sequence<k...> /*lanes*/) {
    using Register = typename V::register_type;
    const auto x = static_cast<Register>(a);
    const auto y = static_cast<Register>(b);
    return V(static_cast<Register>(__builtin_shufflevector(x, y, (first + k / 2 + (k % 2) * width)...)));
  }
  [[gnu::always_inline]] static V low(const V& a, const V& b) {
    return interleaved<0>(a, b, std::make_index_sequence<width>());
  }
  [[gnu::always_inline]] static V high(const V& a, const V& b) {
    return interleaved<width / 2>(a, b, std::make_index_sequence<width>());
  }
  /// Rows to columns: perfect shuffles, as many as there are bits in a lane's number.
  [[gnu::always_inline]] static void transpose(V (&v)[width]) {
    for (std::size_t round = 1; round < width; round *= 2) {
      V next[width];
      for (std::size_t i = 0; i < width / 2; ++i) {
        next[2 * i] = low(v[i], v[i + width / 2]);
        next[2 * i + 1] = high(v[i], v[i + width / 2]);
      }
      for (std::size_t i = 0; i < width; ++i) v[i] = next[i];
    }
  }

  /// Numbers of a row before its first whole cache line, as far as rows of a field lie alike in theirs.
  template <typename T>
  static std::size_t before_line(T* const* rows, std::size_t points) {
    const double* first = nullptr;
    for (std::size_t i = 0; i < width && first == nullptr; ++i) first = rows[i];
    const std::size_t past = reinterpret_cast<std::uintptr_t>(first) / sizeof(double) % 8;
    return past == 0 || 8 - past > points ? 0 : 8 - past;
  }

  static void gather(const double* const* rows, const double* factors, std::size_t points, double* to) {
    for (std::size_t half = 0; half < 2; ++half) {
      const double* const* from = rows + half * width;
      const double* factor = factors + half * width;
      double* out = to + half * width;
      const auto one_by_one = [&](std::size_t begin, std::size_t end) {
        for (std::size_t j = begin; j < end; ++j)
          for (std::size_t i = 0; i < width; ++i)
            out[2 * width * j + i] = from[i] == nullptr ? 0.0 : factor[i] * from[i][j];
      };
      std::size_t j = before_line(from, points);
      one_by_one(0, j);
      for (; j + width <= points; j += width) {
        V block[width];
        for (std::size_t i = 0; i < width; ++i)
          block[i] = from[i] == nullptr ? V(0.0) : V(factor[i]) * load(from[i] + j);
        transpose(block);
        for (std::size_t i = 0; i < width; ++i) store(out + 2 * width * (j + i), block[i]);
      }
      one_by_one(j, points);
    }
  }

  static void scatter(const double* from, const double* factors, std::size_t points, double* const* rows) {
    for (std::size_t half = 0; half < 2; ++half) {
      double* const* to = rows + half * width;
      const double* factor = factors + half * width;
      const double* in = from + half * width;
      const auto one_by_one = [&](std::size_t begin, std::size_t end) {
        for (std::size_t j = begin; j < end; ++j)
          for (std::size_t i = 0; i < width; ++i)
            if (to[i] != nullptr) to[i][j] = factor[i] * in[2 * width * j + i];
      };
      std::size_t j = before_line(to, points);
      one_by_one(0, j);
      for (; j + width <= points; j += width) {
        V block[width];
        for (std::size_t i = 0; i < width; ++i) block[i] = load(in + 2 * width * (j + i));
        transpose(block);
        for (std::size_t i = 0; i < width; ++i)
          if (to[i] != nullptr) store(to[i] + j, V(factor[i]) * block[i]);
      }
      one_by_one(j, points);
    }
  }

  static void start(const Start& s, const double* high, const double* low, State state) {
    const V order(s.order);
    for (std::size_t g = 0; g < kGroup; ++g) {
      const std::size_t at = g * width;
      // High parts are multiples of 2^-30, so that their product with an order is exact.
      const V whole = order * load(high + at) + V(s.constant_high);
      const V power = xsimd::nearbyint(whole);
      const V rest = (whole - power) + (order * load(low + at) + V(s.constant_low));
      const V scale = xsimd::max(V(0.0), xsimd::ceil((V(kNegligible) - power) * V(1.0 / kScale)));
      store(state.now + at, xsimd::exp2(rest) * xsimd::exp2(power + V(kScale) * scale));
      store(state.before + at, V(0.0));
      store(state.scale + at, scale);
    }
  }

  /// Brings values that have grown out of their scale back; whether any pair counts, and whether all do.
  static void rescale(const State& state, bool& any, bool& all) {
    constexpr double limit = 0x1p330;  // 2^(kScale + kNegligible)
    any = false;
    all = true;
    for (std::size_t g = 0; g < kGroup * width; g += width) {
      const V now = load(state.now + g);
      const V scale = load(state.scale + g);
      const auto grown = (xsimd::abs(now) >= V(limit)) & (scale > V(0.0));
      const V factor = xsimd::select(grown, V(0x1p-400), V(1.0));
      const V left = scale - xsimd::select(grown, V(1.0), V(0.0));
      store(state.now + g, now * factor);
      store(state.before + g, load(state.before + g) * factor);
      store(state.scale + g, left);
      const auto counts = left <= V(0.0);
      any = any || xsimd::any(counts);
      all = all && xsimd::all(counts);
    }
  }

  /// Steps of the recurrence, an even number at once so that no value is moved; `q` gets those before each
  /// step.
  template <bool keep>
  static void advance(const double* recurrence, const double* square, std::size_t steps, const State& state,
                      double* q) {
    V even[kGroup];
    V odd[kGroup];
    for (std::size_t g = 0; g < kGroup; ++g) {
      even[g] = load(state.now + g * width);
      odd[g] = load(state.before + g * width);
    }
    // Squares are read anew at each step: sixteen registers do not hold them too.
    const auto factor = [square](const V& a, const V& b, std::size_t g) {
      return xsimd::fma(a, load(square + g * width), b);
    };
    std::size_t k = 0;
    for (; k + 2 <= steps; k += 2) {
      const V a0(recurrence[2 * k]);
      const V b0(recurrence[2 * k + 1]);
      for (std::size_t g = 0; g < kGroup; ++g) {
        if constexpr (keep) store(q + (k * kGroup + g) * width, even[g]);
        odd[g] = xsimd::fms(factor(a0, b0, g), even[g], odd[g]);
      }
      const V a1(recurrence[2 * k + 2]);
      const V b1(recurrence[2 * k + 3]);
      for (std::size_t g = 0; g < kGroup; ++g) {
        if constexpr (keep) store(q + ((k + 1) * kGroup + g) * width, odd[g]);
        even[g] = xsimd::fms(factor(a1, b1, g), odd[g], even[g]);
      }
    }
    const bool one_more = k < steps;
    if (one_more) {
      const V a(recurrence[2 * k]);
      const V b(recurrence[2 * k + 1]);
      for (std::size_t g = 0; g < kGroup; ++g) {
        if constexpr (keep) store(q + (k * kGroup + g) * width, even[g]);
        odd[g] = xsimd::fms(factor(a, b, g), even[g], odd[g]);
      }
    }
    for (std::size_t g = 0; g < kGroup; ++g) {
      store(state.now + g * width, one_more ? odd[g] : even[g]);
      store(state.before + g * width, one_more ? even[g] : odd[g]);
    }
  }

  static std::size_t skip(const double* recurrence, const double* square, std::size_t steps, State state) {
    bool any = false;
    bool all = false;
    rescale(state, any, all);
    std::size_t k = 0;
    while (!any && k < steps) {
      const std::size_t count = k + kPiece < steps ? kPiece : steps - k;
      advance<false>(recurrence + 2 * k, square, count, state, nullptr);
      k += count;
      rescale(state, any, all);
    }
    return k;
  }

  static bool fill(const double* recurrence, const double* square, std::size_t steps, State state,
                   bool settled, double* q) {
    bool any = false;
    if (!settled) rescale(state, any, settled);
    std::size_t k = 0;
    while (!settled && k < steps) {
      const std::size_t count = k + kPiece < steps ? kPiece : steps - k;
      double* to = q + k * kGroup * width;
      advance<true>(recurrence + 2 * k, square, count, state, to);
      for (std::size_t g = 0; g < kGroup * width; g += width) {
        const V counted = xsimd::select(load(state.scale + g) <= V(0.0), V(1.0), V(0.0));
        for (std::size_t i = 0; i < count; ++i) {
          double* value = to + i * kGroup * width + g;
          store(value, counted * load(value));
        }
      }
      k += count;
      rescale(state, any, settled);
    }
    advance<true>(recurrence + 2 * k, square, steps - k, state, q + k * kGroup * width);
    return settled;
  }

  static void synthesise_one(const double* recurrence, const double* square, const double* coefficients,
                             std::size_t steps, State state, double* phase, std::size_t row) {
    for (std::size_t g = 0; g < kGroup * width; g += kAbreast * width) {
      V now[kAbreast];
      V before[kAbreast];
      V sum[4][kAbreast];
      for (std::size_t h = 0; h < kAbreast; ++h) {
        now[h] = load(state.now + g + h * width);
        before[h] = load(state.before + g + h * width);
        for (std::size_t c = 0; c < 4; ++c) sum[c][h] = load(phase + c * row + g + h * width);
      }
      const double* x2 = square + g;
      const auto step = [&sum, recurrence, coefficients, x2](std::size_t k, V(&q)[kAbreast],
                                                             V(&next)[kAbreast]) {
        for (std::size_t c = 0; c < 4; ++c) {
          const V coefficient(coefficients[4 * k + c]);
          for (std::size_t h = 0; h < kAbreast; ++h) sum[c][h] = xsimd::fma(q[h], coefficient, sum[c][h]);
        }
        const V a(recurrence[2 * k]);
        const V b(recurrence[2 * k + 1]);
        for (std::size_t h = 0; h < kAbreast; ++h)
          next[h] = xsimd::fms(xsimd::fma(a, load(x2 + h * width), b), q[h], next[h]);
      };
      std::size_t k = 0;
      for (; k + 2 <= steps; k += 2) {
        step(k, now, before);
        step(k + 1, before, now);
      }
      const bool odd = k < steps;
      if (odd) step(k, now, before);
      for (std::size_t h = 0; h < kAbreast; ++h) {
        store(state.now + g + h * width, odd ? before[h] : now[h]);
        store(state.before + g + h * width, odd ? now[h] : before[h]);
        for (std::size_t c = 0; c < 4; ++c) store(phase + c * row + g + h * width, sum[c][h]);
      }
    }
  }

  static void analyse_one(const double* recurrence, const double* square, const double* phase,
                          std::size_t row, std::size_t steps, State state, double* sums) {
    V even[kGroup];
    V odd[kGroup];
    for (std::size_t g = 0; g < kGroup; ++g) {
      even[g] = load(state.now + g * width);
      odd[g] = load(state.before + g * width);
    }
    const auto advance_from = [recurrence, square](std::size_t k, const V(&q)[kGroup], V(&next)[kGroup]) {
      const V a(recurrence[2 * k]);
      const V b(recurrence[2 * k + 1]);
      for (std::size_t g = 0; g < kGroup; ++g)
        next[g] = xsimd::fms(xsimd::fma(a, load(square + g * width), b), q[g], next[g]);
    };
    std::size_t k = 0;
    for (; k + 2 <= steps; k += 2) {
      advance_from(k, even, odd);
      // Two steps share what is read of the phases.
      double* sum = sums + 4 * k * width;
      for (std::size_t c = 0; c < 4; ++c, sum += width) {
        V first = load(sum);
        V second = load(sum + 4 * width);
        for (std::size_t g = 0; g < kGroup; ++g) {
          const V f = load(phase + c * row + g * width);
          first = xsimd::fma(even[g], f, first);
          second = xsimd::fma(odd[g], f, second);
        }
        store(sum, first);
        store(sum + 4 * width, second);
      }
      advance_from(k + 1, odd, even);
    }
    const bool one_more = k < steps;
    if (one_more) {
      double* sum = sums + 4 * k * width;
      for (std::size_t c = 0; c < 4; ++c, sum += width) {
        V total_of = load(sum);
        for (std::size_t g = 0; g < kGroup; ++g)
          total_of = xsimd::fma(even[g], load(phase + c * row + g * width), total_of);
        store(sum, total_of);
      }
      advance_from(k, even, odd);
    }
    for (std::size_t g = 0; g < kGroup; ++g) {
      store(state.now + g * width, one_more ? odd[g] : even[g]);
      store(state.before + g * width, one_more ? even[g] : odd[g]);
    }
  }

  static void synthesise(const double* q, const double* coefficients, std::size_t steps, double* phase,
                         std::size_t row) {
    for (std::size_t g = 0; g < kGroup; g += kAbreast) {
      V sum[4][kAbreast];
      for (std::size_t c = 0; c < 4; ++c)
        for (std::size_t h = 0; h < kAbreast; ++h) sum[c][h] = load(phase + c * row + (g + h) * width);
      const double* at = q + g * width;
      for (std::size_t k = 0; k < steps; ++k, at += kGroup * width) {
        V value[kAbreast];
        for (std::size_t h = 0; h < kAbreast; ++h) value[h] = load(at + h * width);
        for (std::size_t c = 0; c < 4; ++c) {
          const V coefficient(coefficients[4 * k + c]);
          for (std::size_t h = 0; h < kAbreast; ++h) sum[c][h] = xsimd::fma(value[h], coefficient, sum[c][h]);
        }
      }
      for (std::size_t c = 0; c < 4; ++c)
        for (std::size_t h = 0; h < kAbreast; ++h) store(phase + c * row + (g + h) * width, sum[c][h]);
    }
  }

  template <std::size_t N>
  [[gnu::always_inline]] static void analyse_steps(const double* q, const double* phase, std::size_t row,
                                                   double* sums) {
    V sum[N][4];
    for (std::size_t k = 0; k < N; ++k)
      for (std::size_t c = 0; c < 4; ++c) sum[k][c] = load(sums + (4 * k + c) * width);
    for (std::size_t g = 0; g < kGroup; ++g) {
      V value[N];
      for (std::size_t k = 0; k < N; ++k) value[k] = load(q + (k * kGroup + g) * width);
      for (std::size_t c = 0; c < 4; ++c) {
        const V f = load(phase + c * row + g * width);
        for (std::size_t k = 0; k < N; ++k) sum[k][c] = xsimd::fma(value[k], f, sum[k][c]);
      }
    }
    for (std::size_t k = 0; k < N; ++k)
      for (std::size_t c = 0; c < 4; ++c) store(sums + (4 * k + c) * width, sum[k][c]);
  }

  static void analyse(const double* q, const double* phase, std::size_t row, std::size_t steps,
                      double* sums) {
    std::size_t k = 0;
    for (; k + kStepsAbreast <= steps; k += kStepsAbreast)
      analyse_steps<kStepsAbreast>(q + k * kGroup * width, phase, row, sums + 4 * k * width);
    for (; k < steps; ++k) analyse_steps<1>(q + k * kGroup * width, phase, row, sums + 4 * k * width);
  }

  static void synthesise_fields(const double* q, const double* coefficients, std::size_t steps, double* phase,
                                const double* soon) {
    constexpr std::size_t n = kAbreast;
    for (std::size_t p = 0; p < kGroup * width; p += n, phase += 4 * n * width) {
      if (soon != nullptr)
        for (std::size_t k = 4 * p * width; k < 4 * (p + n) * width; k += 8) __builtin_prefetch(soon + k, 1);
      V sum[n][4];
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t c = 0; c < 4; ++c) sum[i][c] = load(phase + (4 * i + c) * width);
      const double* at = q + p;
      const double* from = coefficients;
      for (std::size_t k = 0; k < steps; ++k, at += kGroup * width, from += 4 * width) {
        V value[4];
        for (std::size_t c = 0; c < 4; ++c) value[c] = load(from + c * width);
        for (std::size_t i = 0; i < n; ++i) {
          const V legendre(at[i]);
          for (std::size_t c = 0; c < 4; ++c) sum[i][c] = xsimd::fma(value[c], legendre, sum[i][c]);
        }
      }
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t c = 0; c < 4; ++c) store(phase + (4 * i + c) * width, sum[i][c]);
    }
  }

  template <std::size_t n>
  [[gnu::always_inline]] static void analyse_field_steps(const double* q, const double* phase, double* sums) {
    V sum[n][4];
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t c = 0; c < 4; ++c) sum[i][c] = load(sums + (4 * i + c) * width);
    for (std::size_t p = 0; p < kGroup * width; ++p, phase += 4 * width) {
      V value[4];
      for (std::size_t c = 0; c < 4; ++c) value[c] = load(phase + c * width);
      for (std::size_t i = 0; i < n; ++i) {
        const V legendre(q[i * kGroup * width + p]);
        for (std::size_t c = 0; c < 4; ++c) sum[i][c] = xsimd::fma(value[c], legendre, sum[i][c]);
      }
    }
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t c = 0; c < 4; ++c) store(sums + (4 * i + c) * width, sum[i][c]);
  }

  static void analyse_fields(const double* q, const double* phase, std::size_t steps, double* sums) {
    constexpr std::size_t block = kGroup * width * 4 * width;  // of the next group, fetched meanwhile
    std::size_t k = 0;
    std::size_t ahead = block;
    for (; k + kAbreast <= steps; k += kAbreast) {
      for (std::size_t line = 0; line < 16 && ahead < 2 * block; ++line, ahead += 8)
        __builtin_prefetch(phase + ahead);
      analyse_field_steps<kAbreast>(q + k * kGroup * width, phase, sums + 4 * k * width);
    }
    for (; k < steps; ++k) analyse_field_steps<1>(q + k * kGroup * width, phase, sums + 4 * k * width);
  }

  static void to_steps(const double* coefficients, const double* factors, std::size_t degrees, double* out) {
    const auto degree = [&](std::size_t l) {
      return l < degrees ? load_complex(coefficients + 2 * l * width) : Complex{V(0.0), V(0.0)};
    };
    Complex even = degree(0);
    for (std::size_t l = 0; l < degrees; l += 2, factors += 3, out += 4 * width) {
      const Complex odd = degree(l + 1);
      const Complex further = degree(l + 2);
      store(out, xsimd::fma(V(factors[0]), even.re, V(factors[1]) * further.re));
      store(out + width, xsimd::fma(V(factors[0]), even.im, V(factors[1]) * further.im));
      store(out + 2 * width, V(factors[2]) * odd.re);
      store(out + 3 * width, V(factors[2]) * odd.im);
      even = further;
    }
  }

  static void from_steps(const double* sums, const double* factors, std::size_t degrees, double* out) {
    Complex earlier{V(0.0), V(0.0)};
    for (std::size_t l = 0; l < degrees; l += 2, factors += 3, sums += 4 * width, out += 4 * width) {
      const Complex even = load_complex(sums);
      const Complex odd = load_complex(sums + 2 * width);
      store(out, xsimd::fma(V(factors[0]), even.re, earlier.re));
      store(out + width, xsimd::fma(V(factors[0]), even.im, earlier.im));
      earlier = {V(factors[1]) * even.re, V(factors[1]) * even.im};
      if (l + 1 < degrees) store_complex(out + 2 * width, {V(factors[2]) * odd.re, V(factors[2]) * odd.im});
    }
  }

  static void total(const double* sums, std::size_t count, double* totals) {
    std::size_t k = 0;
    for (; k + width <= count; k += width) {
      V v[width];
      for (std::size_t i = 0; i < width; ++i) v[i] = load(sums + (k + i) * width);
      // Half of the vectors at each round, their lanes the sums of two of the other half.
      for (std::size_t left = width / 2; left > 0; left /= 2)
        for (std::size_t i = 0; i < left; ++i) v[i] = low(v[i], v[i + left]) + high(v[i], v[i + left]);
      store(totals + k, v[0]);
    }
    for (; k < count; ++k) {
      double t = 0.0;
      for (std::size_t lane = 0; lane < width; ++lane) t += sums[k * width + lane];
      totals[k] = t;
    }
  }

  static Complex load_complex(const double* p) { return {load(p), load(p + width)}; }
  static void store_complex(double* p, const Complex& z) {
    store(p, z.re);
    store(p + width, z.im);
  }
  static Complex times(const Complex& z, const double* w) {
    const V re(w[0]);
    const V im(w[1]);
    return {xsimd::fms(z.re, re, z.im * im), xsimd::fma(z.re, im, z.im * re)};
  }
  static Complex add(const Complex& a, const Complex& b) { return {a.re + b.re, a.im + b.im}; }
  static Complex subtract(const Complex& a, const Complex& b) { return {a.re - b.re, a.im - b.im}; }

  /// Four-point transforms, exponent -i.
  static void butterfly_4(const Complex& a, const Complex& b, const Complex& c, const Complex& d,
                          Complex (&out)[4]) {
    const Complex ac = add(a, c);
    const Complex bd = add(b, d);
    const Complex a_c = subtract(a, c);
    const Complex b_d = subtract(b, d);
    out[0] = add(ac, bd);
    out[1] = {a_c.re + b_d.im, a_c.im - b_d.re};
    out[2] = subtract(ac, bd);
    out[3] = {a_c.re - b_d.im, a_c.im + b_d.re};
  }

  static void pass_4(const FftPass& p, const double* in, double* out) {
    const std::size_t s = p.stride;
    const std::size_t block = 2 * width;
    for (std::size_t k = 0; k < p.rest; ++k) {
      const double* w = p.twiddles + 6 * k;
      for (std::size_t j = 0; j < s; ++j) {
        const auto at = [&](std::size_t u) { return load_complex(in + block * (j + s * (k + u * p.rest))); };
        Complex y[4];
        butterfly_4(at(0), at(1), at(2), at(3), y);
        double* to = out + block * (j + s * 4 * k);
        store_complex(to, y[0]);
        for (std::size_t t = 1; t < 4; ++t) store_complex(to + t * block * s, times(y[t], w + 2 * (t - 1)));
      }
    }
  }

  static void pass_8(const FftPass& p, const double* in, double* out) {
    const std::size_t s = p.stride;
    const std::size_t block = 2 * width;
    const V half_root(0.70710678118654752440);  // of an eighth of a turn
    for (std::size_t k = 0; k < p.rest; ++k) {
      const double* w = p.twiddles + 14 * k;
      for (std::size_t j = 0; j < s; ++j) {
        Complex sum[4];
        Complex difference[4];
        for (std::size_t u = 0; u < 4; ++u) {
          const Complex a = load_complex(in + block * (j + s * (k + u * p.rest)));
          const Complex b = load_complex(in + block * (j + s * (k + (u + 4) * p.rest)));
          sum[u] = add(a, b);
          difference[u] = subtract(a, b);
        }
        const Complex& d1 = difference[1];
        const Complex& d3 = difference[3];
        difference[1] = {half_root * (d1.re + d1.im), half_root * (d1.im - d1.re)};
        difference[2] = {difference[2].im, -difference[2].re};
        difference[3] = {half_root * (d3.im - d3.re), -half_root * (d3.re + d3.im)};
        Complex even[4];
        Complex odd[4];
        butterfly_4(sum[0], sum[1], sum[2], sum[3], even);
        butterfly_4(difference[0], difference[1], difference[2], difference[3], odd);
        double* to = out + block * (j + s * 8 * k);
        store_complex(to, even[0]);
        for (std::size_t t = 1; t < 8; ++t)
          store_complex(to + t * block * s, times(t % 2 == 0 ? even[t / 2] : odd[t / 2], w + 2 * (t - 1)));
      }
    }
  }

  static void pass_2(const FftPass& p, const double* in, double* out) {
    const std::size_t s = p.stride;
    const std::size_t block = 2 * width;
    for (std::size_t k = 0; k < p.rest; ++k)
      for (std::size_t j = 0; j < s; ++j) {
        const Complex a = load_complex(in + block * (j + s * k));
        const Complex b = load_complex(in + block * (j + s * (k + p.rest)));
        double* to = out + block * (j + s * 2 * k);
        store_complex(to, add(a, b));
        store_complex(to + block * s, times(subtract(a, b), p.twiddles + 2 * k));
      }
  }

  static void pass_any(const FftPass& p, const double* in, double* out) {
    const std::size_t s = p.stride;
    const std::size_t r = p.radix;
    const std::size_t block = 2 * width;
    for (std::size_t k = 0; k < p.rest; ++k)
      for (std::size_t j = 0; j < s; ++j)
        for (std::size_t t = 0; t < r; ++t) {
          Complex sum = load_complex(in + block * (j + s * k));
          std::size_t root = 0;
          for (std::size_t u = 1; u < r; ++u) {
            root = root + t < r ? root + t : root + t - r;
            sum = add(sum, times(load_complex(in + block * (j + s * (k + u * p.rest))), p.roots + 2 * root));
          }
          if (t > 0) sum = times(sum, p.twiddles + 2 * (k * (r - 1) + t - 1));
          store_complex(out + block * (j + s * (r * k + t)), sum);
        }
  }

  static void fft(const FftPass* passes, std::size_t count, double* a, double* b) {
    for (std::size_t i = 0; i < count; ++i) {
      const double* in = i % 2 == 0 ? a : b;
      double* out = i % 2 == 0 ? b : a;
      if (passes[i].radix == 8)
        pass_8(passes[i], in, out);
      else if (passes[i].radix == 4)
        pass_4(passes[i], in, out);
      else if (passes[i].radix == 2)
        pass_2(passes[i], in, out);
      else
        pass_any(passes[i], in, out);
    }
  }

  /// Indices of the harmonics m and -m of a ring, m one higher at each step.
  struct Places {
    explicit Places(const Turns& turns) : length(turns.length), westward(turns.westward) {}
    [[nodiscard]] std::size_t plus() const { return westward ? opposite() : at; }
    [[nodiscard]] std::size_t minus() const { return westward ? at : opposite(); }
    void next() { at = at + 1 == length ? 0 : at + 1; }

   private:
    [[nodiscard]] std::size_t opposite() const { return at == 0 ? 0 : length - at; }
    std::size_t length;
    std::size_t at = 0;
    bool westward;
  };

  /// Asks for the four vectors of an order that comes soon: orders are pages apart, where the processor does
  /// not look ahead by itself.
  template <int write>
  [[gnu::always_inline]] static void fetch_order(const double* phase, const Rows& rows) {
    for (std::size_t c = 0; c < 4; ++c)
      __builtin_prefetch(phase + kOrdersAhead * rows.order + c * rows.part, write);
  }

  template <bool alone>
  static void put(double* at, const Complex& z) {
    store_complex(at, alone ? z : add(load_complex(at), z));
  }

  static void to_signal(const double* phase, const Rows& rows, const double* cosine, const Turns& turns,
                        double* signal) {
    // Rings with a point for every harmonic: no two of them meet.
    if (turns.length + 1 < 2 * turns.orders) {
      for (std::size_t k = 0; k < 2 * turns.length; ++k) store(signal + k * width, V(0.0));
      spread<false>(phase, rows, cosine, turns, signal);
      return;
    }
    for (std::size_t k = turns.orders; k + turns.orders <= turns.length; ++k)
      store_complex(signal + 2 * width * k, {V(0.0), V(0.0)});
    spread<true>(phase, rows, cosine, turns, signal);
  }

  template <bool alone>
  static void spread(const double* phase, const Rows& rows, const double* cosine, const Turns& turns,
                     double* signal) {
    const V x = load(cosine);
    const std::size_t row = rows.part;
    Places places(turns);
    for (std::size_t m = 0; m < turns.orders; ++m, phase += rows.order, places.next()) {
      fetch_order<0>(phase, rows);
      const Complex even{load(phase), load(phase + row)};
      const Complex odd{x * load(phase + 2 * row), x * load(phase + 3 * row)};
      Complex north = add(even, odd);
      Complex south = subtract(even, odd);
      if (turns.rotation != nullptr) {
        north = times(north, turns.rotation + 2 * m);
        south = times(south, turns.rotation + 2 * m);
      }
      put<alone>(signal + 2 * width * places.plus(), {north.im + south.re, north.re - south.im});
      if (m > 0) put<alone>(signal + 2 * width * places.minus(), {south.re - north.im, north.re + south.im});
    }
  }

  static void from_signal(const double* signal, const double* cosine, const Turns& turns, double* phase,
                          const Rows& rows) {
    const V x = load(cosine);
    const V half(0.5);
    const std::size_t row = rows.part;
    Places places(turns);
    for (std::size_t m = 0; m < turns.orders; ++m, phase += rows.order, places.next()) {
      fetch_order<1>(phase, rows);
      const Complex plus = load_complex(signal + 2 * width * places.plus());
      const Complex minus = load_complex(signal + 2 * width * places.minus());
      Complex north{half * (plus.re + minus.re), half * (plus.im - minus.im)};
      Complex south{half * (plus.im + minus.im), half * (minus.re - plus.re)};
      if (turns.rotation != nullptr) {
        const double back[2] = {turns.rotation[2 * m], -turns.rotation[2 * m + 1]};
        north = times(north, back);
        south = times(south, back);
      }
      store(phase, north.re + south.re);
      store(phase + row, north.im + south.im);
      store(phase + 2 * row, x * (north.re - south.re));
      store(phase + 3 * row, x * (north.im - south.im));
    }
  }

  static void multiply(double* a, const double* b, std::size_t points) {
    for (std::size_t k = 0; k < points; ++k) {
      double* at = a + 2 * width * k;
      store_complex(at, times(load_complex(at), b + 2 * k));
    }
  }

  static constexpr Kernels table(const char* name) {
    return {.name = name,
            .width = width,
            .start = &start,
            .skip = &skip,
            .fill = &fill,
            .synthesise = &synthesise,
            .analyse = &analyse,
            .synthesise_fields = &synthesise_fields,
            .analyse_fields = &analyse_fields,
            .to_steps = &to_steps,
            .from_steps = &from_steps,
            .synthesise_one = &synthesise_one,
            .analyse_one = &analyse_one,
            .total = &total,
            .fft = &fft,
            .to_signal = &to_signal,
            .from_signal = &from_signal,
            .multiply = &multiply,
            .gather = &gather,
            .scatter = &scatter};
  }
};

}  // namespace manifill::operators::legendre
