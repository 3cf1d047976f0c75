#include "manifill/plot/mesh_view.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "canvas.hpp"
#include "manifill/base/error.hpp"

namespace manifill::plot {
namespace {

using Vector = std::array<double, 3>;

constexpr int kSamples = 3;  // a pixel's side: edges are smooth
constexpr double kMargin = 0.04;

double dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

Vector unit(const Vector& a) {
  const double length = std::sqrt(dot(a, a));
  if (!(length > 1e-12))
    throw Error(ErrorKind::usage, "the directions of a view span no picture",
                {.remedy = "Give 'up' another direction than 'towards'"});
  return {a[0] / length, a[1] / length, a[2] / length};
}

/// Which triangle lies at each sample, where in it, and how bright it is there.
struct Sample {
  std::int32_t triangle = -1;
  std::array<float, 3> share{};
  float light = 0.0F;
};

class Raster {
 public:
  Raster(const MeshFigure& figure) {
    const Vector depth = unit(figure.towards);
    const Vector right = unit(cross(figure.up, depth));
    const Vector up = cross(depth, right);
    const auto& mesh = figure.domain.mesh();
    std::vector<Vector> seen;  // right, up, towards the viewer
    for (const auto& v : mesh.vertices) seen.push_back({dot(v, right), dot(v, up), dot(v, depth)});
    Vector low = seen[0];
    Vector high = seen[0];
    for (const auto& v : seen)
      for (std::size_t c = 0; c < 3; ++c) {
        low[c] = std::min(low[c], v[c]);
        high[c] = std::max(high[c], v[c]);
      }
    width_ = figure.view_width;
    const double extent = std::max(high[0] - low[0], 1e-300);
    scale_ = static_cast<double>(width_ * kSamples) * (1.0 - 2.0 * kMargin) / extent;
    height_ = static_cast<int>(std::ceil((high[1] - low[1]) * scale_ / kSamples + 2.0 * kMargin * width_));
    samples_.resize(static_cast<std::size_t>(width_ * kSamples) *
                    static_cast<std::size_t>(height_ * kSamples));
    nearest_.assign(samples_.size(), -std::numeric_limits<double>::infinity());
    for (auto& v : seen) {
      v[0] = (v[0] - low[0]) * scale_ + kMargin * width_ * kSamples;
      v[1] = (high[1] - v[1]) * scale_ + kMargin * width_ * kSamples;
      v[2] *= scale_;
    }
    const auto normals = vertex_normals(mesh, seen);
    for (std::size_t t = 0; t < mesh.triangles.size(); ++t) draw(mesh.triangles[t], t, seen, normals);
    nearest_.clear();
  }
  [[nodiscard]] int width() const { return width_; }
  [[nodiscard]] int height() const { return height_; }

  void paint(const Canvas& canvas, const MeshFigure& figure, const MeshView& view, int x, int y) const {
    const Palette palette(figure.palette);
    const auto& triangles = figure.domain.mesh().triangles;
    cairo_surface_t* image = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, width_, height_);
    unsigned char* data = cairo_image_surface_get_data(image);
    const int row = cairo_image_surface_get_stride(image);
    for (int j = 0; data != nullptr && j < height_; ++j)
      for (int i = 0; i < width_; ++i) {
        double sum[4] = {0.0, 0.0, 0.0, 0.0};
        for (int s = 0; s < kSamples * kSamples; ++s) {
          const Sample& sample = samples_[static_cast<std::size_t>(j * kSamples + s / kSamples) *
                                              static_cast<std::size_t>(width_ * kSamples) +
                                          static_cast<std::size_t>(i * kSamples + s % kSamples)];
          if (sample.triangle < 0) continue;
          double value = 0.0;
          for (std::size_t c = 0; c < 3; ++c)
            value += static_cast<double>(sample.share[c]) *
                     view.values[triangles[static_cast<std::size_t>(sample.triangle)][c]];
          const Rgb colour = std::isfinite(value)
                                 ? palette.at((value - figure.lowest) / (figure.highest - figure.lowest))
                                 : kGapColour;
          sum[0] += 1.0;
          sum[1] += sample.light * colour.red;
          sum[2] += sample.light * colour.green;
          sum[3] += sample.light * colour.blue;
        }
        const auto byte = [](double c) {
          return static_cast<std::uint32_t>(
              std::lround(255.0 * std::clamp(c / (kSamples * kSamples), 0.0, 1.0)));
        };
        auto* pixel = static_cast<std::uint32_t*>(static_cast<void*>(
            data + static_cast<std::ptrdiff_t>(j) * row + static_cast<std::ptrdiff_t>(i) * 4));
        *pixel = byte(sum[0]) << 24U | byte(sum[1]) << 16U | byte(sum[2]) << 8U | byte(sum[3]);
      }
    cairo_surface_mark_dirty(image);
    cairo_set_source_surface(canvas.cairo(), image, x, y);
    cairo_paint(canvas.cairo());
    cairo_surface_destroy(image);
  }

 private:
  static std::vector<Vector> vertex_normals(const domain::TriangleMesh& mesh,
                                            const std::vector<Vector>& seen) {
    std::vector<Vector> normals(seen.size());
    for (const auto& t : mesh.triangles) {
      Vector a{};
      Vector b{};
      for (std::size_t c = 0; c < 3; ++c) {
        a[c] = seen[t[1]][c] - seen[t[0]][c];
        b[c] = seen[t[2]][c] - seen[t[0]][c];
      }
      const Vector n = cross(a, b);
      for (const auto v : t)
        for (std::size_t c = 0; c < 3; ++c) normals[v][c] += n[c];
    }
    for (auto& n : normals) {
      const double length = std::sqrt(dot(n, n));
      for (auto& c : n) c = length > 0.0 ? c / length : 0.0;
    }
    return normals;
  }

  void draw(const std::array<std::uint32_t, 3>& corners, std::size_t index, const std::vector<Vector>& seen,
            const std::vector<Vector>& normals) {
    const Vector& a = seen[corners[0]];
    const Vector& b = seen[corners[1]];
    const Vector& c = seen[corners[2]];
    const double area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
    if (area == 0.0) return;  // seen from its edge
    const auto first = [](double p) { return std::max(0, static_cast<int>(std::floor(p - 0.5))); };
    const int right =
        std::min(width_ * kSamples - 1, static_cast<int>(std::ceil(std::max({a[0], b[0], c[0]}))));
    const int bottom =
        std::min(height_ * kSamples - 1, static_cast<int>(std::ceil(std::max({a[1], b[1], c[1]}))));
    for (int j = first(std::min({a[1], b[1], c[1]})); j <= bottom; ++j)
      for (int i = first(std::min({a[0], b[0], c[0]})); i <= right; ++i) {
        const double x = i + 0.5;
        const double y = j + 0.5;
        const double v = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / area;
        const double w = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / area;
        const double u = 1.0 - v - w;
        if (u < 0.0 || v < 0.0 || w < 0.0) continue;
        const std::size_t at = static_cast<std::size_t>(j) * static_cast<std::size_t>(width_ * kSamples) +
                               static_cast<std::size_t>(i);
        const double depth = u * a[2] + v * b[2] + w * c[2];
        if (depth <= nearest_[at]) continue;
        nearest_[at] = depth;
        samples_[at] = {static_cast<std::int32_t>(index),
                        {static_cast<float>(u), static_cast<float>(v), static_cast<float>(w)},
                        light(u, v, w, corners, normals)};
      }
  }

  /// Brightness of a matt surface: light from the viewer's upper left, some from everywhere. Either side is
  /// lit, so that the sense of triangles does not matter.
  static float light(double u, double v, double w, const std::array<std::uint32_t, 3>& corners,
                     const std::vector<Vector>& normals) {
    static const Vector from = unit({-0.4, -0.6, 1.0});
    Vector n{};
    for (std::size_t c = 0; c < 3; ++c)
      n[c] = u * normals[corners[0]][c] + v * normals[corners[1]][c] + w * normals[corners[2]][c];
    const double length = std::sqrt(dot(n, n));
    if (length == 0.0) return 1.0F;
    const double facing = n[2] < 0.0 ? -1.0 : 1.0;
    return static_cast<float>(0.45 + 0.55 * std::max(0.0, facing * dot(n, from) / length));
  }

  int width_ = 0;
  int height_ = 0;
  double scale_ = 1.0;
  std::vector<Sample> samples_{};  // [height * kSamples][width * kSamples]
  std::vector<double> nearest_{};
};

}  // namespace

void mesh_figure(const std::string& path, const MeshFigure& figure) {
  for (const auto& view : figure.views)
    if (view.values.size() != figure.domain.size())
      throw Error(ErrorKind::internal, "a view does not match its mesh");
  if (figure.views.empty() || figure.columns == 0 || figure.view_width < 1)
    throw Error(ErrorKind::internal, "a figure of a mesh without views");
  const Raster raster(figure);
  const int title = std::max(12, figure.view_width / 9);
  const int step = raster.height() + title + 4;
  const auto rows = static_cast<int>((figure.views.size() + figure.columns - 1) / figure.columns);
  Canvas canvas(path, static_cast<int>(figure.columns) * raster.width(), rows * step);
  for (std::size_t k = 0; k < figure.views.size(); ++k) {
    const int x = static_cast<int>(k % figure.columns) * raster.width();
    const int y = static_cast<int>(k / figure.columns) * step;
    const MeshView& view = figure.views[k];
    canvas.colour(kInk);
    const double size = canvas.fitting_size(view.title, 0.75 * title, 0.96 * raster.width());
    canvas.text(x + 0.5 * raster.width(), y + 0.85 * title, view.title, size, Align::centre);
    raster.paint(canvas, figure, view, x, y + title);
  }
  canvas.finish();
}

}  // namespace manifill::plot
