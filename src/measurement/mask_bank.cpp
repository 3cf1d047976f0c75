#include "manifill/measurement/mask_bank.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "manifill/base/error.hpp"

namespace manifill::measurement {
namespace {

double share_hidden(const ObservedCells& cells) {
  return static_cast<double>(std::count(cells.begin(), cells.end(), false)) /
         static_cast<double>(cells.size());
}

struct Rectangle {
  std::int64_t row, column, height, width;
};

/// Rows and columns of points.
struct Grid {
  std::int64_t rows, columns;
  bool periodic;  // the last column is beside the first
};

Grid grid_of(const domain::Domain& d) {
  const auto columns = static_cast<std::int64_t>(d.columns());
  return {static_cast<std::int64_t>(d.size()) / columns, columns,
          d.kind() == domain::DomainKind::lat_lon && d.lat_lon().periodic};
}

void hide_rectangle(const Grid& g, const Rectangle& r, ObservedCells& cells) {
  for (std::int64_t i = std::max<std::int64_t>(0, r.row); i < std::min(g.rows, r.row + r.height); ++i)
    for (std::int64_t j = r.column; j < r.column + r.width; ++j) {
      if (!g.periodic && (j < 0 || j >= g.columns)) continue;
      cells[static_cast<std::size_t>(i * g.columns + ((j % g.columns) + g.columns) % g.columns)] = false;
    }
}

/// How far every point lies in a random direction.
std::vector<double> along_direction(const domain::Domain& domain, RandomStream& random) {
  std::array<double, 3> direction{};
  random.fill_normal(direction);
  double length = 0.0;
  for (const double x : direction) length += x * x;
  std::vector<double> along(domain.size());
  for (std::size_t i = 0; i < along.size(); ++i)
    for (std::size_t c = 0; c < 3; ++c) along[i] += domain.points()[i][c] * direction[c] / std::sqrt(length);
  return along;
}

/// The `count` points nearest to one, itself among them, at least one.
void hide_disc(const domain::Domain& domain, std::size_t centre, std::int64_t count, ObservedCells& cells) {
  std::vector<std::pair<double, std::size_t>> near;
  near.reserve(cells.size());
  for (std::size_t i = 0; i < cells.size(); ++i) near.emplace_back(domain.chord(centre, i), i);
  count = std::max<std::int64_t>(1, count);
  std::nth_element(near.begin(), near.begin() + (count - 1), near.end());
  for (std::int64_t k = 0; k < count; ++k) cells[near[static_cast<std::size_t>(k)].second] = false;
}

}  // namespace

std::vector<std::string> mask_kinds() {
  return {"blocks", "scattered", "blocks_scattered", "swaths", "bands", "gaps"};
}

std::vector<std::string> named_mask_kinds() {
  auto kinds = mask_kinds();
  kinds.emplace_back("half");
  kinds.emplace_back("box");
  return kinds;
}

MaskBank::MaskBank(const domain::Domain& domain, std::vector<ObservedCells> gaps,
                   std::vector<std::string> kinds)
    : domain_(domain), gaps_(std::move(gaps)), kinds_(std::move(kinds)) {
  const auto known = named_mask_kinds();
  for (const auto& kind : kinds_)
    if (std::find(known.begin(), known.end(), kind) == known.end())
      throw Error(
          ErrorKind::usage, "unknown kind of mask '" + kind + "'",
          {.remedy =
               "Use " + nearest_name(kind, known.data(), known.data() + known.size()).value_or("blocks")});
  if (kinds_.empty()) kinds_ = mask_kinds();
  if (gaps_.empty()) std::erase(kinds_, "gaps");
  if (kinds_.empty()) throw Error(ErrorKind::usage, "masks of kind 'gaps' were asked for but there are none");
}

ObservedCells MaskBank::draw(RandomStream& random, double hidden) const {
  const auto k = static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(kinds_.size()) - 1));
  return draw(random, hidden, kinds_[k]);
}

ObservedCells MaskBank::draw(RandomStream& random, double hidden, const std::string& kind) const {
  if (kind == "gaps") {
    return gaps_[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(gaps_.size()) - 1))];
  }
  ObservedCells cells(domain_.size(), true);
  if (kind == "blocks") hide_blocks(random, hidden, cells);
  if (kind == "scattered") hide_scattered(random, hidden, cells);
  if (kind == "swaths") hide_swaths(random, hidden, cells);
  if (kind == "bands") hide_bands(random, hidden, cells);
  if (kind == "half") hide_half(random, cells);
  if (kind == "box") hide_box(random, hidden, cells);
  if (kind == "blocks_scattered") {
    const double scattered = std::min(0.2, 0.5 * hidden);
    hide_blocks(random, hidden - scattered, cells);
    hide_scattered(random, hidden, cells);
  }
  return cells;
}

/// Discs about random points where points come in no rows and columns.
void MaskBank::hide_discs(RandomStream& random, double hidden, ObservedCells& cells) const {
  for (int attempt = 0; attempt < 200 && share_hidden(cells) < hidden; ++attempt) {
    const auto centre =
        static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(cells.size()) - 1));
    const double share = 0.02 + 0.2 * random.uniform();
    hide_disc(domain_, centre, std::llround(share * static_cast<double>(cells.size())), cells);
  }
}

/// Parallel slabs across a random direction, `period` extents of the domain apart: swaths, or one band of
/// them.
void MaskBank::hide_slabs(RandomStream& random, double hidden, double period, ObservedCells& cells) const {
  const auto along = along_direction(domain_, random);
  const auto [low, high] = std::minmax_element(along.begin(), along.end());
  const double unit = std::max(period * (*high - *low), 1e-300);
  const double first = *low;
  const double phase = period < 1.0 ? random.uniform() : random.uniform() * std::max(0.0, 1.0 - hidden);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const double place = (along[i] - first) / unit + (period < 1.0 ? phase : -phase);
    const double within = period < 1.0 ? place - std::floor(place) : place;
    if (within >= 0.0 && within < hidden) cells[i] = false;
  }
}

void MaskBank::hide_blocks(RandomStream& random, double hidden, ObservedCells& cells) const {
  if (domain_.kind() != domain::DomainKind::lat_lon) return hide_discs(random, hidden, cells);
  const Grid g = grid_of(domain_);
  const std::int64_t rows = g.rows;
  const std::int64_t columns = g.columns;
  for (int attempt = 0; attempt < 200 && share_hidden(cells) < hidden; ++attempt) {
    const std::int64_t height =
        random.integer(std::max<std::int64_t>(1, rows / 8), std::max<std::int64_t>(1, rows * 2 / 3));
    const std::int64_t width =
        random.integer(std::max<std::int64_t>(1, columns / 12), std::max<std::int64_t>(1, columns / 2));
    hide_rectangle(g,
                   {random.integer(-height / 2, rows - height / 2),
                    random.integer(-width / 2, columns - width / 2), height, width},
                   cells);
  }
}

void MaskBank::hide_scattered(RandomStream& random, double hidden, ObservedCells& cells) const {
  const double left = 1.0 - share_hidden(cells);
  const double chance = left > 0.0 ? std::clamp((hidden - (1.0 - left)) / left, 0.0, 1.0) : 0.0;
  for (std::size_t i = 0; i < cells.size(); ++i)
    if (random.uniform() < chance) cells[i] = false;
}

void MaskBank::hide_swaths(RandomStream& random, double hidden, ObservedCells& cells) const {
  // The gaps between the tracks of a polar orbiter: parallel bands, tilted, each as wide as the share hidden
  // asks for.
  if (domain_.kind() != domain::DomainKind::lat_lon)
    return hide_slabs(random, hidden, 0.1 + 0.3 * random.uniform(), cells);
  const auto& s = domain_.lat_lon();
  const double period = static_cast<double>(
      random.integer(5, std::max<std::int64_t>(6, static_cast<std::int64_t>(s.nlon()) / 3)));
  const double tilt = (random.uniform() < 0.5 ? -1.0 : 1.0) * (0.2 + 1.3 * random.uniform());
  const double phase = period * random.uniform();
  for (std::size_t i = 0; i < s.nlat(); ++i)
    for (std::size_t j = 0; j < s.nlon(); ++j) {
      const double along = static_cast<double>(j) + tilt * static_cast<double>(i) + phase;
      const double position = along / period - std::floor(along / period);
      if (position < hidden) cells[i * s.nlon() + j] = false;
    }
}

void MaskBank::hide_bands(RandomStream& random, double hidden, ObservedCells& cells) const {
  if (domain_.kind() != domain::DomainKind::lat_lon) return hide_slabs(random, hidden, 1.0, cells);
  const Grid g = grid_of(domain_);
  const std::int64_t rows = g.rows;
  const std::int64_t columns = g.columns;
  if (random.uniform() < 0.6) {
    const auto height = std::max<std::int64_t>(1, std::llround(hidden * static_cast<double>(rows)));
    hide_rectangle(g, {random.integer(0, rows - height), 0, height, columns}, cells);
  } else {
    const auto width = std::max<std::int64_t>(1, std::llround(hidden * static_cast<double>(columns)));
    hide_rectangle(g, {0, random.integer(0, columns - width), rows, width}, cells);
  }
}

void MaskBank::hide_half(RandomStream& random, ObservedCells& cells) const {
  if (domain_.columns() == 1) {
    const auto along = along_direction(domain_, random);
    std::vector<std::size_t> order(cells.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto middle = order.begin() + static_cast<std::ptrdiff_t>(order.size() / 2);
    std::nth_element(order.begin(), middle, order.end(),
                     [&](std::size_t a, std::size_t b) { return along[a] < along[b]; });
    std::for_each(order.begin(), middle, [&](std::size_t i) { cells[i] = false; });
    return;
  }
  const Grid g = grid_of(domain_);
  // Upper, lower, left, right as points come.
  const std::int64_t side = random.integer(g.rows > 1 ? 0 : 2, 3);
  const std::int64_t height = side < 2 ? g.rows / 2 : g.rows;
  const std::int64_t width = side < 2 ? g.columns : g.columns / 2;
  hide_rectangle(g, {side == 1 ? g.rows - height : 0, side == 3 ? g.columns - width : 0, height, width},
                 cells);
}

void MaskBank::hide_box(RandomStream& random, double hidden, ObservedCells& cells) const {
  const auto size = static_cast<double>(cells.size());
  if (domain_.columns() == 1)
    return hide_disc(domain_,
                     static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(cells.size()) - 1)),
                     std::llround(hidden * size), cells);
  const Grid g = grid_of(domain_);
  // The grid's own shape, as nearly as whole rows and columns hold the share.
  const auto height =
      std::clamp<std::int64_t>(std::llround(std::sqrt(hidden) * static_cast<double>(g.rows)), 1, g.rows);
  const auto width =
      std::clamp<std::int64_t>(std::llround(hidden * size / static_cast<double>(height)), 1, g.columns);
  const std::int64_t row = random.integer(0, g.rows - height);
  const std::int64_t column = random.integer(0, g.periodic ? g.columns - 1 : g.columns - width);
  hide_rectangle(g, {row, column, height, width}, cells);
}

ObservedCells blocks_and_scattered(const domain::Domain& domain, RandomStream& random) {
  const auto points = static_cast<std::int64_t>(domain.size());
  ObservedCells cells(domain.size(), true);
  const std::int64_t blocks = random.integer(2, 4);
  for (std::int64_t b = 0; b < blocks; ++b) {
    if (domain.kind() != domain::DomainKind::lat_lon) {
      const std::int64_t count = random.integer(6, 12) * random.integer(6, 16);
      hide_disc(domain, static_cast<std::size_t>(random.integer(0, points - 1)), std::min(count, points / 8),
                cells);
      continue;
    }
    const Grid g = grid_of(domain);
    const std::int64_t height = std::min(g.rows, random.integer(6, 12));
    const std::int64_t width = std::min(g.columns, random.integer(6, 16));
    const std::int64_t row = random.integer(0, g.rows - height);
    hide_rectangle(g, {row, random.integer(0, g.columns - width), height, width}, cells);
  }
  for (std::size_t i = 0; i < cells.size(); ++i)
    if (random.uniform() < 0.2) cells[i] = false;
  return cells;
}

}  // namespace manifill::measurement
