#include "manifill/measurement/coarsen.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "manifill/base/error.hpp"
#include "manifill/domain/healpix.hpp"

namespace manifill::measurement {
namespace {

namespace healpix = domain::healpix;

/// Side and ordering of a domain of HEALPix pixels.
std::optional<std::pair<std::int64_t, healpix::Ordering>> pixels_of(const domain::Domain& d) {
  if (d.kind() != domain::DomainKind::cells) return std::nullopt;
  const auto side = std::lround(std::sqrt(static_cast<double>(d.size()) / 12.0));
  if (side < 1 || static_cast<std::size_t>(healpix::pixel_count(side)) != d.size()) return std::nullopt;
  for (const auto ordering : {healpix::Ordering::ring, healpix::Ordering::nested}) {
    if (ordering == healpix::Ordering::nested && !std::has_single_bit(static_cast<std::uint64_t>(side)))
      continue;
    if (domain::Domain::healpix(side, ordering).hash() == d.hash())
      return std::pair{std::int64_t{side}, ordering};
  }
  return std::nullopt;
}

/// Factors by which a number can be divided, for messages: "2, 3, 4, 6".
std::string divisors(std::size_t n) {
  std::vector<std::size_t> out;
  for (std::size_t k = 2; k <= n / 2; ++k)
    if (n % k == 0) out.push_back(k);
  return fmt::format("{}", fmt::join(out, ", "));
}

/// Means by area: a coarse cell for each fine one.
SparseMatrix means(const domain::Domain& fine, const std::vector<std::size_t>& coarse, std::size_t count) {
  std::vector<double> area(count, 0.0);
  for (std::size_t p = 0; p < coarse.size(); ++p) area[coarse[p]] += fine.weights()[p];
  std::vector<Eigen::Triplet<double>> entries;
  for (std::size_t p = 0; p < coarse.size(); ++p)
    entries.emplace_back(static_cast<int>(coarse[p]), static_cast<int>(p),
                         fine.weights()[p] / area[coarse[p]]);
  SparseMatrix a(static_cast<Eigen::Index>(count), static_cast<Eigen::Index>(coarse.size()));
  a.setFromTriplets(entries.begin(), entries.end());
  return a;
}

OperatorPointer coarsen_pixels(const domain::Domain& domain, std::int64_t nside, healpix::Ordering ordering,
                               std::int64_t factor) {
  const auto side = static_cast<std::uint64_t>(nside);
  if (!std::has_single_bit(static_cast<std::uint64_t>(factor)) || !std::has_single_bit(side) ||
      factor > nside)
    throw Error(ErrorKind::usage,
                fmt::format("pixels of nside {} have no parents of {} times the side", nside, factor),
                {.remedy = std::has_single_bit(side)
                               ? fmt::format("Set coarsen.factor to a power of two, at most {}", nside)
                               : "Give a map whose nside is a power of two"});
  const std::int64_t coarse_side = nside / factor;
  std::vector<std::size_t> coarse;
  for (std::int64_t p = 0; p < static_cast<std::int64_t>(domain.size()); ++p) {
    const bool rings = ordering == healpix::Ordering::ring;
    const std::int64_t nested = (rings ? healpix::ring_to_nested(nside, p) : p) / (factor * factor);
    coarse.push_back(static_cast<std::size_t>(rings ? healpix::nested_to_ring(coarse_side, nested) : nested));
  }
  const auto to = domain::Domain::healpix(coarse_side, ordering);
  return std::make_shared<SparseOperator>(domain, to, means(domain, coarse, to.size()));
}

/// Means of runs of `factor` values.
std::vector<double> run_means(const std::vector<double>& values, std::size_t factor) {
  std::vector<double> out;
  for (std::size_t first = 0; first < values.size(); first += factor) {
    const std::size_t count = std::min(factor, values.size() - first);
    double sum = 0.0;
    for (std::size_t k = 0; k < count; ++k) sum += values[first + k];
    out.push_back(sum / static_cast<double>(count));
  }
  return out;
}

domain::Domain coarse_grid(const domain::Domain& d, std::size_t rows, std::size_t columns, std::size_t down,
                           std::size_t across) {
  if (d.kind() == domain::DomainKind::plane)
    return domain::Domain::plane((rows + down - 1) / down, (columns + across - 1) / across);
  const auto& s = d.lat_lon();
  return domain::Domain::lat_lon(run_means(s.latitude, down), run_means(s.longitude, across));
}

const OperatorRegistration kCoarsenRegistration(
    "coarsen", "area means over blocks of cells, or the parents of HEALPix pixels",
    {{.key = "coarsen.factor",
      .help = "cells of a block along each side; two numbers: rows, columns",
      .fallback = std::vector<double>{2.0},
      .lowest = 1.0}},
    [](const domain::Domain& domain, const Config& c, const OperatorContext& /*context*/) {
      const auto& factor = c.list("coarsen.factor");
      for (const double f : factor)
        if (f != std::floor(f))
          throw Error(ErrorKind::usage, fmt::format("coarsen.factor is {}, not a whole number", f),
                      {.remedy = "Give one whole number, or two, of rows and columns"});
      if (factor.empty() || factor.size() > 2)
        throw Error(ErrorKind::usage, fmt::format("coarsen.factor holds {} numbers", factor.size()),
                    {.remedy = "Give one whole number, or two, of rows and columns"});
      return coarsen(domain, static_cast<std::int64_t>(factor.front()),
                     static_cast<std::int64_t>(factor.back()));
    });

}  // namespace

OperatorPointer coarsen(const domain::Domain& domain, std::int64_t rows, std::int64_t columns) {
  if (rows < 1 || columns < 1 || (rows == 1 && columns == 1))
    throw Error(ErrorKind::usage,
                fmt::format("coarsen.factor {} x {} leaves the grid as it is", rows, columns),
                {.remedy = "Give at least 2"});
  if (const auto pixels = pixels_of(domain)) {
    if (rows != columns)
      throw Error(ErrorKind::usage, "HEALPix pixels have no rows and columns to be coarsened by two factors",
                  {.remedy = "Give one number in coarsen.factor"});
    return coarsen_pixels(domain, pixels->first, pixels->second, rows);
  }
  if (domain.kind() != domain::DomainKind::plane && domain.kind() != domain::DomainKind::lat_lon)
    throw Error(
        ErrorKind::usage, "there are no blocks of cells on " + domain.describe(),
        {.remedy = "Use gaussian_blur for footprints, and points for the places of the coarse cells"});
  const std::size_t across = domain.columns();
  const std::size_t down = domain.size() / across;
  const auto high = static_cast<std::size_t>(rows);
  const auto wide = static_cast<std::size_t>(columns);
  if (high > down || wide > across)
    throw Error(ErrorKind::usage,
                fmt::format("coarsen.factor {} x {} is larger than {}", rows, columns, domain.describe()),
                {.remedy = fmt::format("Give at most {} x {}", down, across)});
  if (domain.kind() == domain::DomainKind::lat_lon && domain.lat_lon().periodic && across % wide != 0)
    throw Error(ErrorKind::usage,
                fmt::format("{} longitudes around the globe make no whole blocks of {}", across, wide),
                {.remedy = fmt::format("Set coarsen.factor to one of {}", divisors(across))});
  const auto to = coarse_grid(domain, down, across, high, wide);
  std::vector<std::size_t> coarse;
  for (std::size_t p = 0; p < domain.size(); ++p)
    coarse.push_back(p / across / high * to.columns() + p % across / wide);
  return std::make_shared<SparseOperator>(domain, to, means(domain, coarse, to.size()));
}

}  // namespace manifill::measurement
