#include "raster.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numbers>
#include <optional>
#include <utility>

#include "manifill/base/parallel.hpp"
#include "manifill/domain/nearest_points.hpp"
#include "manifill/domain/sphere.hpp"

namespace manifill::plot {
namespace {

/// Finds the cell between edges that rise or fall.
class EdgeFinder {
 public:
  explicit EdgeFinder(std::vector<double> edges)
      : edges_(std::move(edges)), falling_(edges_.front() > edges_.back()) {
    if (falling_) std::reverse(edges_.begin(), edges_.end());
  }
  [[nodiscard]] double lowest() const { return edges_.front(); }
  [[nodiscard]] std::optional<std::size_t> operator()(double value) const {
    constexpr double slack = 1e-9;
    if (value < edges_.front() - slack || value > edges_.back() + slack) return std::nullopt;
    const auto above = std::upper_bound(edges_.begin() + 1, edges_.end() - 1, value);
    const auto k = static_cast<std::size_t>(above - edges_.begin()) - 1;
    return falling_ ? edges_.size() - 2 - k : k;
  }

 private:
  std::vector<double> edges_;
  bool falling_;
};

/// Inverse of a projection along a row of samples. Where parallels are straight, a row has one latitude and
/// longitudes in equal steps, and the projection is inverted once.
class RowInverse {
 public:
  RowInverse(const Projection& projection, double y) : projection_(projection), y_(y) {
    if (projection.kind() == ProjectionKind::polar) return;
    const auto middle = projection.inverse({0, y});
    if (!middle) return;
    latitude_ = middle->latitude;
    const auto [west, east, south, north] = projection.extent();
    half_ = 0.5 * (east - west);
    degrees_ = 90 / projection.forward({projection.central_longitude() + 90, *latitude_})->x;
  }
  [[nodiscard]] std::optional<Place> operator()(double x) const {
    if (!latitude_) return projection_.inverse({x, y_});
    const double relative = x * degrees_;
    if (std::abs(relative) > half_ + 1e-9) return std::nullopt;
    return Place{projection_.central_longitude() + relative, *latitude_};
  }

 private:
  const Projection& projection_;
  double y_;
  std::optional<double> latitude_{};
  double half_ = 0, degrees_ = 0;
};

/// Inverse of a projection of PROJ over squares of samples: between the corners of a square as points in
/// space, where that agrees with PROJ at its middle. PROJ takes a microsecond a place, a map has ten million.
class SquareInverse {
 public:
  static constexpr int kSide = 8;

  SquareInverse(const Projection& projection, int columns, int rows)
      : projection_(projection),
        columns_(columns),
        rows_(rows),
        allowed_(0.1 * projection.width() / columns) {}

  /// Calls give(i, j, place) for the samples of the row of squares that begins with sample row `first`.
  template <typename Give>
  void row(int first, const Give& give) {
    const int squares = (columns_ + kSide - 1) / kSide;
    std::vector<std::optional<Vector>> above, below;
    for (int k = 0; k <= squares; ++k) {
      above.push_back(at(k * kSide, first));
      below.push_back(at(k * kSide, first + kSide));
    }
    const int end = std::min(first + kSide, rows_);
    for (int k = 0; k < squares; ++k) {
      const auto u = static_cast<std::size_t>(k);
      const Corners corners{above[u], above[u + 1], below[u], below[u + 1]};
      const auto count =
          std::count_if(corners.begin(), corners.end(), [](const auto& c) { return c.has_value(); });
      const auto middle = at(k * kSide + kSide / 2, first + kSide / 2);
      const bool blank = count == 0 && !middle;
      const bool smooth =
          count == 4 && middle && distance(mixed(corners, kSide / 2, kSide / 2), *middle) < allowed_;
      for (int j = first; j < end; ++j)
        for (int i = k * kSide; i < std::min((k + 1) * kSide, columns_); ++i) {
          if (blank)
            give(i, j, std::nullopt);
          else if (smooth)
            give(i, j, std::optional(place_of(mixed(corners, i - k * kSide, j - first))));
          else
            give(i, j, inverse(i, j));
        }
    }
  }

 private:
  using Vector = std::array<double, 3>;
  using Corners = std::array<std::optional<Vector>, 4>;  // upper left, upper right, lower left, lower right

  [[nodiscard]] std::optional<Place> inverse(int i, int j) const {
    const PlanePoint corner = projection_.lower_left();
    return projection_.inverse({corner.x + projection_.width() * (i + 0.5) / columns_,
                                corner.y + projection_.height() * (1 - (j + 0.5) / rows_)});
  }
  [[nodiscard]] std::optional<Vector> at(int i, int j) const {
    const auto place = inverse(i, j);
    if (!place) return std::nullopt;
    return domain::unit_vector(place->latitude, place->longitude);
  }
  static Vector mixed(const Corners& corners, int right, int down) {
    const double u = static_cast<double>(right) / kSide, v = static_cast<double>(down) / kSide;
    Vector out{};
    for (std::size_t c = 0; c < 3; ++c)
      out[c] = (1 - v) * ((1 - u) * (*corners[0])[c] + u * (*corners[1])[c]) +
               v * ((1 - u) * (*corners[2])[c] + u * (*corners[3])[c]);
    return out;
  }
  static double distance(const Vector& a, const Vector& b) {
    return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
  }
  static Place place_of(const Vector& v) {
    constexpr double degrees = 180 / std::numbers::pi;
    return {std::atan2(v[1], v[0]) * degrees, std::atan2(v[2], std::hypot(v[0], v[1])) * degrees};
  }

  const Projection& projection_;
  int columns_, rows_;
  double allowed_;
};

/// What a cell is painted as.
struct Paint {
  Rgb colour{};
  bool hatched = false;
};

std::vector<Paint> paints(const MapPanel& panel, const Palette& palette, const ScaleRange& range) {
  std::vector<Paint> result(panel.values.size());
  const double scale = 1.0 / (range.highest - range.lowest);
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (!panel.masked.empty() && panel.masked[i] != 0)
      result[i].colour = kMaskColour;
    else if (!std::isfinite(panel.values[i]))
      result[i] = {kGapColour, true};
    else
      result[i].colour = palette.at((panel.values[i] - range.lowest) * scale);
  }
  return result;
}

std::uint32_t pack(double red, double green, double blue, double alpha) {
  const auto byte = [](double c) {
    return static_cast<std::uint32_t>(std::lround(255 * std::clamp(c, 0.0, 1.0)));
  };
  return byte(alpha) << 24U | byte(red) << 16U | byte(green) << 8U | byte(blue);
}

/// The cell at a place. Of points in no rows and columns it is the nearest, within what they are apart there.
std::function<std::optional<std::size_t>(const Place&)> finder(const domain::Domain& domain) {
  if (domain.kind() == domain::DomainKind::lat_lon) {
    const CellEdges edges = cell_edges(domain.lat_lon());
    return [row = EdgeFinder(edges.latitude), column = EdgeFinder(edges.longitude),
            nlon = domain.lat_lon().nlon()](const Place& place) -> std::optional<std::size_t> {
      const double turns = std::floor((place.longitude - column.lowest()) / 360 + 1e-12);
      const auto k = column(place.longitude - 360 * turns);
      const auto l = row(place.latitude);
      return k && l ? std::optional<std::size_t>(*l * nlon + *k) : std::nullopt;
    };
  }
  const domain::NearestPoints search({domain.points().begin(), domain.points().end()});
  std::vector<double> reach;
  for (const auto& p : domain.points()) reach.push_back(search.nearest(p, 4).back().chord);
  return [search, reach](const Place& place) -> std::optional<std::size_t> {
    const auto near = search.nearest(domain::unit_vector(place.latitude, place.longitude), 1)[0];
    return near.chord <= reach[near.index] ? std::optional<std::size_t>(near.index) : std::nullopt;
  };
}

}  // namespace

CellRaster::CellRaster(const domain::Domain& domain, const Projection& projection, int width, int height)
    : width_(width),
      height_(height),
      cell_(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * kSamples * kSamples) {
  const std::function<std::optional<std::size_t>(const Place&)> find = finder(domain);
  const int columns = width * kSamples, rows = height * kSamples;
  const auto give = [&](int i, int j, const std::optional<Place>& place) {
    auto& cell =
        cell_[static_cast<std::size_t>(j) * static_cast<std::size_t>(columns) + static_cast<std::size_t>(i)];
    cell = kOffMap;
    if (!place) return;
    const auto found = find(*place);
    cell = found ? static_cast<std::int32_t>(*found) : kOffGrid;
  };
  const int step = projection.kind() == ProjectionKind::proj ? SquareInverse::kSide : 1;
  const int strips = (rows + step - 1) / step, bands = std::min(strips, 4 * available_threads());
  parallel_for(bands, [&](std::int64_t band) {
    // PROJ serves one thread an object. NOLINTNEXTLINE(performance-unnecessary-copy-initialization)
    const Projection own = projection;
    const int end = static_cast<int>((band + 1) * strips / bands);
    SquareInverse squares(own, columns, rows);
    const PlanePoint corner = own.lower_left();
    for (int strip = static_cast<int>(band * strips / bands); strip < end; ++strip) {
      if (own.kind() == ProjectionKind::proj) {
        squares.row(strip * step, give);
        continue;
      }
      const RowInverse inverse(own, corner.y + own.height() * (1 - (strip + 0.5) / rows));
      for (int i = 0; i < columns; ++i) give(i, strip, inverse(corner.x + own.width() * (i + 0.5) / columns));
    }
  });
}

CellRaster::CellRaster(const domain::Domain& image, int width, int height)
    : width_(width),
      height_(height),
      cell_(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * kSamples * kSamples) {
  const auto across = static_cast<std::size_t>(width) * kSamples;
  const auto down = static_cast<std::size_t>(height) * kSamples;
  const std::size_t columns = image.columns(), rows = image.size() / columns;
  for (std::size_t j = 0; j < down; ++j)
    for (std::size_t i = 0; i < across; ++i)
      cell_[j * across + i] = static_cast<std::int32_t>((2 * j + 1) * rows / (2 * down) * columns +
                                                        (2 * i + 1) * columns / (2 * across));
}

void CellRaster::paint(const Canvas& canvas, const MapPanel& panel, const Palette& palette,
                       const ScaleRange& range, int x, int y, double hatch) const {
  const std::vector<Paint> cells = paints(panel, palette, range);
  cairo_surface_t* image = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, width_, height_);
  unsigned char* data = cairo_image_surface_get_data(image);
  const int stride = cairo_image_surface_get_stride(image);
  const int columns = width_ * kSamples;
  const double period = hatch * kSamples, thickness = 0.16 * period;
  for (int j = 0; data != nullptr && j < height_; ++j) {
    auto* line =
        static_cast<std::uint32_t*>(static_cast<void*>(data + static_cast<std::ptrdiff_t>(j) * stride));
    for (int i = 0; i < width_; ++i) {
      double sum[4] = {0, 0, 0, 0};
      for (int s = 0; s < kSamples * kSamples; ++s) {
        const int sx = i * kSamples + s % kSamples, sy = j * kSamples + s / kSamples;
        const std::int32_t cell = cell_[static_cast<std::size_t>(sy) * static_cast<std::size_t>(columns) +
                                        static_cast<std::size_t>(sx)];
        if (cell == kOffMap) continue;
        Rgb c{1, 1, 1};
        if (cell != kOffGrid) {
          const Paint& p = cells[static_cast<std::size_t>(cell)];
          c = p.hatched && std::fmod(static_cast<double>(sx + sy), period) < thickness ? kHatchColour
                                                                                       : p.colour;
        }
        sum[0] += c.red, sum[1] += c.green, sum[2] += c.blue, sum[3] += 1;
      }
      constexpr double n = kSamples * kSamples;
      line[i] = pack(sum[0] / n, sum[1] / n, sum[2] / n, sum[3] / n);
    }
  }
  canvas.paint_pixels(image, x, y);
}

}  // namespace manifill::plot
