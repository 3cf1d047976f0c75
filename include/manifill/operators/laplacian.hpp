#pragma once
/// \file
/// \brief Laplacians of surfaces and of points: cotangent weights, heat-kernel weights.
///
/// All are minus the Laplace-Beltrami operator, so that eigenvalues are not negative: -Delta f is
/// approximated by M^-1 S f, with a stiffness S and a mass M. f^T S f is the Dirichlet energy of f, f^T M f
/// its squared norm.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <Eigen/Core>
#include <Eigen/SparseCore>

#include "manifill/domain/triangle_mesh.hpp"
#include "manifill/operators/intrinsic_delaunay.hpp"

namespace manifill::operators {

/// \brief A Laplacian M^-1 S on nodes, which are the vertices or points, or those of them that are free.
struct Laplacian {
  Eigen::SparseMatrix<double> stiffness{};        ///< S [node][node], symmetric, positive semi-definite
  Eigen::VectorXd mass{};                         ///< M's diagonal, or its row sums: [node], positive
  Eigen::SparseMatrix<double> consistent_mass{};  ///< M [node][node] where it is not diagonal; else empty
  std::vector<std::uint32_t> nodes{};             ///< [node], ascending: the vertex or point it is

  [[nodiscard]] Eigen::Index size() const { return mass.size(); }
  [[nodiscard]] bool lumped() const { return consistent_mass.size() == 0; }
  /// \brief M x. \param x [node][column]
  [[nodiscard]] Eigen::MatrixXd times_mass(const Eigen::MatrixXd& x) const;
  /// \brief Hash of all members' content, equal for equal operators.
  [[nodiscard]] std::uint64_t hash() const;
};

/// \brief What holds at the boundary of a surface.
enum class Boundary {
  neumann,    ///< no flux: the natural condition of the energy
  dirichlet,  ///< zero: boundary vertices are no nodes
};

enum class MassKind {
  lumped,      ///< a third of the area of each triangle at the vertex; diagonal
  consistent,  ///< of linear elements, area (1 + delta_ij) / 12
};

struct CotangentOptions {
  bool intrinsic_delaunay = true;  ///< flip edges first, so that weights of inner edges are not negative
  MassKind mass = MassKind::lumped;
  Boundary boundary = Boundary::neumann;
};

/// \brief Linear elements on a surface: S_ij = -(cot a + cot b) / 2, a and b opposite to edge ij (Pinkall and
/// Polthier 1993, "Computing discrete minimal surfaces and their conjugates", section 2; Duffin 1959). Units:
/// S none, M squared length, eigenvalues inverse squared length. Second order in the length of edges.
///
/// With lumped mass and intrinsic Delaunay edges the heat equation keeps its maximum principle, but at
/// boundary edges, whose single angle may be obtuse.
/// \throws Error(input) as domain::check and intrinsic_delaunay, and where Dirichlet leaves no node
Laplacian cotangent_laplacian(const domain::TriangleMesh& mesh, const CotangentOptions& options = {});
/// \brief The same of a surface given by lengths. \throws Error(input)
Laplacian cotangent_laplacian(const IntrinsicMesh& mesh, const CotangentOptions& options = {});

/// \brief Width of the heat kernel of points.
enum class Bandwidth {
  local,   ///< of each point's own: its distance to the last of its neighbours
  common,  ///< the largest of those: for points much denser one way than the other, as a lat-lon grid's at a
           ///< pole
};

enum class GraphNormalisation {
  area,         ///< S = D - W, M = areas: the Laplace-Beltrami operator
  random_walk,  ///< S = D - W, M = D: I - D^-1 W, eigenvalues in [0, 2]
  symmetric,    ///< S = I - D^-1/2 W D^-1/2, M = I: the same eigenvalues; rows do not sum to zero
};

struct PointOptions {
  std::size_t neighbours = 24;  ///< that a point reaches out to, at least 3
  Bandwidth bandwidth = Bandwidth::local;
  GraphNormalisation normalisation = GraphNormalisation::area;
  int dimension = 2;  ///< of the manifold that the points are on: 1, 2 or 3
};

/// \brief Heat-kernel weights between near points (Belkin and Niyogi 2008, "Towards a theoretical foundation
/// for Laplacian-based manifold methods", eq. 1 on; areas take the place of a uniform density).
///
/// With R_i the distance to the last neighbour of i and 4 t_i = R_i^2 / 4, the kernel is
///     g_i(r) = c_i exp(-r^2 / (4 t_i)) for r <= R_i, else 0,
///     W_ij = A_i A_j (g_i(r_ij) + g_j(r_ij)) / 2.
/// Belkin and Niyogi's c = 1 / ((4 pi t)^(d/2) t) makes sum_j A_j g_i r_ij^2 tend to 2 d; here c_i is such
/// that the sum is 2 d on the points at hand, so that neither the cut at R_i nor uneven spacing scales the
/// operator. Then f^T S f = sum_i A_i sum_j A_j g_i (f_i - f_j)^2 / 2 tends to the integral of |grad f|^2
/// as the points come closer and, slowly, their neighbours grow in number. With a fixed number some error
/// stays: a large one where points are at random and their areas not known (docs/laplacian.md).
/// \param points [point][3], any one unit; distances are straight
/// \param areas [point], positive; a common factor does not change M^-1 S: Domain::weights will do
/// \throws Error(input) naming the point for coordinates or areas that are not finite, areas not positive,
/// and two points in one place; Error(usage) for fewer points than neighbours + 1, or options out of range
Laplacian point_laplacian(std::span<const std::array<double, 3>> points, std::span<const double> areas,
                          const PointOptions& options = {});

/// \brief Upper bound of the eigenvalues of M^-1 S: Gershgorin's, at most twice the largest where weights are
/// not negative. \throws Error(usage) for a consistent mass
double largest_eigenvalue_bound(const Laplacian& laplacian);

/// \brief Parts of the graph of the stiffness: [node], numbered from zero by their first nodes.
std::vector<std::uint32_t> connected_parts(const Eigen::SparseMatrix<double>& stiffness);

}  // namespace manifill::operators
