#include "manifill/domain/healpix.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <string>

#include "manifill/base/error.hpp"

namespace manifill::domain::healpix {
namespace {

/// A pixel on its face: x counts from the southern corner to the north-east, y to the north-west. Faces 0 to
/// 3 are about the north pole, 4 to 7 on the equator, 8 to 11 about the south pole, each four eastwards.
struct FacePixel {
  std::int64_t face = 0;
  std::int64_t x = 0;
  std::int64_t y = 0;
};

/// A pixel on its ring.
struct RingPixel {
  std::int64_t ring = 0;   ///< 1 to 4 nside - 1 from the north
  std::int64_t place = 0;  ///< 1 to the ring's length, eastwards
};

std::int64_t floor_divided(std::int64_t a, std::int64_t b) { return (a - (a % b + b) % b) / b; }

void check_pixel(std::int64_t nside, std::int64_t pixel) {
  const std::int64_t count = 12 * nside * nside;
  if (pixel < 0 || pixel >= count)
    throw Error(ErrorKind::input,
                "there is no such pixel: nside " + std::to_string(nside) + " has " + std::to_string(count),
                {.index = "[pixel " + std::to_string(pixel) + "]",
                 .remedy = "Check nside, and that pixels are counted from zero"});
}

/// Every second bit of a number below 2^32, from the lowest.
std::uint64_t gathered_bits(std::uint64_t v) {
  v &= 0x5555555555555555U;
  v = (v | v >> 1U) & 0x3333333333333333U;
  v = (v | v >> 2U) & 0x0F0F0F0F0F0F0F0FU;
  v = (v | v >> 4U) & 0x00FF00FF00FF00FFU;
  v = (v | v >> 8U) & 0x0000FFFF0000FFFFU;
  return (v | v >> 16U) & 0x00000000FFFFFFFFU;
}

/// The inverse of gathered_bits.
std::uint64_t spread_bits(std::uint64_t v) {
  v = (v | v << 16U) & 0x0000FFFF0000FFFFU;
  v = (v | v << 8U) & 0x00FF00FF00FF00FFU;
  v = (v | v << 4U) & 0x0F0F0F0F0F0F0F0FU;
  v = (v | v << 2U) & 0x3333333333333333U;
  return (v | v << 1U) & 0x5555555555555555U;
}

FacePixel face_of_nested(std::int64_t nside, std::int64_t pixel) {
  const std::int64_t of_face = nside * nside;
  const auto within = static_cast<std::uint64_t>(pixel % of_face);
  return {pixel / of_face, static_cast<std::int64_t>(gathered_bits(within)),
          static_cast<std::int64_t>(gathered_bits(within >> 1U))};
}

std::int64_t nested_of_face(std::int64_t nside, const FacePixel& p) {
  const std::uint64_t within =
      spread_bits(static_cast<std::uint64_t>(p.x)) | spread_bits(static_cast<std::uint64_t>(p.y)) << 1U;
  return p.face * nside * nside + static_cast<std::int64_t>(within);
}

/// The ring's length is four times this: it grows from the poles to the belt between them.
std::int64_t quarter_ring(std::int64_t nside, std::int64_t ring) {
  return std::min({ring, nside, 4 * nside - ring});
}

bool in_belt(std::int64_t nside, std::int64_t ring) { return ring >= nside && ring <= 3 * nside; }

/// 1 where the first centre of a ring is half a step from longitude 0, 0 where it is on it.
std::int64_t shifted(std::int64_t nside, std::int64_t ring) {
  return in_belt(nside, ring) ? (ring - nside + 1) % 2 : 1;
}

/// Where a centre is on its ring, from longitude 0 eastwards, in 8 quarter_ring.
std::int64_t eastwards(std::int64_t nside, const RingPixel& p) {
  return 2 * p.place - 2 + shifted(nside, p.ring);
}

/// Pixels on the rings before one.
std::int64_t before_ring(std::int64_t nside, std::int64_t ring) {
  if (ring <= nside) return 2 * ring * (ring - 1);
  if (ring <= 3 * nside) return 2 * nside * (nside - 1) + 4 * nside * (ring - nside);
  const std::int64_t from_south = 4 * nside - ring;
  return 12 * nside * nside - 2 * from_south * (from_south + 1);
}

/// Of the pixels of a cap, the ring that holds one, counted from the pole.
std::int64_t cap_ring(std::int64_t pixel) {
  std::int64_t ring = std::llround(std::sqrt(0.25 + 0.5 * static_cast<double>(pixel)));
  // Between two rings, and beyond 2^53, rounding may be one off.
  while (2 * ring * (ring - 1) > pixel) --ring;
  while (2 * ring * (ring + 1) <= pixel) ++ring;
  return ring;
}

RingPixel ring_pixel(std::int64_t nside, std::int64_t pixel) {
  const std::int64_t cap = 2 * nside * (nside - 1);
  const std::int64_t count = 12 * nside * nside;
  std::int64_t ring = 0;
  if (pixel < cap)
    ring = cap_ring(pixel);
  else if (pixel < count - cap)
    ring = nside + (pixel - cap) / (4 * nside);
  else
    ring = 4 * nside - cap_ring(count - 1 - pixel);
  return {ring, pixel - before_ring(nside, ring) + 1};
}

std::int64_t ring_of_face(std::int64_t nside, const FacePixel& p) {
  const std::int64_t row = p.face / 4;
  const std::int64_t ring = (row + 2) * nside - p.x - p.y - 1;
  const std::int64_t quarter = quarter_ring(nside, ring);
  const std::int64_t middle = 2 * (p.face % 4) - row % 2 + 1;  // of the face, in eighths of the circle
  const std::int64_t east = middle * quarter + p.x - p.y;
  const std::int64_t place = (east + 2 - shifted(nside, ring)) / 2;
  return before_ring(nside, ring) + (place < 1 ? place + 4 * quarter : place) - 1;
}

FacePixel face_of_ring(std::int64_t nside, std::int64_t pixel) {
  const RingPixel on_ring = ring_pixel(nside, pixel);
  const std::int64_t ring = on_ring.ring;
  const std::int64_t east = eastwards(nside, on_ring);
  if (!in_belt(nside, ring)) {
    const std::int64_t quarter = quarter_ring(nside, ring);
    const std::int64_t column = (on_ring.place - 1) / quarter;
    const std::int64_t sum = ring < nside ? 2 * nside - ring - 1 : quarter - 1;
    const std::int64_t difference = east - (2 * column + 1) * quarter;
    return {ring < nside ? column : column + 8, (sum + difference) / 2, (sum - difference) / 2};
  }
  // In the belt faces are squares on their corners of a chessboard: 2 x and 2 y are these up to multiples of
  // 2 nside, which tell the face.
  const std::int64_t north_east = east - ring - 1 + nside;
  const std::int64_t north_west = -east - ring - 1 + nside;
  const std::int64_t a = floor_divided(north_east, 2 * nside);
  const std::int64_t b = floor_divided(north_west, 2 * nside);
  const std::int64_t row = -1 - a - b;
  const std::int64_t middle = a - b;
  const std::int64_t column = (middle - 1 + row % 2) / 2 % 4;
  return {4 * row + column, (north_east - 2 * nside * a) / 2, (north_west - 2 * nside * b) / 2};
}

FacePixel on_face(std::int64_t nside, Ordering ordering, std::int64_t pixel) {
  return ordering == Ordering::nested ? face_of_nested(nside, pixel) : face_of_ring(nside, pixel);
}

std::int64_t number(std::int64_t nside, Ordering ordering, const FacePixel& p) {
  return ordering == Ordering::nested ? nested_of_face(nside, p) : ring_of_face(nside, p);
}

/// Where x or y is one beyond the face: the same place as the adjacent face counts it, beyond it perhaps in
/// the other direction still.
FacePixel crossed(std::int64_t n, const FacePixel& p) {
  const std::int64_t row = p.face / 4;
  const std::int64_t column = p.face % 4;
  const auto face = [&](std::int64_t to_row, std::int64_t columns) {
    return 4 * to_row + (column + columns + 4) % 4;
  };
  // About a pole the edge between two faces is x = n of one and y = n of the other: directions turn.
  if (p.x >= n) {
    if (row == 0) return {face(0, 1), p.y, 2 * n - 1 - p.x};
    return {row == 1 ? face(0, 0) : face(1, 1), p.x - n, p.y};
  }
  if (p.y >= n) {
    if (row == 0) return {face(0, -1), 2 * n - 1 - p.y, p.x};
    return {row == 1 ? face(0, -1) : face(1, 0), p.x, p.y - n};
  }
  if (p.x < 0) {
    if (row == 2) return {face(2, -1), p.y, -1 - p.x};
    return {row == 1 ? face(2, -1) : face(1, 0), p.x + n, p.y};
  }
  if (row == 2) return {face(2, 1), -1 - p.y, p.x};
  return {row == 1 ? face(2, 0) : face(1, 1), p.x, p.y + n};
}

}  // namespace

void check_nside(std::int64_t nside, Ordering ordering) {
  if (nside < 1 || nside > kMostNside)
    throw Error(ErrorKind::input, "nside " + std::to_string(nside) + " is out of range",
                {.remedy = "Give one from 1 to " + std::to_string(kMostNside)});
  if (ordering == Ordering::nested && !std::has_single_bit(static_cast<std::uint64_t>(nside)))
    throw Error(ErrorKind::input,
                "nside " + std::to_string(nside) + " is no power of two: its pixels cannot be nested",
                {.remedy = "Number the pixels along rings, or check nside"});
}

std::int64_t pixel_count(std::int64_t nside) {
  check_nside(nside, Ordering::ring);
  return 12 * nside * nside;
}

std::int64_t ring_to_nested(std::int64_t nside, std::int64_t pixel) {
  check_nside(nside, Ordering::nested);
  check_pixel(nside, pixel);
  return nested_of_face(nside, face_of_ring(nside, pixel));
}

std::int64_t nested_to_ring(std::int64_t nside, std::int64_t pixel) {
  check_nside(nside, Ordering::nested);
  check_pixel(nside, pixel);
  return ring_of_face(nside, face_of_nested(nside, pixel));
}

std::array<double, 3> centre(std::int64_t nside, Ordering ordering, std::int64_t pixel) {
  check_nside(nside, ordering);
  check_pixel(nside, pixel);
  const RingPixel on_ring = ring_pixel(
      nside, ordering == Ordering::ring ? pixel : ring_of_face(nside, face_of_nested(nside, pixel)));
  const std::int64_t ring = on_ring.ring;
  const auto n = static_cast<double>(nside);
  double z = 0.0;
  double r = 0.0;
  if (in_belt(nside, ring)) {
    z = 2.0 * static_cast<double>(2 * nside - ring) / (3.0 * n);
    r = std::sqrt((1.0 - z) * (1.0 + z));
  } else {
    // From the distance to the pole: 1 - z would keep no digit near it.
    const double part = static_cast<double>(quarter_ring(nside, ring)) / n;
    const double height = part * part / 3.0;
    z = ring < nside ? 1.0 - height : height - 1.0;
    r = part * std::sqrt((2.0 - height) / 3.0);
  }
  const double longitude = 0.25 * std::numbers::pi * static_cast<double>(eastwards(nside, on_ring)) /
                           static_cast<double>(quarter_ring(nside, ring));
  return {r * std::cos(longitude), r * std::sin(longitude), z};
}

std::array<std::int64_t, 8> neighbours(std::int64_t nside, Ordering ordering, std::int64_t pixel) {
  check_nside(nside, ordering);
  check_pixel(nside, pixel);
  static constexpr std::array<std::array<int, 2>, 8> kSteps{
      {{-1, 0}, {-1, 1}, {0, 1}, {1, 1}, {1, 0}, {1, -1}, {0, -1}, {-1, -1}}};
  const FacePixel p = on_face(nside, ordering, pixel);
  const auto outside = [&](std::int64_t v) { return v < 0 ? -1 : (v >= nside ? 1 : 0); };
  std::array<std::int64_t, 8> out{};
  for (std::size_t k = 0; k < out.size(); ++k) {
    FacePixel q{p.face, p.x + kSteps[k][0], p.y + kSteps[k][1]};
    // Three faces alone meet at the western and eastern corners of those about the poles, and at the northern
    // and southern ones of the others.
    const int corner = outside(q.x) * outside(q.y);
    if (corner == (p.face / 4 == 1 ? 1 : -1)) {
      out[k] = kNoPixel;
      continue;
    }
    while (outside(q.x) != 0 || outside(q.y) != 0) q = crossed(nside, q);
    out[k] = number(nside, ordering, q);
  }
  return out;
}

}  // namespace manifill::domain::healpix
