#pragma once
/// \file
/// \brief Tapers that localise a sample covariance: correlations that fall with distance, by a registered
/// name.

#include <memory>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "manifill/domain/domain.hpp"
#include "manifill/prior/backbone.hpp"

namespace manifill::prior {

/// \brief A taper by its leading modes: T is nearly root root^T.
struct TaperRoot {
  /// [node][mode], orthonormal. Modes come in any sign, and those of equal variance in any rotation, as
  /// libraries and threads will have it: a draw is root * (modes^T * white), which knows neither. Nodes are
  /// the points, and where the domain's Laplacian has some beyond its edge, those too.
  Eigen::MatrixXf modes{};
  Eigen::MatrixXf root{};  ///< [point][mode], rows of length one: every point keeps its variance
};

/// \brief A positive definite correlation T of the points of a domain, 1 on the diagonal. Immutable.
class Taper {
 public:
  virtual ~Taper() = default;
  /// \brief T_ij for i from `first` to the last: [point - first].
  [[nodiscard]] virtual Eigen::VectorXf column(std::size_t j, std::size_t first) const = 0;
  [[nodiscard]] virtual TaperRoot root() const = 0;
};

/// \brief The taper that the options name:
///
/// `chordal`, the mixture of `localisation` in the straight distance of two points, which is positive
/// definite on anything that lies in space (Gaspari and Cohn 1999);
///
/// `heat`, the heat kernel of the domain's own Laplacian (operators/domain_laplacian.hpp) after the time
/// in which it becomes, in the plane, the Gaussian that the chordal taper of the same support resembles, each
/// point's variance brought to one: sum_k exp(-time lambda_k) phi_k phi_k^T is positive definite on any
/// manifold and counts distance along it, so that parts near in space but far along the surface stay apart.
/// \throws Error(usage) for another name, for a heat taper without a support or with a second one;
/// Error(input) as domain_laplacian
std::unique_ptr<const Taper> make_taper(const BackboneOptions& options, const domain::Domain& domain);

/// \brief Registered names.
std::vector<std::string> taper_names();

}  // namespace manifill::prior
