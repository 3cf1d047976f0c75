#include "manifill/measurement/motion_blur.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <memory>
#include <numbers>
#include <utility>

#include "grid_steps.hpp"
#include "manifill/base/error.hpp"

namespace manifill::measurement {
namespace {

constexpr double kPointsAPixel = 16.0;

const OperatorRegistration kMotionBlurRegistration(
    "motion_blur", "mean along a straight way across an image",
    {{.key = "motion_blur.length", .help = "length of the way, pixels", .fallback = 0.0, .lowest = 0.0},
     {.key = "motion_blur.angle",
      .help = "direction, degrees counter-clockwise from the direction of the rows",
      .fallback = 0.0},
     edge_option("motion_blur.edges")},
    [](const domain::Domain& domain, const Config& c, const OperatorContext& /*context*/) {
      return motion_blur(domain, {.length = c.real("motion_blur.length"),
                                  .angle = c.real("motion_blur.angle"),
                                  .edges = c.text("motion_blur.edges")});
    });

}  // namespace

OperatorPointer motion_blur(const domain::Domain& domain, const MotionBlurOptions& options) {
  if (domain.kind() != domain::DomainKind::plane)
    throw Error(ErrorKind::usage, "motion_blur is for images, not for " + domain.describe(),
                {.remedy = "Use gaussian_blur or kernel"});
  if (!(std::isfinite(options.length) && options.length > 0.0))
    throw Error(ErrorKind::usage,
                fmt::format("motion_blur.length is {}, not a positive length", options.length),
                {.remedy = "Give the length of the way in pixels"});
  const double angle = options.angle * std::numbers::pi / 180.0;
  const auto count = static_cast<std::int64_t>(std::ceil(kPointsAPixel * options.length));
  std::map<std::pair<std::int64_t, std::int64_t>, double> weights;
  for (std::int64_t k = 0; k < count; ++k) {
    const double along = options.length * ((static_cast<double>(k) + 0.5) / static_cast<double>(count) - 0.5);
    const double row = -along * std::sin(angle);  // rows count downwards
    const double column = along * std::cos(angle);
    const double top = std::floor(row);
    const double left = std::floor(column);
    for (const int down : {0, 1})
      for (const int right : {0, 1})
        weights[{static_cast<std::int64_t>(top) + down, static_cast<std::int64_t>(left) + right}] +=
            std::abs(1.0 - down - (row - top)) * std::abs(1.0 - right - (column - left)) /
            static_cast<double>(count);
  }
  std::vector<KernelEntry> kernel;
  for (const auto& [place, weight] : weights)
    if (weight > 0.0) kernel.push_back({.rows = place.first, .columns = place.second, .weight = weight});
  const GridSteps grid(domain, edge_rule(options.edges), "motion_blur");
  return std::make_shared<SparseOperator>(domain, domain, kernel_matrix(grid, kernel, "motion_blur"));
}

}  // namespace manifill::measurement
