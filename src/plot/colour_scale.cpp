#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

#include "manifill/plot/map.hpp"
#include "manifill/plot/ticks.hpp"

namespace manifill::plot {
namespace {

constexpr double kTail = 0.005;      // share of the values that may lie beyond each end of a scale
constexpr double kShortTails = 0.8;  // with less than a fifth of the range in the tails, show all of it
constexpr double kStraddle = 0.1;  // the shorter side of zero against the longer one, for a diverging palette

}  // namespace

void RangeFinder::add(const std::vector<double>& values) {
  std::vector<double> finite;
  finite.reserve(values.size());
  std::copy_if(values.begin(), values.end(), std::back_inserter(finite),
               [](double v) { return std::isfinite(v); });
  if (finite.empty()) return;
  const auto [least, greatest] = std::minmax_element(finite.begin(), finite.end());
  const double lowest = *least, highest = *greatest;
  const auto ranked = [&](double rank) {
    const auto k = static_cast<std::ptrdiff_t>(rank);
    std::nth_element(finite.begin(), finite.begin() + k, finite.end());
    return finite[static_cast<std::size_t>(k)];
  };
  // Rounded outwards: of few values none is a tail.
  const auto last = static_cast<double>(finite.size() - 1);
  const double low = ranked(std::floor(kTail * last)), high = ranked(std::ceil((1 - kTail) * last));
  const bool first = empty();
  lowest_ = first ? lowest : std::min(lowest_, lowest);
  highest_ = first ? highest : std::max(highest_, highest);
  low_ = first ? low : std::min(low_, low);
  high_ = first ? high : std::max(high_, high);
}

ScaleRange RangeFinder::range(const ColourScale& scale) const {
  ScaleRange range;
  range.palette = scale.palette;
  double low = 0, high = 1;
  if (!empty()) {
    const bool all = high_ - low_ >= kShortTails * (highest_ - lowest_);
    low = all ? lowest_ : low_;
    high = all ? highest_ : high_;
  }
  if (scale.palette == PaletteKind::automatic) {
    const bool straddles = low < 0 && high > 0 && std::min(-low, high) >= kStraddle * std::max(-low, high);
    range.palette = straddles ? PaletteKind::diverging : PaletteKind::sequential;
  }
  if (range.palette == PaletteKind::diverging) {
    const double reach = std::max(std::abs(low), std::abs(high));
    const double nice = reach > 0 ? nice_range(-reach, reach).highest : 1.0;
    low = -nice, high = nice;
  } else if (range.palette == PaletteKind::spread && low >= 0) {
    low = 0;
    high = high > 0 ? nice_range(0, high).highest : 1.0;
  } else if (!empty()) {
    const Range nice = nice_range(low, high);
    low = nice.lowest, high = nice.highest;
  }
  range.lowest = scale.lowest.value_or(low);
  range.highest = scale.highest.value_or(high);
  if (!(range.lowest < range.highest)) range.highest = range.lowest + 1;
  range.below = scale.open_below || (!empty() && lowest_ < range.lowest);
  range.above = scale.open_above || (!empty() && highest_ > range.highest);
  return range;
}

ColourScale RangeFinder::fixed(const ColourScale& scale) const {
  const ScaleRange r = range(scale);
  return {scale.label, r.palette, r.lowest, r.highest, r.below, r.above};
}

}  // namespace manifill::plot
