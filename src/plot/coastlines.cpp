#include "manifill/plot/coastlines.hpp"

#include <cstdint>

#include "manifill/base/error.hpp"

namespace manifill::plot {
namespace {

constexpr double kScale = 100.0;  // units a degree

constexpr const char* kCoarse[] = {
#include "../../sample_data/coastlines/natural_earth_110m.inc"
};
constexpr const char* kFine[] = {
#include "../../sample_data/coastlines/natural_earth_50m.inc"
};

template <std::size_t N>
std::vector<std::vector<Place>> decode_all(const char* const (&lines)[N]) {
  std::vector<std::vector<Place>> decoded;
  decoded.reserve(N);
  for (const char* line : lines) decoded.push_back(decode_coastline(line));
  return decoded;
}

}  // namespace

std::vector<Place> decode_coastline(const char* text) {
  std::vector<Place> line;
  std::int64_t sum[2] = {0, 0};
  std::size_t axis = 0;
  while (*text != '\0') {
    std::int64_t value = 0;
    int shift = 0;
    for (bool more = true; more; shift += 5) {
      const int bits = *text == '\0' || shift > 30 ? -1 : *text++ - 63;
      if (bits < 0 || bits > 63) throw Error(ErrorKind::internal, "the built-in coastlines are damaged");
      value |= static_cast<std::int64_t>(bits & 31) << shift;
      more = (bits & 32) != 0;
    }
    sum[axis] += (value & 1) != 0 ? -((value + 1) >> 1) : value >> 1;
    if (axis == 1)
      line.push_back({static_cast<double>(sum[0]) / kScale, static_cast<double>(sum[1]) / kScale});
    axis = 1 - axis;
  }
  if (axis != 0) throw Error(ErrorKind::internal, "the built-in coastlines are damaged");
  return line;
}

const std::vector<std::vector<Place>>& coastlines(CoastlineDetail detail) {
  static const auto coarse = decode_all(kCoarse);
  if (detail == CoastlineDetail::coarse) return coarse;
  static const auto fine = decode_all(kFine);
  return fine;
}

}  // namespace manifill::plot
