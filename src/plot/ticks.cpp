#include "manifill/plot/ticks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace manifill::plot {
namespace {

constexpr const char* kMinus = "\u2212";

/// Step of 1, 2, 2.5 or 5 times a power of ten, nearest above span / target.
double nice_step(double span, int target) {
  const double raw = span / std::max(1, target);
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 2.5, 5.0})
    if (factor * power >= raw * (1 - 1e-9)) return factor * power;
  return 10 * power;
}

std::string with_minus(std::string text) {
  if (text.starts_with('-')) text.replace(0, 1, kMinus);
  return text;
}

std::string superscript(int value) {
  static const std::array<const char*, 10> digits{"\u2070", "\u00b9", "\u00b2", "\u00b3", "\u2074",
                                                  "\u2075", "\u2076", "\u2077", "\u2078", "\u2079"};
  std::string text = value < 0 ? "\u207b" : "";
  for (const char c : std::to_string(std::abs(value))) text += digits[static_cast<std::size_t>(c - '0')];
  return text;
}

/// Decimals that tell every tick from its rounding.
int decimals_of(const std::vector<double>& values) {
  double largest = 0;
  for (const double v : values) largest = std::max(largest, std::abs(v));
  for (int d = 0; d < 15; ++d) {
    const double scale = std::pow(10.0, d);
    const auto exact = [&](double v) {
      return std::abs(v * scale - std::round(v * scale)) <= 1e-6 * largest * scale;
    };
    if (std::all_of(values.begin(), values.end(), exact)) return d;
  }
  return 15;
}

}  // namespace

std::vector<double> nice_ticks(double lowest, double highest, int target) {
  if (!std::isfinite(lowest) || !std::isfinite(highest)) return {};
  if (lowest > highest) std::swap(lowest, highest);
  const double span = highest - lowest;
  if (!(span > 1e-13 * std::max(std::abs(lowest), std::abs(highest)))) return {lowest};
  const double step = nice_step(span, target);
  std::vector<double> ticks;
  const double last = std::floor(highest / step + 1e-6);
  for (double k = std::ceil(lowest / step - 1e-6); k <= last; ++k) ticks.push_back(k == 0 ? 0.0 : k * step);
  return ticks;
}

std::vector<double> log_ticks(double lowest, double highest, int target) {
  if (!(lowest > 0) || !std::isfinite(highest)) return {};
  if (lowest > highest) std::swap(lowest, highest);
  const int first = static_cast<int>(std::ceil(std::log10(lowest) - 1e-9));
  const int last = static_cast<int>(std::floor(std::log10(highest) + 1e-9));
  const int stride = std::max(1, (last - first + target) / std::max(1, target));
  std::vector<double> ticks;
  if (last - first >= 1) {
    for (int p = first; p <= last; ++p)
      if (p % stride == 0) ticks.push_back(std::pow(10.0, p));
    return ticks;
  }
  for (int p = first - 1; p <= last; ++p)
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double v = factor * std::pow(10.0, p);
      if (v >= lowest * (1 - 1e-9) && v <= highest * (1 + 1e-9)) ticks.push_back(v);
    }
  if (ticks.size() < 2) ticks = nice_ticks(lowest, highest, target);
  return ticks;
}

Range nice_range(double lowest, double highest) {
  const double span = highest - lowest;
  if (!(span > 1e-12 * std::max(std::abs(lowest), std::abs(highest)))) {
    // A constant field: a range that has it in the middle.
    const double half = lowest == 0 ? 1.0 : 0.1 * std::abs(lowest);
    return {lowest - half, highest + half};
  }
  const double step = nice_step(span, 10);
  return {std::floor(lowest / step + 1e-6) * step, std::ceil(highest / step - 1e-6) * step};
}

std::vector<std::string> tick_labels(const std::vector<double>& ticks) {
  double largest = 0;
  for (const double v : ticks) largest = std::max(largest, std::abs(v));
  std::vector<std::string> labels;
  const int power = largest > 0 ? static_cast<int>(std::floor(std::log10(largest) + 1e-9)) : 0;
  if (largest > 0 && (power > 5 || power < -4)) {
    const double scale = std::pow(10.0, power);
    std::vector<double> mantissas;
    for (const double v : ticks) mantissas.push_back(v / scale);
    const int decimals = decimals_of(mantissas);
    for (const double m : mantissas)
      labels.push_back(
          m == 0 ? "0" : with_minus(fmt::format("{:.{}f}", m, decimals)) + "\u00d710" + superscript(power));
    return labels;
  }
  const int decimals = decimals_of(ticks);
  for (const double v : ticks)
    labels.push_back(with_minus(fmt::format("{:.{}f}", v == 0 ? 0.0 : v, decimals)));
  return labels;
}

std::vector<std::string> log_labels(const std::vector<double>& ticks) {
  const bool plain =
      std::all_of(ticks.begin(), ticks.end(), [](double v) { return v > 0.0099 && v < 10001; });
  std::vector<std::string> labels;
  for (const double v : ticks) {
    if (plain) {
      labels.push_back(fmt::format("{:g}", v));
      continue;
    }
    const double power = std::floor(std::log10(v) + 1e-9);
    const double mantissa = v / std::pow(10.0, power);
    const std::string ten = "10" + superscript(static_cast<int>(power));
    labels.push_back(std::abs(mantissa - 1) < 1e-9 ? ten : fmt::format("{:g}\u00d7", mantissa) + ten);
  }
  return labels;
}

std::string latitude_label(double degrees) {
  if (degrees == 0) return "0\u00b0";
  return fmt::format("{:g}\u00b0{}", std::abs(degrees), degrees > 0 ? 'N' : 'S');
}

std::string longitude_label(double degrees) {
  const double d = degrees - 360 * std::floor((degrees + 180) / 360);  // [-180, 180)
  if (d == 0) return "0\u00b0";
  if (d == -180) return "180\u00b0";
  return fmt::format("{:g}\u00b0{}", std::abs(d), d > 0 ? 'E' : 'W');
}

}  // namespace manifill::plot
