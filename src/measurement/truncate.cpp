#include "manifill/measurement/truncate.hpp"

#include <fmt/format.h>

#include "harmonic_map.hpp"
#include "manifill/base/error.hpp"

namespace manifill::measurement {
namespace {

const OperatorRegistration kTruncateRegistration("truncate", "spherical harmonics up to a degree",
                                                 {{.key = "truncate.degree",
                                                   .help = "highest degree that is kept",
                                                   .fallback = std::int64_t{-1},
                                                   .lowest = -1}},
                                                 [](const domain::Domain& domain, const Config& c,
                                                    const OperatorContext& /*context*/) {
                                                   return truncate(domain, c.integer("truncate.degree"));
                                                 });

}  // namespace

OperatorPointer truncate(const domain::Domain& domain, std::int64_t degree) {
  const auto grid = operators::RingGrid::of(domain);
  const std::int64_t most = usable_degree(grid);
  if (degree < 0)
    throw Error(ErrorKind::usage, "no degree is given to truncate at",
                {.remedy = fmt::format("Set truncate.degree, 0 to {}", most)});
  if (degree > most)
    throw Error(ErrorKind::usage,
                fmt::format("truncate.degree {} is beyond what {} tells apart", degree, domain.describe()),
                {.remedy = fmt::format("Give at most {}", most)});
  return harmonic_map(domain, grid, degree, [](std::int64_t) { return 1.0; });
}

}  // namespace manifill::measurement
