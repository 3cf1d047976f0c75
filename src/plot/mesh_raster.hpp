#pragma once
/// \file
/// \brief Triangle meshes as shaded pixels with hidden surfaces. Not for users of the library.

#include <array>
#include <cstdint>
#include <vector>

#include "canvas.hpp"
#include "manifill/domain/triangle_mesh.hpp"
#include "manifill/plot/palette.hpp"

namespace manifill::plot {

/// \brief An orthographic look at a mesh: its vertices as right, up and towards the viewer.
class MeshCamera {
 public:
  /// \param mesh must outlive the camera \param towards direction to the viewer \param up in the picture
  /// \throws Error(usage) when the directions span no picture
  MeshCamera(const domain::TriangleMesh& mesh, const std::array<double, 3>& towards,
             const std::array<double, 3>& up);

  /// \brief Height over width of a picture of the whole mesh with its margins.
  [[nodiscard]] double aspect() const;
  [[nodiscard]] const domain::TriangleMesh& mesh() const { return mesh_; }
  /// \brief Vertices in a picture of this size, pixels, y down, z towards the viewer; unit normals in the
  /// same axes, zero where a vertex has none.
  struct Placed {
    std::vector<std::array<double, 3>> vertices{};
    std::vector<std::array<double, 3>> normals{};
  };
  [[nodiscard]] Placed placed(double width, double height) const;

 private:
  const domain::TriangleMesh& mesh_;
  std::vector<std::array<double, 3>> seen_{};
  std::array<double, 3> low_{}, high_{};
};

/// \brief Values on vertices and their colours.
struct MeshPaint {
  const std::vector<double>& values;        ///< [vertex], NaN where missing
  const std::vector<std::uint8_t>& masked;  ///< [vertex] or empty
  const Palette& palette;
  double lowest, highest;  ///< values of the palette's ends
  double hatch = 0.0;      ///< distance of the lines over gaps, pixels; 0: none
};

/// \brief Which triangle is nearest to the viewer at each sample of a picture; made once, it serves every
/// panel of a figure.
class MeshRaster {
 public:
  static constexpr int kSamples = 3;  ///< a pixel's side: edges are smooth

  MeshRaster(const MeshCamera& camera, int width, int height);

  /// \brief Paints with the upper left corner at (x, y). Values are interpolated where a triangle has three,
  /// else each place takes what its nearest corner has. A matt surface in light from the viewer's upper left;
  /// either side is lit.
  void paint(const Canvas& canvas, const MeshPaint& paint, int x, int y) const;

 private:
  void draw(std::size_t triangle, std::vector<double>& nearest);
  [[nodiscard]] std::array<double, 3> shares(std::size_t triangle, double x, double y) const;
  [[nodiscard]] double light(const std::array<std::uint32_t, 3>& corners,
                             const std::array<double, 3>& share) const;

  const domain::TriangleMesh& mesh_;
  int width_, height_;
  MeshCamera::Placed placed_{};           // in samples
  std::vector<std::int32_t> triangle_{};  // [height * kSamples][width * kSamples], -1 where there is none
};

}  // namespace manifill::plot
