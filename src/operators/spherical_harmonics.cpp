#include "manifill/operators/spherical_harmonics.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <numbers>
#include <numeric>
#include <tuple>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "legendre_kernels.hpp"
#include "manifill/base/allocation.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/parallel.hpp"
#include "ring_fft.hpp"

namespace manifill::operators {
namespace {

using legendre::kGroup;

constexpr std::int64_t kHighest = 8191;
constexpr std::size_t kChunk = 64;  // steps: with a group's Legendre functions this stays in the first cache
constexpr std::size_t kBatchChunk = 32;  // of fields side by side: with coefficients or sums, and phases
constexpr std::size_t kUnsettled = 12;   // steps between two looks whether a group can take the faster loops
constexpr std::size_t kMostPhases = 1U << 30U;  // bytes; fields beyond are transformed one by one
constexpr std::size_t kShares = 16;             // of a loop over all cores, a core
constexpr std::size_t kSerial =
    1U << 15;  // points and orders below which starting threads costs more than it saves

std::size_t steps_of(std::int64_t lmax, std::int64_t m) {
  return static_cast<std::size_t>((lmax - m) / 2 + 1);
}

/// sqrt((l^2 - m^2) / (4 l^2 - 1)).
long double epsilon(std::int64_t l, std::int64_t m) {
  const auto a = static_cast<long double>(l);
  const auto b = static_cast<long double>(m);
  return l <= m ? 0.0L : std::sqrt((a - b) * (a + b) / (4.0L * a * a - 1.0L));
}

/// A number as a multiple of 2^-30 and the rest.
std::pair<double, double> split(long double x) {
  const long double high = std::nearbyint(x * 0x1p30L) * 0x1p-30L;
  return {static_cast<double>(high), static_cast<double>(x - high)};
}

/// Two rings that mirror each other at the equator, or one alone.
struct Pair {
  std::size_t north = 0;
  std::size_t south = 0;
  bool single = false;
};

legendre::State state_at(double* at, std::size_t group) { return {at, at + group, at + 2 * group}; }

/// Takes the scale off all values of a group where none is too small for a double then; they are negligible
/// at first, and grow by themselves. \return whether that was done
char settle(const legendre::State& state, std::size_t group) {
  constexpr double most =
      2.0;  // 2^-800 and 2^kNegligible of it still leave 150 powers of two to smaller neighbours
  if (*std::max_element(state.scale, state.scale + group) > most) return 0;
  for (std::size_t p = 0; p < group; ++p) {
    const double factor = std::exp2(-legendre::kScale * state.scale[p]);
    state.now[p] *= factor;
    state.before[p] *= factor;
    state.scale[p] = 0.0;
  }
  return 1;
}

/// What one lane of a vector holds.
struct Lane {
  std::size_t field = 0;
  std::size_t pair = 0;
};

template <typename Work>
void run(std::size_t count, bool parallel, const Work& work) {
  if (!parallel) {
    for (std::size_t k = 0; k < count; ++k) work(k);
    return;
  }
  // Pieces of a microsecond would wait for the counter that hands them out; high orders have less to do than
  // low ones, so that a share takes some of all.
  const std::size_t shares = std::min(count, kShares * static_cast<std::size_t>(available_threads()));
  parallel_for(static_cast<std::int64_t>(shares), [&](std::int64_t share) {
    for (auto k = static_cast<std::size_t>(share); k < count; k += shares) work(k);
  });
}

AlignedVector<double>& scratch(std::size_t which, std::size_t size) {
  thread_local AlignedVector<double> kept[6];
  if (kept[which].size() < size) kept[which].resize(size);
  return kept[which];
}

}  // namespace

std::size_t coefficient_count(std::int64_t lmax) { return static_cast<std::size_t>((lmax + 1) * (lmax + 1)); }

std::size_t coefficient_index(std::int64_t lmax, std::int64_t l, std::int64_t m) {
  const std::int64_t order = std::abs(m);
  if (order == 0) return static_cast<std::size_t>(l);
  // Before order m: m = 0 and the pairs of orders 1 to m - 1.
  const std::int64_t before = (lmax + 1) + 2 * ((order - 1) * (lmax + 1) - (order - 1) * order / 2);
  return static_cast<std::size_t>(before + (m < 0 ? lmax + 1 - order : 0) + l - order);
}

std::vector<std::int64_t> coefficient_degrees(std::int64_t lmax) {
  std::vector<std::int64_t> degrees;
  degrees.reserve(coefficient_count(lmax));
  for (std::int64_t m = 0; m <= lmax; ++m)
    for (int part = 0; part < (m == 0 ? 1 : 2); ++part)
      for (std::int64_t l = m; l <= lmax; ++l) degrees.push_back(l);
  return degrees;
}

std::vector<double> change_degree(std::span<const double> coefficients, std::int64_t from, std::int64_t to) {
  if (coefficients.size() != coefficient_count(from))
    throw Error(ErrorKind::internal, "coefficients do not match their degree");
  std::vector<double> out(coefficient_count(to), 0.0);
  const std::int64_t common = std::min(from, to);
  for (std::int64_t m = -common; m <= common; ++m)
    for (std::int64_t l = std::abs(m); l <= common; ++l)
      out[coefficient_index(to, l, m)] = coefficients[coefficient_index(from, l, m)];
  return out;
}

namespace {

std::size_t first_coefficient(std::int64_t lmax, std::size_t m) {
  return coefficient_index(lmax, static_cast<std::int64_t>(m), static_cast<std::int64_t>(m));
}

/// What real coefficients are multiplied by: `factor` for cosines, minus that for sines, 1 for order 0.
double part_factor(std::size_t m, std::size_t part, double factor) {
  return m == 0 ? 1.0 : part == 0 ? factor : -factor;
}

}  // namespace

struct SphericalHarmonics::Impl {
  RingGrid grid;
  std::int64_t lmax = 0;
  std::vector<Pair> pairs;
  std::size_t row = 0;  // pairs, filled up to whole groups
  std::size_t stride =
      0;  // from row to row: a cache line more, as rows a power of two apart share cache sets

  // By order: [step][2] of the recurrence, [step][3] factors between Legendre functions and its values.
  std::vector<std::size_t> first_step;
  std::vector<double> recurrence;
  std::vector<double> factors;
  // By order and group of ring pairs: the first step that is not negligible, and where the recurrence stands
  // there.
  struct Begin {
    std::size_t step = 0;
    std::size_t state = 0;  // place in `states`
    char settled = 0;       // whether all its values are doubles as they are
  };
  std::vector<Begin> begins;
  AlignedVector<double> states;  // [3][group] each: now, before, scale
  // By pair.
  AlignedVector<double> cosine, square, log_sine_high, log_sine_low;

  std::map<std::size_t, RingFft> ffts;
  /// Ring pairs of one length that begin at one longitude.
  struct Alike {
    const RingFft* fft = nullptr;
    bool westward = false;
    std::vector<double> rotation{};  // [order][2], empty when they begin at 0
    std::vector<std::size_t> pairs{};
  };
  std::map<std::tuple<std::size_t, double, bool>, Alike> alike;

  struct View {
    const double* phase;
    legendre::Rows rows;
    const double* cosine;
  };
  /// Fields that are transformed together: one, its ring pairs in the lanes of vectors, or up to a vector's
  /// width of them, a lane each.
  struct Part {
    std::size_t first = 0;
    std::size_t count = 1;
    [[nodiscard]] bool by_field() const { return count > 1; }
  };
  /// Fourier coefficients of a part, of one field [order][4][stride], of several [order][row, and
  /// one][4][width]: even and odd part in the cosine of the colatitude, each real and imaginary; the odd ones
  /// still want a factor cos(theta). What fills up the rows of pairs is zero.
  using Phases = std::unique_ptr<double[], AlignedFree>;
  struct Workspace {
    Phases one{};
    Phases several{};
  };
  // Kept from call to call: the system would have to clear their pages anew.
  mutable std::mutex mutex;
  mutable std::vector<Workspace> spare;
  using Rings = std::function<void(const Alike&, const std::vector<Lane>&)>;

  [[nodiscard]] static std::size_t width() { return legendre::kernels().width; }
  [[nodiscard]] bool parallel(std::size_t fields) const {
    return available_threads() > 1 && fields * (grid.points + coefficient_count(lmax)) > kSerial;
  }

  [[nodiscard]] std::size_t orders() const { return static_cast<std::size_t>(lmax + 1); }
  [[nodiscard]] legendre::Rows rows_of(const Part& part) const {
    // A pair more than there are, as orders a power of two apart share cache sets.
    return part.by_field() ? legendre::Rows{width(), (row + 1) * 4 * width()}
                           : legendre::Rows{stride, 4 * stride};
  }

  void pair_rings();
  void build_tables();
  void group_rings();

  /// Steps of a group's recurrence.
  struct Piece {
    std::size_t group = 0;
    std::size_t from = 0;
    std::size_t count = 0;
  };
  [[nodiscard]] std::vector<char> start_order(std::size_t m) const;
  template <typename One, typename Kept>
  void each_piece(std::size_t m, std::size_t k, std::size_t count, std::vector<char>& settled, const One& one,
                  const Kept& kept) const;
  void legendre_synthesis(const double* c, double* phase) const;
  void legendre_analysis(const double* phase, double* c) const;
  void legendre_synthesis_fields(const double* c, std::size_t fields, double* phase) const;
  void legendre_analysis_fields(const double* phase, std::size_t fields, double* c) const;
  template <typename T>
  [[nodiscard]] std::vector<T*> order_rows(T* c, std::size_t fields, std::size_t m) const;
  [[nodiscard]] std::vector<double> part_factors(std::size_t m, double factor) const;
  void fourier(const Part& part, const Rings& work) const;
  void fourier_synthesis(const double* phase, double* f, const Part& part, bool weighted) const;
  void fourier_analysis(const double* f, double* phase, const Part& part, bool weighted) const;
  template <typename Each>
  [[nodiscard]] std::vector<double> lane_rings(const std::vector<Lane>& lanes, bool weighted, bool north_last,
                                               const Each& each) const;
  void collect(const double* f, const std::vector<Lane>& lanes, std::size_t n, bool weighted,
               double* to) const;
  [[nodiscard]] bool adjoining(const std::vector<Lane>& lanes) const;
  [[nodiscard]] View view_of(const Part& part, const std::vector<Lane>& lanes, const double* phase,
                             AlignedVector<double>& collected) const;
  [[nodiscard]] legendre::Turns turns_of(const Alike& rings) const;
  [[nodiscard]] double* phases(const Part& part, Workspace& space) const;
  void clear_padding(const Part& part, double* phase) const;
  [[nodiscard]] std::vector<Part> parts_of(std::size_t fields) const;
  template <typename Work>
  void each_part(std::size_t fields, const Work& work) const;

  void forward(std::span<const double> c, std::span<double> f, bool weighted) const;
  void backward(std::span<const double> f, std::span<double> c, bool weighted) const;
};

void SphericalHarmonics::Impl::pair_rings() {
  const std::size_t n = grid.rings.size();
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return grid.rings[a].colatitude < grid.rings[b].colatitude;
  });
  constexpr double tolerance = 1e-14;
  std::size_t low = 0;
  std::size_t high = n;
  while (low < high) {
    const Ring& a = grid.rings[order[low]];
    const Ring& b = grid.rings[order[high - 1]];
    const double sum = a.colatitude + b.colatitude - std::numbers::pi;
    if (low + 1 < high && std::abs(sum) < tolerance && a.count == b.count &&
        a.first_longitude == b.first_longitude && a.westward == b.westward) {
      pairs.push_back({order[low], order[high - 1], false});
      ++low;
      --high;
    } else if (low + 1 == high || sum < 0.0) {  // the one farther from the equator has no partner
      pairs.push_back({order[low], order[low], true});
      ++low;
    } else {
      pairs.push_back({order[high - 1], order[high - 1], true});
      --high;
    }
  }
}

void SphericalHarmonics::Impl::build_tables() {
  const auto& kernel = legendre::kernels();
  const std::size_t group = kGroup * kernel.width;
  AlignedVector<double> state(3 * group);
  row = (pairs.size() + group - 1) / group * group;
  stride = row + 8;
  // The pairs that fill up a group look at the last ring and are thrown away.
  for (std::size_t p = 0; p < row; ++p) {
    const auto theta =
        static_cast<long double>(grid.rings[pairs[std::min(p, pairs.size() - 1)].north].colatitude);
    const long double x = std::cos(theta);
    const long double sine = std::sin(theta);
    cosine.push_back(static_cast<double>(x));
    square.push_back(static_cast<double>(x * x));
    // A pole: any order but 0 vanishes there.
    const auto [high, low] = split(sine > 1e-17L ? std::log2(sine) : -1e4L);
    log_sine_high.push_back(high);
    log_sine_low.push_back(low);
  }
  long double constant = -0.5L * std::log2(4.0L * std::numbers::pi_v<long double>);  // log2 P_mm / sin^m
  for (std::int64_t m = 0; m <= lmax; ++m) {
    if (m > 0)
      constant += 0.5L * std::log2((2.0L * static_cast<long double>(m) + 1.0L) /
                                   (2.0L * static_cast<long double>(m)));
    // The recurrence runs over r_k = P_{m+2k+1} / x = s_k q_k; r_0 = P_mm / epsilon_{m+1}.
    const auto [high, low] = split(constant - std::log2(epsilon(m + 1, m)));
    const legendre::Start start{static_cast<double>(m), high, low};
    first_step.push_back(recurrence.size() / 2);
    const auto product = [&](std::int64_t k) {  // epsilon_{m+2k+2} epsilon_{m+2k+3}
      return epsilon(m + 2 * k + 2, m) * epsilon(m + 2 * k + 3, m);
    };
    long double before = 0.0L;
    long double scale = 1.0L;
    const std::size_t steps = steps_of(lmax, m);
    for (std::size_t k = 0; k < steps; ++k) {
      const std::int64_t l = m + 2 * static_cast<std::int64_t>(k);
      const auto j = static_cast<std::int64_t>(k);
      const long double here = product(j);
      const long double next = k == 0 ? std::sqrt(here / product(1)) : before * product(j - 1) / here;
      const long double a = scale / (next * here);
      const long double e1 = epsilon(l + 1, m);
      const long double e2 = epsilon(l + 2, m);
      recurrence.push_back(static_cast<double>(a));
      recurrence.push_back(static_cast<double>(-a * (e1 * e1 + e2 * e2)));
      factors.push_back(static_cast<double>(scale * e1));
      factors.push_back(static_cast<double>(scale * e2));
      factors.push_back(static_cast<double>(scale));
      before = scale;
      scale = next;
    }
    for (std::size_t g = 0; g < row; g += group) {
      const legendre::State at = state_at(state.data(), group);
      kernel.start(start, log_sine_high.data() + g, log_sine_low.data() + g, at);
      const std::size_t step =
          kernel.skip(recurrence.data() + 2 * first_step.back(), square.data() + g, steps, at);
      begins.push_back({step, states.size(), settle(at, group)});
      if (step < steps) states.insert(states.end(), state.begin(), state.end());
    }
  }
  first_step.push_back(recurrence.size() / 2);
}

void SphericalHarmonics::Impl::group_rings() {
  for (std::size_t p = 0; p < pairs.size(); ++p) {
    const Ring& ring = grid.rings[pairs[p].north];
    const auto [entry, fresh] = alike.try_emplace({ring.count, ring.first_longitude, ring.westward});
    Alike& rings = entry->second;
    rings.pairs.push_back(p);
    if (!fresh) continue;
    rings.fft = &ffts.try_emplace(ring.count, ring.count).first->second;
    rings.westward = ring.westward;
    if (ring.first_longitude == 0.0) continue;
    for (std::int64_t m = 0; m <= lmax; ++m) {
      const long double angle = static_cast<long double>(m) * static_cast<long double>(ring.first_longitude);
      rings.rotation.push_back(static_cast<double>(std::cos(angle)));
      rings.rotation.push_back(static_cast<double>(std::sin(angle)));
    }
  }
}

/// Sets the recurrences of an order to where they begin to count. \return by group: whether it is settled
std::vector<char> SphericalHarmonics::Impl::start_order(std::size_t m) const {
  const std::size_t group = kGroup * width();
  const std::size_t groups = row / group;
  auto& state = scratch(1, 3 * row);
  std::vector<char> settled(groups);
  for (std::size_t g = 0; g < groups; ++g)
    if (const Begin& begin = begins[m * groups + g]; begin.step < first_step[m + 1] - first_step[m]) {
      settled[g] = begin.settled;
      std::copy_n(states.data() + begin.state, 3 * group, state.data() + 3 * group * g);
    }
  return settled;
}

/// Steps k to k + count of an order, group by group: `one`, where there is one, for groups that are settled,
/// else `kept` with the values of the Legendre functions.
template <typename One, typename Kept>
void SphericalHarmonics::Impl::each_piece(std::size_t m, std::size_t k, std::size_t count,
                                          std::vector<char>& settled, const One& one,
                                          const Kept& kept) const {
  const auto& kernel = legendre::kernels();
  const std::size_t group = kGroup * kernel.width;
  auto& state = scratch(1, 3 * row);
  auto& q = scratch(2, kChunk * group);
  for (std::size_t g = 0; g < settled.size(); ++g) {
    const legendre::State at = state_at(state.data() + 3 * group * g, group);
    const double* x2 = square.data() + g * group;
    for (std::size_t from = std::max(begins[m * settled.size() + g].step, k); from < k + count;) {
      const double* steps_from = recurrence.data() + 2 * (first_step[m] + from);
      Piece piece{g, from, k + count - from};
      if constexpr (!std::is_same_v<One, std::nullptr_t>) {
        if (settled[g] != 0) {
          one(piece, steps_from, x2, at);
          break;
        }
        piece.count = std::min(piece.count, kUnsettled);
      }
      settled[g] = kernel.fill(steps_from, x2, piece.count, at, settled[g] != 0, q.data());
      kept(piece, q.data());
      from += piece.count;
    }
  }
}

void SphericalHarmonics::Impl::legendre_synthesis(const double* c, double* phase) const {
  const auto& kernel = legendre::kernels();
  const std::size_t group = kGroup * kernel.width;
  run(orders(), parallel(1), [&](std::size_t m) {
    const std::size_t steps = first_step[m + 1] - first_step[m];
    const std::size_t length = orders() - m;  // degrees m to lmax
    const double* factor = factors.data() + 3 * first_step[m];
    auto& coefficients = scratch(0, 4 * steps);
    for (std::size_t part = 0; part < 2; ++part) {
      const double* from = c + first_coefficient(lmax, m) + (m > 0 ? part * length : 0);
      double* to = coefficients.data() + part;
      if (m == 0 && part == 1) {
        for (std::size_t k = 0; k < steps; ++k) to[4 * k] = to[4 * k + 2] = 0.0;
        continue;
      }
      const double sign = part_factor(m, part, std::numbers::sqrt2 / 2.0);
      for (std::size_t k = 0; k < steps; ++k) {
        const double even = from[2 * k];
        const double odd = 2 * k + 1 < length ? from[2 * k + 1] : 0.0;
        const double further = 2 * k + 2 < length ? from[2 * k + 2] : 0.0;
        to[4 * k] = sign * (factor[3 * k] * even + factor[3 * k + 1] * further);
        to[4 * k + 2] = sign * factor[3 * k + 2] * odd;
      }
    }
    double* of_order = phase + m * 4 * stride;
    std::fill_n(of_order, 4 * stride, 0.0);
    auto settled = start_order(m);
    for (std::size_t k = 0; k < steps; k += kChunk)
      each_piece(
          m, k, std::min(kChunk, steps - k), settled,
          [&](const Piece& p, const double* steps_from, const double* x2, const legendre::State& state) {
            kernel.synthesise_one(steps_from, x2, coefficients.data() + 4 * p.from, p.count, state,
                                  of_order + p.group * group, stride);
          },
          [&](const Piece& p, const double* q) {
            kernel.synthesise(q, coefficients.data() + 4 * p.from, p.count, of_order + p.group * group,
                              stride);
          });
  });
}

void SphericalHarmonics::Impl::legendre_analysis(const double* phase, double* c) const {
  const auto& kernel = legendre::kernels();
  const std::size_t group = kGroup * kernel.width;
  run(orders(), parallel(1), [&](std::size_t m) {
    const std::size_t steps = first_step[m + 1] - first_step[m];
    const std::size_t length = orders() - m;
    const double* of_order = phase + m * 4 * stride;
    auto settled = start_order(m);
    auto& sums = scratch(3, kChunk * 4 * kernel.width);
    auto& totals = scratch(0, 4 * steps);
    for (std::size_t k = 0; k < steps; k += kChunk) {
      const std::size_t count = std::min(kChunk, steps - k);
      std::fill_n(sums.data(), count * 4 * kernel.width, 0.0);
      const auto to = [&](const Piece& p) { return sums.data() + (p.from - k) * 4 * kernel.width; };
      each_piece(
          m, k, count, settled,
          [&](const Piece& p, const double* steps_from, const double* x2, const legendre::State& state) {
            kernel.analyse_one(steps_from, x2, of_order + p.group * group, stride, p.count, state, to(p));
          },
          [&](const Piece& p, const double* q) {
            kernel.analyse(q, of_order + p.group * group, stride, p.count, to(p));
          });
      kernel.total(sums.data(), 4 * count, totals.data() + 4 * k);
    }
    const double* factor = factors.data() + 3 * first_step[m];
    for (std::size_t part = 0; part < (m == 0 ? 1U : 2U); ++part) {
      double* to = c + first_coefficient(lmax, m) + part * length;
      const double* from = totals.data() + part;
      const double sign = part_factor(m, part, std::numbers::sqrt2);
      for (std::size_t k = 0; k < steps; ++k) {
        const double earlier = k > 0 ? factor[3 * k - 2] * from[4 * k - 4] : 0.0;
        to[2 * k] = sign * (factor[3 * k] * from[4 * k] + earlier);
        if (2 * k + 1 < length) to[2 * k + 1] = sign * factor[3 * k + 2] * from[4 * k + 2];
      }
    }
  });
}

/// Cosines of all fields of an order, then sines, as `gather` and `scatter` take them.
template <typename T>
std::vector<T*> SphericalHarmonics::Impl::order_rows(T* c, std::size_t fields, std::size_t m) const {
  std::vector<T*> rows(2 * width(), nullptr);
  for (std::size_t i = 0; i < fields; ++i)
    for (std::size_t part = 0; part < (m == 0 ? 1U : 2U); ++part)
      rows[part * width() + i] =
          c + i * coefficient_count(lmax) + first_coefficient(lmax, m) + part * (orders() - m);
  return rows;
}

std::vector<double> SphericalHarmonics::Impl::part_factors(std::size_t m, double factor) const {
  std::vector<double> factors_of(2 * width(), part_factor(m, 0, factor));
  std::fill(factors_of.begin() + static_cast<std::ptrdiff_t>(width()), factors_of.end(),
            part_factor(m, 1, factor));
  return factors_of;
}

void SphericalHarmonics::Impl::legendre_synthesis_fields(const double* c, std::size_t fields,
                                                         double* phase) const {
  const auto& kernel = legendre::kernels();
  const std::size_t w = kernel.width;
  run(orders(), parallel(fields), [&](std::size_t m) {
    const std::size_t steps = first_step[m + 1] - first_step[m];
    auto& collected = scratch(3, 2 * w * (orders() - m));
    auto& coefficients = scratch(0, 4 * w * steps);
    kernel.gather(order_rows(c, fields, m).data(), part_factors(m, std::numbers::sqrt2 / 2.0).data(),
                  orders() - m, collected.data());
    kernel.to_steps(collected.data(), factors.data() + 3 * first_step[m], orders() - m, coefficients.data());
    // Added up in the cache: rows of phases come from main memory and go there.
    auto& of_order = scratch(4, row * 4 * w);
    std::fill_n(of_order.data(), row * 4 * w, 0.0);
    auto settled = start_order(m);
    double* target = phase + m * rows_of({0, w}).order;
    for (std::size_t k = 0; k < steps; k += kBatchChunk)
      each_piece(m, k, std::min(kBatchChunk, steps - k), settled, nullptr,
                 [&](const Piece& p, const double* q) {
                   const std::size_t at = p.group * kGroup * w * 4 * w;
                   kernel.synthesise_fields(
                       q, coefficients.data() + 4 * w * p.from, p.count, of_order.data() + at,
                       p.from == begins[m * settled.size() + p.group].step ? target + at : nullptr);
                 });
    std::copy_n(of_order.data(), row * 4 * w, target);
  });
}

void SphericalHarmonics::Impl::legendre_analysis_fields(const double* phase, std::size_t fields,
                                                        double* c) const {
  const auto& kernel = legendre::kernels();
  const std::size_t w = kernel.width;
  run(orders(), parallel(fields), [&](std::size_t m) {
    const std::size_t steps = first_step[m + 1] - first_step[m];
    const double* of_order = phase + m * rows_of({0, w}).order;
    auto& sums = scratch(0, 4 * w * steps);
    std::fill_n(sums.data(), 4 * w * steps, 0.0);
    auto settled = start_order(m);
    for (std::size_t k = 0; k < steps; k += kBatchChunk)
      each_piece(m, k, std::min(kBatchChunk, steps - k), settled, nullptr,
                 [&](const Piece& p, const double* q) {
                   kernel.analyse_fields(q, of_order + p.group * kGroup * w * 4 * w, p.count,
                                         sums.data() + 4 * w * p.from);
                 });
    auto& collected = scratch(3, 2 * w * (orders() - m));
    kernel.from_steps(sums.data(), factors.data() + 3 * first_step[m], orders() - m, collected.data());
    kernel.scatter(collected.data(), part_factors(m, std::numbers::sqrt2).data(), orders() - m,
                   order_rows(c, fields, m).data());
  });
}

void SphericalHarmonics::Impl::fourier(const Part& part, const Rings& work) const {
  struct Block {
    const Alike* rings;
    std::vector<Lane> lanes;
  };
  std::vector<Block> blocks;
  for (const auto& [key, rings] : alike) {
    blocks.push_back({&rings, {}});
    for (const std::size_t p : rings.pairs)
      for (std::size_t i = 0; i < part.count; ++i) {
        if (blocks.back().lanes.size() == (part.by_field() ? part.count : width()))
          blocks.push_back({&rings, {}});
        blocks.back().lanes.push_back({i, p});
      }
  }
  run(blocks.size(), parallel(part.count), [&](std::size_t b) { work(*blocks[b].rings, blocks[b].lanes); });
}

/// Points of rings that lie scattered in a field, to [point][2][lane].
void SphericalHarmonics::Impl::collect(const double* f, const std::vector<Lane>& lanes, std::size_t n,
                                       bool weighted, double* to) const {
  const std::size_t w = width();
  if (lanes.size() < w) std::fill_n(to, 2 * w * n, 0.0);
  for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
    const Pair& pair = pairs[lanes[lane].pair];
    const double* field = f + lanes[lane].field * grid.points;
    const auto take = [&](const Ring& ring, double* at) {
      const double factor = weighted ? ring.weight : 1.0;
      for (std::size_t j = 0; j < n; ++j) at[2 * w * j] = factor * field[grid.place(ring, j)];
    };
    take(grid.rings[pair.north], to + lane);
    if (pair.single)
      for (std::size_t j = 0; j < n; ++j) to[2 * w * j + w + lane] = 0.0;
    else
      take(grid.rings[pair.south], to + w + lane);
  }
}

/// Calls `each` with the place of every ring among real and imaginary parts of the lanes. \return factors of
/// the places
template <typename Each>
std::vector<double> SphericalHarmonics::Impl::lane_rings(const std::vector<Lane>& lanes, bool weighted,
                                                         bool north_last, const Each& each) const {
  const std::size_t w = width();
  std::vector<double> scales(2 * w, 1.0);
  const auto use = [&](std::size_t at, const Lane& lane, const Ring& ring) {
    if (weighted) scales[at] = ring.weight;
    each(at, lane, ring);
  };
  for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
    const Pair& pair = pairs[lanes[lane].pair];
    use(lane + (north_last ? w : 0), lanes[lane], grid.rings[pair.north]);
    if (!pair.single) use(lane + (north_last ? 0 : w), lanes[lane], grid.rings[pair.south]);
  }
  return scales;
}

// North and south of a pair are real and imaginary part of one complex signal. The transform is of exponent
// -i, the signal is one of exponent +i: real and imaginary parts change places before and after.
void SphericalHarmonics::Impl::fourier_synthesis(const double* phase, double* f, const Part& part,
                                                 bool weighted) const {
  const auto& kernel = legendre::kernels();
  const std::size_t w = kernel.width;
  fourier(part, [&](const Alike& rings, const std::vector<Lane>& lanes) {
    const RingFft& fft = *rings.fft;
    const std::size_t n = fft.length();
    auto& a = scratch(0, fft.buffer(w));
    auto& b = scratch(1, fft.buffer(w));
    auto& collected = scratch(2, (orders() * 4 + 1) * w);
    const View view = view_of(part, lanes, phase, collected);
    kernel.to_signal(view.phase, view.rows, view.cosine, turns_of(rings), a.data());
    const double* z = fft.forward(kernel, a.data(), b.data());
    // North is the imaginary part: see above.
    if (grid.order.empty()) {
      std::vector<double*> rows(2 * w, nullptr);
      const auto scales =
          lane_rings(lanes, weighted, true, [&](std::size_t at, const Lane& lane, const Ring& ring) {
            rows[at] = f + lane.field * grid.points + ring.offset;
          });
      kernel.scatter(z, scales.data(), n, rows.data());
      return;
    }
    for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
      const Pair& pair = pairs[lanes[lane].pair];
      double* field = f + lanes[lane].field * grid.points;
      const auto put = [&](const Ring& ring, const double* from) {
        const double factor = weighted ? ring.weight : 1.0;
        for (std::size_t j = 0; j < n; ++j) field[grid.place(ring, j)] = factor * from[2 * w * j];
      };
      put(grid.rings[pair.north], z + w + lane);
      if (!pair.single) put(grid.rings[pair.south], z + lane);
    }
  });
}

void SphericalHarmonics::Impl::fourier_analysis(const double* f, double* phase, const Part& part,
                                                bool weighted) const {
  const auto& kernel = legendre::kernels();
  const std::size_t w = kernel.width;
  fourier(part, [&](const Alike& rings, const std::vector<Lane>& lanes) {
    const RingFft& fft = *rings.fft;
    const std::size_t n = fft.length();
    auto& a = scratch(0, fft.buffer(w));
    auto& b = scratch(1, fft.buffer(w));
    auto& collected = scratch(2, (orders() * 4 + 1) * w);
    if (grid.order.empty()) {
      std::vector<const double*> rows(2 * w, nullptr);
      const auto scales =
          lane_rings(lanes, weighted, false, [&](std::size_t at, const Lane& lane, const Ring& ring) {
            rows[at] = f + lane.field * grid.points + ring.offset;
          });
      kernel.gather(rows.data(), scales.data(), n, a.data());
    } else {
      collect(f, lanes, n, weighted, a.data());
    }
    const double* z = fft.forward(kernel, a.data(), b.data());
    const View view = view_of(part, lanes, nullptr, collected);
    if (part.by_field()) {
      kernel.from_signal(z, view.cosine, turns_of(rings), phase + lanes[0].pair * 4 * w, rows_of(part));
      return;
    }
    if (adjoining(lanes)) {
      kernel.from_signal(z, cosine.data() + lanes[0].pair, turns_of(rings), phase + lanes[0].pair,
                         rows_of(part));
      return;
    }
    kernel.from_signal(z, view.cosine, turns_of(rings), collected.data() + w, {w, 4 * w});
    for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
      double* to = phase + lanes[lane].pair;
      for (std::size_t k = 0; k < 4 * orders(); ++k) to[k * stride] = collected[w * (k + 1) + lane];
    }
  });
}

/// Whether lanes are ring pairs that follow each other and fill a vector.
bool SphericalHarmonics::Impl::adjoining(const std::vector<Lane>& lanes) const {
  return lanes.size() == width() && lanes.back().pair - lanes.front().pair == lanes.size() - 1;
}

/// Phases and cosines of lanes as vectors: in place where they adjoin or belong to fields, else collected.
SphericalHarmonics::Impl::View SphericalHarmonics::Impl::view_of(const Part& part,
                                                                 const std::vector<Lane>& lanes,
                                                                 const double* phase,
                                                                 AlignedVector<double>& collected) const {
  const std::size_t w = width();
  if (adjoining(lanes) && phase != nullptr)
    return {phase + lanes[0].pair, rows_of(part), cosine.data() + lanes[0].pair};
  for (std::size_t lane = 0; lane < w; ++lane) {
    const bool used = lane < lanes.size();
    collected[lane] = used ? cosine[lanes[lane].pair] : 0.0;
    if (phase == nullptr || part.by_field()) continue;
    const double* from = used ? phase + lanes[lane].pair : nullptr;
    for (std::size_t k = 0; k < 4 * orders(); ++k)
      collected[w * (k + 1) + lane] = used ? from[k * stride] : 0.0;
  }
  if (part.by_field()) return {phase + lanes[0].pair * 4 * w, rows_of(part), collected.data()};
  return {collected.data() + w, {w, 4 * w}, collected.data()};
}

legendre::Turns SphericalHarmonics::Impl::turns_of(const Alike& rings) const {
  return {orders(), rings.fft->length(), rings.westward,
          rings.rotation.empty() ? nullptr : rings.rotation.data()};
}

/// Fields side by side as far as they fill vectors well, the rest one by one.
std::vector<SphericalHarmonics::Impl::Part> SphericalHarmonics::Impl::parts_of(std::size_t fields) const {
  const std::size_t w = width();
  const std::size_t least = w - w / 4;
  const bool fits = orders() * (row + 1) * 4 * w * sizeof(double) <= kMostPhases;
  std::vector<Part> parts;
  for (std::size_t i = 0; i < fields; i += parts.back().count)
    parts.push_back({i, w > 1 && fits && fields - i >= least ? std::min(w, fields - i) : 1});
  return parts;
}

/// Calls work(part, workspace) for all parts, whole parts on each core as long as there are enough for all.
template <typename Work>
void SphericalHarmonics::Impl::each_part(std::size_t fields, const Work& work) const {
  const std::vector<Part> parts = parts_of(fields);
  const std::size_t threads = parallel(fields) ? static_cast<std::size_t>(available_threads()) : 1;
  const std::size_t shared = threads > 1 ? parts.size() / threads * threads : 0;
  const auto do_parts = [&](std::size_t first, std::size_t end, std::size_t step) {
    if (first >= end) return;
    Workspace space;
    {
      const std::lock_guard<std::mutex> lock(mutex);
      if (!spare.empty()) {
        space = std::move(spare.back());
        spare.pop_back();
      }
    }
    for (std::size_t k = first; k < end; k += step) work(parts[k], space);
    const std::lock_guard<std::mutex> lock(mutex);
    spare.push_back(std::move(space));
  };
  run(shared > 0 ? threads : 0, true, [&](std::size_t t) { do_parts(t, shared, threads); });
  do_parts(shared, parts.size(), 1);
}

void SphericalHarmonics::Impl::forward(std::span<const double> c, std::span<double> f, bool weighted) const {
  const std::size_t fields = c.size() / coefficient_count(lmax);
  if (c.size() != fields * coefficient_count(lmax) || f.size() != fields * grid.points)
    throw Error(ErrorKind::internal,
                "fields and coefficients of a spherical harmonic transform do not match");
  each_part(fields, [&](const Part& part, Workspace& space) {
    double* phase = phases(part, space);
    const double* from = c.data() + part.first * coefficient_count(lmax);
    if (part.by_field())
      legendre_synthesis_fields(from, part.count, phase);
    else
      legendre_synthesis(from, phase);
    fourier_synthesis(phase, f.data() + part.first * grid.points, part, weighted);
  });
}

void SphericalHarmonics::Impl::backward(std::span<const double> f, std::span<double> c, bool weighted) const {
  const std::size_t fields = f.size() / grid.points;
  if (c.size() != fields * coefficient_count(lmax) || f.size() != fields * grid.points)
    throw Error(ErrorKind::internal,
                "fields and coefficients of a spherical harmonic transform do not match");
  each_part(fields, [&](const Part& part, Workspace& space) {
    double* phase = phases(part, space);
    clear_padding(part, phase);
    fourier_analysis(f.data() + part.first * grid.points, phase, part, weighted);
    double* to = c.data() + part.first * coefficient_count(lmax);
    if (part.by_field())
      legendre_analysis_fields(phase, part.count, to);
    else
      legendre_analysis(phase, to);
  });
}

double* SphericalHarmonics::Impl::phases(const Part& part, Workspace& space) const {
  Phases& phase = part.by_field() ? space.several : space.one;
  if (!phase) phase = aligned_numbers(orders() * rows_of(part).order);
  return phase.get();
}

/// Sets to zero what fills up the rows of pairs.
void SphericalHarmonics::Impl::clear_padding(const Part& part, double* phase) const {
  // Of one field an order has four rows of pairs, of several one row of pairs with four vectors each.
  const std::size_t rows = orders() * (part.by_field() ? 1 : 4);
  const std::size_t length = part.by_field() ? rows_of(part).order : stride;
  const std::size_t used = pairs.size() * (part.by_field() ? 4 * width() : 1);
  for (std::size_t k = 0; k < rows; ++k) std::fill(phase + k * length + used, phase + (k + 1) * length, 0.0);
}

SphericalHarmonics::SphericalHarmonics(RingGrid grid, std::int64_t lmax) {
  if (lmax < 0 || lmax > kHighest)
    throw Error(ErrorKind::usage, fmt::format("a spherical harmonic transform up to degree {}", lmax),
                {.remedy = fmt::format("Choose a highest degree from 0 to {}", kHighest)});
  if (grid.rings.empty())
    throw Error(ErrorKind::usage, "a spherical harmonic transform on a grid without rings");
  auto impl = std::make_shared<Impl>();
  impl->grid = std::move(grid);
  impl->lmax = lmax;
  impl->pair_rings();
  impl->build_tables();
  impl->group_rings();
  impl_ = std::move(impl);
}

const RingGrid& SphericalHarmonics::grid() const { return impl_->grid; }
std::int64_t SphericalHarmonics::lmax() const { return impl_->lmax; }

void SphericalHarmonics::synthesis(std::span<const double> c, std::span<double> f) const {
  impl_->forward(c, f, false);
}
void SphericalHarmonics::synthesis_adj(std::span<const double> f, std::span<double> c) const {
  impl_->backward(f, c, false);
}
void SphericalHarmonics::analysis(std::span<const double> f, std::span<double> c) const {
  impl_->backward(f, c, true);
}
void SphericalHarmonics::analysis_adj(std::span<const double> c, std::span<double> f) const {
  impl_->forward(c, f, true);
}

std::vector<double> SphericalHarmonics::synthesis(std::span<const double> c) const {
  std::vector<double> f(c.size() / coefficients() * points());
  synthesis(c, f);
  return f;
}

std::vector<double> SphericalHarmonics::synthesis_adj(std::span<const double> f) const {
  std::vector<double> c(f.size() / points() * coefficients());
  synthesis_adj(f, c);
  return c;
}

// With Y the synthesis and A one analysis, c_0 = A f and c_k+1 = c_k + A (f - Y c_k).
std::vector<double> SphericalHarmonics::analysis(std::span<const double> f, int iterations) const {
  std::vector<double> c(f.size() / points() * coefficients());
  analysis(f, c);
  std::vector<double> rest(iterations > 0 ? f.size() : 0);
  std::vector<double> change(iterations > 0 ? c.size() : 0);
  for (int k = 0; k < iterations; ++k) {
    synthesis(c, rest);
    for (std::size_t i = 0; i < rest.size(); ++i) rest[i] = f[i] - rest[i];
    analysis(rest, change);
    for (std::size_t i = 0; i < c.size(); ++i) c[i] += change[i];
  }
  return c;
}

// All iterations are a polynomial in A Y times A, and so are their transposes.
std::vector<double> SphericalHarmonics::analysis_adj(std::span<const double> c, int iterations) const {
  std::vector<double> sum(c.begin(), c.end());
  std::vector<double> f(c.size() / coefficients() * points());
  analysis_adj(c, f);
  std::vector<double> change(iterations > 0 ? c.size() : 0);
  for (int k = 0; k < iterations; ++k) {
    synthesis_adj(f, change);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += c[i] - change[i];
    std::copy(sum.begin(), sum.end(), change.begin());
    analysis_adj(change, f);
  }
  return f;
}

}  // namespace manifill::operators
