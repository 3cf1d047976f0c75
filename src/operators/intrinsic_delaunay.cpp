#include "manifill/operators/intrinsic_delaunay.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "manifill/base/error.hpp"

namespace manifill::operators {
namespace {

constexpr double kTolerance = 1e-10;      // of cotangent sums: rounding must not flip an edge to and fro
constexpr double kLengthMismatch = 1e-9;  // relative, of two sides glued together
constexpr std::size_t kMostFlipsPerTriangle = 10000;

std::uint32_t next(std::uint32_t side) { return side == 2 ? 0 : side + 1; }
std::uint32_t previous(std::uint32_t side) { return side == 0 ? 2 : side - 1; }

std::string triangle_at(std::size_t t) { return "[triangle " + std::to_string(t) + "]"; }

double area_of(const IntrinsicMesh& mesh, std::size_t t) {
  const auto& l = mesh.lengths[t];
  const double area = domain::triangle_area(l[0], l[1], l[2]);
  if (!(area > 0.0) || !std::isfinite(area))
    throw Error(
        ErrorKind::input, "the lengths of a triangle's sides make no triangle",
        {.index = triangle_at(t), .remedy = "Leave out triangles without area, or correct the lengths"});
  return area;
}

/// Cotangent of the angle opposite to a side.
double cotangent(const std::array<double, 3>& l, std::uint32_t side, double area) {
  const double across = l[side];
  const double p = l[next(side)];
  const double q = l[previous(side)];
  // p^2 + q^2 - across^2 without squares of nearly equal lengths taken from each other.
  return (q * q + (p - across) * (p + across)) / (4.0 * area);
}

/// Triangles, their gluing and the flips that make them Delaunay.
class Flipper {
 public:
  explicit Flipper(IntrinsicMesh mesh) : mesh_(std::move(mesh)), across_(glue_sides(mesh_)) {
    orient();
    area_.reserve(mesh_.triangles.size());
    for (std::size_t t = 0; t < mesh_.triangles.size(); ++t) area_.push_back(area_of(mesh_, t));
  }

  IntrinsicMesh run() {
    std::vector<Side> open;
    for (std::uint32_t t = 0; t < across_.size(); ++t)
      for (std::uint32_t s = 0; s < 3; ++s) open.push_back({t, s});
    std::size_t left = kMostFlipsPerTriangle * across_.size();
    while (!open.empty()) {
      const Side side = open.back();
      open.pop_back();
      const Side other = at(side);
      // An edge with one triangle on both sides of it has a single edge's end inside: it is Delaunay.
      if (other.triangle == Side::kNone || other.triangle == side.triangle) continue;
      if (angle(side) + angle(other) >= -kTolerance) continue;
      if (left-- == 0)
        throw Error(ErrorKind::numerical, "the flips to an intrinsic Delaunay triangulation do not end",
                    {.remedy = "Repair the mesh's thinnest triangles, or use its own edges"});
      flip(side, other);
      for (const std::uint32_t s : {0U, 2U}) {
        open.push_back({side.triangle, s});
        open.push_back({other.triangle, s});
      }
    }
    return std::move(mesh_);
  }

 private:
  [[nodiscard]] Side at(const Side& s) const { return across_[s.triangle][s.side]; }
  [[nodiscard]] double angle(const Side& s) const {
    return cotangent(mesh_.lengths[s.triangle], s.side, area_[s.triangle]);
  }

  /// Reverses triangles until neighbours run along their common side in opposite directions.
  void orient() {
    std::vector<char> done(across_.size(), 0);
    std::vector<std::uint32_t> stack;
    for (std::uint32_t seed = 0; seed < done.size(); ++seed) {
      if (done[seed] != 0) continue;
      done[seed] = 1;
      stack.push_back(seed);
      while (!stack.empty()) {
        const std::uint32_t t = stack.back();
        stack.pop_back();
        for (std::uint32_t s = 0; s < 3; ++s) {
          const Side other = across_[t][s];
          if (other.triangle == Side::kNone) continue;
          const bool opposed = mesh_.triangles[t][s] == mesh_.triangles[other.triangle][next(other.side)];
          if (!opposed && done[other.triangle] != 0)
            throw Error(ErrorKind::input, "the surface has one side only, as a Moebius strip",
                        {.index = triangle_at(other.triangle),
                         .remedy = "Set intrinsic_delaunay to false for it, or cut the surface open"});
          if (!opposed) reverse(other.triangle);
          if (done[other.triangle] == 0) stack.push_back(other.triangle);
          done[other.triangle] = 1;
        }
      }
    }
  }

  /// (a, b, c) becomes (a, c, b): side 0 becomes side 2 and the other way round.
  void reverse(std::uint32_t t) {
    std::swap(mesh_.triangles[t][1], mesh_.triangles[t][2]);
    std::swap(mesh_.lengths[t][0], mesh_.lengths[t][2]);
    std::swap(across_[t][0], across_[t][2]);
    for (std::uint32_t s = 0; s < 3; ++s)
      if (across_[t][s].triangle != Side::kNone) across_[across_[t][s].triangle][across_[t][s].side] = {t, s};
  }

  /// Edge ab of triangles abc and bad becomes cd: triangles adc and bcd.
  void flip(const Side& upper, const Side& lower) {
    auto& first = mesh_.triangles[upper.triangle];
    auto& second = mesh_.triangles[lower.triangle];
    auto& l0 = mesh_.lengths[upper.triangle];
    auto& l1 = mesh_.lengths[lower.triangle];
    const std::uint32_t s = upper.side;
    const std::uint32_t r = lower.side;
    const std::uint32_t a = first[s];
    const std::uint32_t b = first[next(s)];
    const std::uint32_t c = first[previous(s)];
    const std::uint32_t d = second[previous(r)];
    const double ab = l0[s];
    const double bc = l0[next(s)];
    const double ca = l0[previous(s)];
    const double ad = l1[next(r)];
    const double db = l1[previous(r)];
    // Laid out flat: a in the origin, b on the axis, c above it, d below.
    const double xc = (ca * ca + (ab - bc) * (ab + bc)) / (2.0 * ab);
    const double xd = (ad * ad + (ab - db) * (ab + db)) / (2.0 * ab);
    const double cd = std::hypot(xc - xd, 2.0 * (area_[upper.triangle] + area_[lower.triangle]) / ab);

    // Outer sides: where they were, where they go, and what was across.
    const std::array<Side, 4> before{Side{lower.triangle, next(r)}, Side{upper.triangle, previous(s)},
                                     Side{upper.triangle, next(s)}, Side{lower.triangle, previous(r)}};
    const std::array<Side, 4> after{Side{upper.triangle, 0}, Side{upper.triangle, 2}, Side{lower.triangle, 0},
                                    Side{lower.triangle, 2}};
    std::array<Side, 4> beyond;
    for (std::size_t k = 0; k < 4; ++k) beyond[k] = at(before[k]);
    first = {a, d, c};
    second = {b, c, d};
    l0 = {ad, cd, ca};
    l1 = {bc, cd, db};
    across_[upper.triangle][1] = {lower.triangle, 1};
    across_[lower.triangle][1] = {upper.triangle, 1};
    for (std::size_t k = 0; k < 4; ++k) {
      // Two of the outer sides may be glued to each other.
      const auto moved = std::find(before.begin(), before.end(), beyond[k]);
      const Side target =
          moved == before.end() ? beyond[k] : after[static_cast<std::size_t>(moved - before.begin())];
      across_[after[k].triangle][after[k].side] = target;
      if (target.triangle != Side::kNone) across_[target.triangle][target.side] = after[k];
    }
    area_[upper.triangle] = area_of(mesh_, upper.triangle);
    area_[lower.triangle] = area_of(mesh_, lower.triangle);
  }

  IntrinsicMesh mesh_;
  std::vector<std::array<Side, 3>> across_;
  std::vector<double> area_{};
};

}  // namespace

IntrinsicMesh intrinsic(const domain::TriangleMesh& mesh) {
  domain::check(mesh);
  IntrinsicMesh out{.vertices = mesh.vertices.size(), .triangles = mesh.triangles};
  out.lengths.reserve(mesh.triangles.size());
  for (const auto& t : mesh.triangles)
    out.lengths.push_back({domain::distance(mesh.vertices[t[0]], mesh.vertices[t[1]]),
                           domain::distance(mesh.vertices[t[1]], mesh.vertices[t[2]]),
                           domain::distance(mesh.vertices[t[2]], mesh.vertices[t[0]])});
  return out;
}

std::vector<std::array<Side, 3>> glue_sides(const IntrinsicMesh& mesh) {
  if (mesh.lengths.size() != mesh.triangles.size())
    throw Error(ErrorKind::input,
                std::to_string(mesh.triangles.size()) + " triangles with the lengths of " +
                    std::to_string(mesh.lengths.size()),
                {.remedy = "Give three lengths a triangle"});
  struct Use {
    std::array<std::uint32_t, 2> edge;
    Side side;
  };
  std::vector<Use> uses;
  uses.reserve(3 * mesh.triangles.size());
  for (std::uint32_t t = 0; t < mesh.triangles.size(); ++t)
    for (std::uint32_t s = 0; s < 3; ++s) {
      const std::uint32_t a = mesh.triangles[t][s];
      const std::uint32_t b = mesh.triangles[t][next(s)];
      if (a >= mesh.vertices || a == b)
        throw Error(
            ErrorKind::input,
            "a triangle names vertex " + std::to_string(a) + (a == b ? " twice" : ", which is not there"),
            {.index = triangle_at(t), .remedy = "Leave it out, or correct its indices"});
      uses.push_back({{std::min(a, b), std::max(a, b)}, {t, s}});
    }
  std::stable_sort(uses.begin(), uses.end(), [](const Use& x, const Use& y) { return x.edge < y.edge; });
  std::vector<std::array<Side, 3>> across(mesh.triangles.size());
  for (std::size_t k = 0; k + 1 < uses.size(); ++k) {
    if (uses[k].edge != uses[k + 1].edge) continue;
    const Side a = uses[k].side;
    const Side b = uses[k + 1].side;
    if (k + 2 < uses.size() && uses[k + 2].edge == uses[k].edge)
      throw Error(
          ErrorKind::input, "more than two triangles meet at one edge",
          {.index = triangle_at(uses[k + 2].side.triangle), .remedy = "Take the surface apart there"});
    const double one = mesh.lengths[a.triangle][a.side];
    const double other = mesh.lengths[b.triangle][b.side];
    if (!(std::abs(one - other) <= kLengthMismatch * std::max(one, other)))
      throw Error(ErrorKind::input, "two triangles give one edge different lengths",
                  {.index = triangle_at(b.triangle), .remedy = "Correct the lengths"});
    across[a.triangle][a.side] = b;
    across[b.triangle][b.side] = a;
    ++k;
  }
  return across;
}

IntrinsicMesh intrinsic_delaunay(IntrinsicMesh mesh) { return Flipper(std::move(mesh)).run(); }

std::vector<std::array<double, 3>> cotangents(const IntrinsicMesh& mesh) {
  std::vector<std::array<double, 3>> out;
  out.reserve(mesh.triangles.size());
  for (std::size_t t = 0; t < mesh.triangles.size(); ++t) {
    const double area = area_of(mesh, t);
    const auto& l = mesh.lengths[t];
    out.push_back({cotangent(l, 0, area), cotangent(l, 1, area), cotangent(l, 2, area)});
  }
  return out;
}

}  // namespace manifill::operators
