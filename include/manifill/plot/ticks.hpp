#pragma once
/// \file
/// \brief Numbers that stand at axes and colour bars.

#include <string>
#include <vector>

namespace manifill::plot {

/// \brief Multiples of 1, 2, 2.5 or 5 times a power of ten within [lowest, highest], about `target` of them.
/// \return increasing; one value when lowest == highest; empty when a bound is not finite
std::vector<double> nice_ticks(double lowest, double highest, int target);

/// \brief Powers of ten within [lowest, highest] > 0, thinned to about `target`; where fewer than two fit,
/// also 2 and 5 times them, and as a last resort `nice_ticks`.
std::vector<double> log_ticks(double lowest, double highest, int target);

/// \brief Smallest range of nice numbers that holds [lowest, highest]: rounded outwards to a tenth of a nice
/// step.
struct Range {
  double lowest = 0.0;
  double highest = 1.0;
};
Range nice_range(double lowest, double highest);

/// \brief Labels of equal precision with a true minus sign; beyond five digits as "3x10^5" in superscripts.
std::vector<std::string> tick_labels(const std::vector<double>& ticks);

/// \brief Labels of a logarithmic axis: plain numbers where all are between 0.01 and 10000, otherwise powers
/// of ten.
std::vector<std::string> log_labels(const std::vector<double>& ticks);

/// \brief Degrees with hemisphere: "30°N", "0°", "150°W".
std::string latitude_label(double degrees);
std::string longitude_label(double degrees);

}  // namespace manifill::plot
