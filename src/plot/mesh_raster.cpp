#include "mesh_raster.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "manifill/base/error.hpp"

namespace manifill::plot {
namespace {

using Vector = std::array<double, 3>;

constexpr double kMargin = 0.04;  // of the width, on every side

double dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

Vector unit(const Vector& a) {
  const double length = std::sqrt(dot(a, a));
  if (!(length > 1e-12) || !std::isfinite(length))
    throw Error(ErrorKind::usage, "the directions of a view span no picture",
                {.remedy = "Give 'up' another direction than 'towards'"});
  return {a[0] / length, a[1] / length, a[2] / length};
}

}  // namespace

MeshCamera::MeshCamera(const domain::TriangleMesh& mesh, const Vector& towards, const Vector& up)
    : mesh_(mesh) {
  const Vector depth = unit(towards);
  const Vector right = unit(cross(unit(up), depth));
  const Vector above = cross(depth, right);
  for (const auto& v : mesh.vertices) seen_.push_back({dot(v, right), dot(v, above), dot(v, depth)});
  low_ = high_ = seen_.at(0);
  for (const auto& v : seen_)
    for (std::size_t c = 0; c < 3; ++c) {
      low_[c] = std::min(low_[c], v[c]);
      high_[c] = std::max(high_[c], v[c]);
    }
}

double MeshCamera::aspect() const {
  const double wide = high_[0] - low_[0], high = high_[1] - low_[1];
  // A surface seen from its edge still has a picture.
  const double least = 1e-3 * std::max({wide, high, std::numeric_limits<double>::min()});
  return (1 - 2 * kMargin) * std::max(high, least) / std::max(wide, least) + 2 * kMargin;
}

MeshCamera::Placed MeshCamera::placed(double width, double height) const {
  const double margin = kMargin * width;
  const double wide = std::max(high_[0] - low_[0], std::numeric_limits<double>::min());
  const double high = std::max(high_[1] - low_[1], std::numeric_limits<double>::min());
  const double scale = std::min((width - 2 * margin) / wide, (height - 2 * margin) / high);
  Placed out;
  for (const auto& v : seen_)
    out.vertices.push_back({0.5 * width + scale * (v[0] - 0.5 * (low_[0] + high_[0])),
                            0.5 * height - scale * (v[1] - 0.5 * (low_[1] + high_[1])), scale * v[2]});
  out.normals.resize(seen_.size());
  for (const auto& t : mesh_.triangles) {
    Vector a{}, b{};
    for (std::size_t c = 0; c < 3; ++c) {
      a[c] = out.vertices[t[1]][c] - out.vertices[t[0]][c];
      b[c] = out.vertices[t[2]][c] - out.vertices[t[0]][c];
    }
    const Vector n = cross(a, b);
    for (const auto v : t)
      for (std::size_t c = 0; c < 3; ++c) out.normals[v][c] += n[c];
  }
  for (auto& n : out.normals) {
    const double length = std::sqrt(dot(n, n));
    for (auto& c : n) c = length > 0.0 ? c / length : 0.0;
  }
  return out;
}

MeshRaster::MeshRaster(const MeshCamera& camera, int width, int height)
    : mesh_(camera.mesh()),
      width_(width),
      height_(height),
      placed_(camera.placed(width * kSamples, height * kSamples)),
      triangle_(static_cast<std::size_t>(width * kSamples) * static_cast<std::size_t>(height * kSamples),
                -1) {
  std::vector<double> nearest(triangle_.size(), -std::numeric_limits<double>::infinity());
  for (std::size_t t = 0; t < mesh_.triangles.size(); ++t) draw(t, nearest);
}

std::array<double, 3> MeshRaster::shares(std::size_t triangle, double x, double y) const {
  const auto& corners = mesh_.triangles[triangle];
  const Vector& a = placed_.vertices[corners[0]];
  const Vector& b = placed_.vertices[corners[1]];
  const Vector& c = placed_.vertices[corners[2]];
  const double area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
  const double v = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / area;
  const double w = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / area;
  return {1.0 - v - w, v, w};
}

void MeshRaster::draw(std::size_t triangle, std::vector<double>& nearest) {
  const auto& corners = mesh_.triangles[triangle];
  std::array<double, 4> box{1e300, -1e300, 1e300, -1e300};
  for (const auto v : corners) {
    const Vector& p = placed_.vertices[v];
    box = {std::min(box[0], p[0]), std::max(box[1], p[0]), std::min(box[2], p[1]), std::max(box[3], p[1])};
  }
  const int columns = width_ * kSamples, rows = height_ * kSamples;
  const auto first = [](double p) { return std::max(0, static_cast<int>(std::floor(p - 0.5))); };
  const int right = std::min(columns - 1, static_cast<int>(std::ceil(box[1])));
  const int bottom = std::min(rows - 1, static_cast<int>(std::ceil(box[3])));
  for (int j = first(box[2]); j <= bottom; ++j)
    for (int i = first(box[0]); i <= right; ++i) {
      const auto share = shares(triangle, i + 0.5, j + 0.5);
      // Not a number where the triangle is seen from its edge.
      if (!(share[0] >= 0.0 && share[1] >= 0.0 && share[2] >= 0.0)) continue;
      double depth = 0.0;
      for (std::size_t c = 0; c < 3; ++c) depth += share[c] * placed_.vertices[corners[c]][2];
      const std::size_t at =
          static_cast<std::size_t>(j) * static_cast<std::size_t>(columns) + static_cast<std::size_t>(i);
      if (!(depth > nearest[at])) continue;
      nearest[at] = depth;
      triangle_[at] = static_cast<std::int32_t>(triangle);
    }
}

double MeshRaster::light(const std::array<std::uint32_t, 3>& corners,
                         const std::array<double, 3>& share) const {
  static const Vector from = unit({-0.4, -0.6, 1.0});  // some light comes from everywhere
  Vector n{};
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t k = 0; k < 3; ++k) n[c] += share[k] * placed_.normals[corners[k]][c];
  const double length = std::sqrt(dot(n, n));
  if (length == 0.0) return 1.0;
  const double facing = n[2] < 0.0 ? -1.0 : 1.0;
  return 0.45 + 0.55 * std::max(0.0, facing * dot(n, from) / length);
}

void MeshRaster::paint(const Canvas& canvas, const MeshPaint& paint, int x, int y) const {
  cairo_surface_t* image = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, width_, height_);
  unsigned char* data = cairo_image_surface_get_data(image);
  const int row = cairo_image_surface_get_stride(image);
  const double period = paint.hatch * kSamples, thickness = 0.16 * period;
  const auto at_value = [&](double value) {
    return paint.palette.at((value - paint.lowest) / (paint.highest - paint.lowest));
  };
  const auto colour = [&](const std::array<std::uint32_t, 3>& corners, const std::array<double, 3>& share,
                          int i, int j) {
    double value = 0.0;
    bool whole = true;
    for (std::size_t c = 0; c < 3; ++c) {
      const double v = paint.values[corners[c]];
      value += share[c] * v;
      whole = whole && std::isfinite(v) && (paint.masked.empty() || paint.masked[corners[c]] == 0);
    }
    if (whole) return at_value(value);
    const auto most = static_cast<std::size_t>(std::max_element(share.begin(), share.end()) - share.begin());
    const std::uint32_t near = corners[most];
    if (!paint.masked.empty() && paint.masked[near] != 0) return kMaskColour;
    if (std::isfinite(paint.values[near])) return at_value(paint.values[near]);
    return period > 0.0 && std::fmod(static_cast<double>(i + j), period) < thickness ? kHatchColour
                                                                                     : kGapColour;
  };
  for (int j = 0; data != nullptr && j < height_; ++j)
    for (int i = 0; i < width_; ++i) {
      double sum[4] = {0.0, 0.0, 0.0, 0.0};
      for (int s = 0; s < kSamples * kSamples; ++s) {
        const int si = i * kSamples + s % kSamples, sj = j * kSamples + s / kSamples;
        const std::int32_t found =
            triangle_[static_cast<std::size_t>(sj) * static_cast<std::size_t>(width_ * kSamples) +
                      static_cast<std::size_t>(si)];
        if (found < 0) continue;
        const auto triangle = static_cast<std::size_t>(found);
        const auto& corners = mesh_.triangles[triangle];
        const auto share = shares(triangle, si + 0.5, sj + 0.5);
        const Rgb c = colour(corners, share, si, sj);
        const double bright = light(corners, share);
        sum[0] += 1.0;
        sum[1] += bright * c.red;
        sum[2] += bright * c.green;
        sum[3] += bright * c.blue;
      }
      const auto byte = [](double c) {
        return static_cast<std::uint32_t>(
            std::lround(255.0 * std::clamp(c / (kSamples * kSamples), 0.0, 1.0)));
      };
      auto* pixel = static_cast<std::uint32_t*>(static_cast<void*>(
          data + static_cast<std::ptrdiff_t>(j) * row + static_cast<std::ptrdiff_t>(i) * 4));
      *pixel = byte(sum[0]) << 24U | byte(sum[1]) << 16U | byte(sum[2]) << 8U | byte(sum[3]);
    }
  canvas.paint_pixels(image, x, y);
}

}  // namespace manifill::plot
