#pragma once
/// \file
/// \brief HEALPix: equal-area pixels of the sphere, in rings or nested. Pixels count from zero.
///
/// All formulas are those of Gorski et al. 2005, ApJ 622:759, sections 4 and 5.

#include <array>
#include <cstdint>

namespace manifill::domain::healpix {

/// \brief How pixels are numbered: along rings of latitude from north to south, or by quadtrees on the twelve
/// faces.
enum class Ordering { ring, nested };

inline constexpr std::int64_t kMostNside = std::int64_t{1} << 29;  ///< the most whose pixels an int64 counts
inline constexpr std::int64_t kNoPixel = -1;

/// \brief Checks the number of pixels along the side of a face. \throws Error(input) below 1, above
/// kMostNside, or no power of two where the ordering is nested
void check_nside(std::int64_t nside, Ordering ordering);

/// \brief 12 nside^2. \throws Error(input) as check_nside for rings
std::int64_t pixel_count(std::int64_t nside);

/// \brief Number of a pixel in the other ordering. \throws Error(input) as check_nside for nested, or for a
/// pixel that is not of the sphere, which the index names as "[pixel 12]"
std::int64_t ring_to_nested(std::int64_t nside, std::int64_t pixel);
/// \copydoc ring_to_nested
std::int64_t nested_to_ring(std::int64_t nside, std::int64_t pixel);

/// \brief Centre of a pixel: a unit vector, z to the north, x to longitude 0. \throws Error(input) as
/// check_nside, or for a pixel that is not of the sphere
std::array<double, 3> centre(std::int64_t nside, Ordering ordering, std::int64_t pixel);

/// \brief Pixels that share an edge or a corner: SW, W, NW, N, NE, E, SE, S, in the same ordering.
///
/// kNoPixel where only three faces meet: for 24 pixels one of W, N, E, S; for nside 1 two of them for each of
/// the twelve. \throws Error(input) as `centre`
std::array<std::int64_t, 8> neighbours(std::int64_t nside, Ordering ordering, std::int64_t pixel);

/// \brief The nested pixel of half the nside that holds a nested pixel.
constexpr std::int64_t parent(std::int64_t pixel) { return pixel / 4; }
/// \brief The four nested pixels of twice the nside in a nested pixel: S, E, W, N.
constexpr std::array<std::int64_t, 4> children(std::int64_t pixel) {
  return {4 * pixel, 4 * pixel + 1, 4 * pixel + 2, 4 * pixel + 3};
}

}  // namespace manifill::domain::healpix
