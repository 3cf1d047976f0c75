#pragma once
/// \file
/// \brief `matern`: fills a single field without any model, from a Matern field whose parameters the field's
/// own observed points give.
///
/// y_i = f_i^T b + u(point i) + e_i with unknown coefficients b of a drift f (a level, or a level that
/// follows latitude), a Matern field u (prior/matern_field.hpp) and white noise e of the nugget's variance.
/// Exact: likelihood, means and draws by sparse factorisations, O(n^1.5) operations for n nodes in two
/// dimensions.

#include <cstdint>
#include <memory>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include "manifill/prior/matern_field.hpp"

namespace manifill::posterior {

/// \brief What of a draw depends on: see RandomKey.
struct MaternDraw {
  std::uint64_t seed = 1;
  std::int64_t time = 0;
  std::uint32_t first_member = 0;
  std::uint32_t members = 32;
};

/// \brief Posterior of fields observed at the same points.
class MaternPosterior {
 public:
  /// \param observed [point] \param drift f: [point][coefficient], the first of them 1 \throws Error(input)
  /// when fewer points are observed than the drift has coefficients, and two more; Error(internal) on a size
  /// mismatch; Error(numerical) as SparseFactor, and where the observed points do not tell the coefficients
  /// apart; Error(usage) for a nugget that is not positive
  MaternPosterior(std::shared_ptr<const prior::MaternField> field, const std::vector<bool>& observed,
                  Eigen::MatrixXd drift);

  [[nodiscard]] Eigen::Index observations() const { return static_cast<Eigen::Index>(index_.size()); }
  /// \brief n - k.
  [[nodiscard]] double freedom() const { return static_cast<double>(observations() - drift_.cols()); }
  /// \brief What the restricted likelihood of a field is made of (Patterson and Thompson 1971): it is
  /// -1/2 ((n - k) log 2 pi + log_determinant + chi_square), k coefficients of the drift.
  struct Likelihood {
    double log_determinant =
        0.0;                  ///< of the covariance of the observations, and of the coefficients' precision
    double chi_square = 0.0;  ///< of the departures from the best drift
  };
  /// \param values [point], read where observed, any units \throws Error(input) naming the point of an
  /// observed value that is not finite
  [[nodiscard]] Likelihood likelihood(const Eigen::VectorXd& values) const;
  /// \brief The same for a drift of the first column, the first two and so on, at the cost of one:
  /// [coefficients - 1].
  [[nodiscard]] std::vector<Likelihood> nested_likelihoods(const Eigen::VectorXd& values) const;
  /// \brief Posterior mean of f^T b + u: [point].
  [[nodiscard]] Eigen::VectorXd mean(const Eigen::VectorXd& values) const;
  /// \brief Draws of f^T b + u, without the nugget, by Matheron's rule: [point][member].
  [[nodiscard]] Eigen::MatrixXd draw(const Eigen::VectorXd& values, const MaternDraw& request) const;

 private:
  [[nodiscard]] Eigen::MatrixXd scatter(const Eigen::MatrixXd& y) const;
  [[nodiscard]] Eigen::MatrixXd predict(const Eigen::MatrixXd& y, const Eigen::MatrixXd& u) const;
  [[nodiscard]] Eigen::VectorXd gather(const Eigen::VectorXd& values) const;

  std::shared_ptr<const prior::MaternField> field_;
  std::vector<std::size_t> index_{};                   // [observation], point
  std::unique_ptr<operators::SparseFactor> factor_{};  // of Q + A^T A / nugget
  Eigen::MatrixXd drift_{};                            // [point][coefficient]
  Eigen::MatrixXd seen_drift_{};                       // [observation][coefficient]
  Eigen::MatrixXd solved_drift_{};                     // [node][coefficient], the factor's solution for A^T f
  Eigen::LLT<Eigen::MatrixXd> precision_{};            // F^T Sigma^-1 F
  double log_determinant_ = 0.0;                       // of Sigma
};

/// \brief Legendre polynomials of the sine of the latitude, from degree 0: [point][degree]. A level alone for
/// degree 0, on any domain. \throws Error(usage) for a higher degree off the sphere
Eigen::MatrixXd latitude_drift(const domain::Domain& domain, int degree);

/// \brief Degrees of a level to choose among, increasing: 0, 2 and 4 where latitudes span 90 degrees or more,
/// else 0: climates follow latitude on the globe, the same way on both sides of the equator first, while
/// within a region a slope would only be taken from the field.
std::vector<int> latitude_degrees(const domain::Domain& domain);

/// \brief A fitted field and how likely it makes the data.
struct MaternFit {
  prior::MaternParameters parameters{};
  double log_likelihood = 0.0;  ///< restricted; of the fields used
  int evaluations = 0;          ///< of the likelihood
  int coefficients = 1;         ///< of the drift, for each field
};

/// \brief Restricted maximum likelihood of range, variance and nugget over independent fields, the variance
/// in closed form. \param values [point][field], NaN where missing; at most a few fields: each different mask
/// costs a factorisation an evaluation \param drift as MaternPosterior has it, each field with its own
/// coefficients \param relative_nugget least nugget, as a share of the variance \throws Error(input) when a
/// field has fewer than ten values, or none varies; Error(stopped) where a stop is asked for
MaternFit fit_matern(const std::shared_ptr<const operators::DomainLaplacian>& nodes,
                     const Eigen::MatrixXd& values, const Eigen::MatrixXd& drift,
                     double relative_nugget = 1e-6);

/// \brief Blocks (discs where points come in no rows) over a quarter of a domain, always the same, to choose
/// by: [fold][point], true where withheld.
std::vector<std::vector<bool>> withheld_blocks(const domain::Domain& domain);

/// \brief As fit_matern, with the degree of the level that predicts withheld points best.
///
/// Restricted likelihoods under different drifts are of different data and cannot be compared, and a full
/// likelihood is one of near points first: it says little of which level carries a fill across a gap. So the
/// parameters are fitted under each degree, the `withheld` points of the same fields filled from the others,
/// and the least degree taken whose CRPS is within one standard error of the best (cross-validation by
/// blocks, Roberts et al. 2017, doi:10.1111/ecog.02881; the rule of Breiman et al. 1984, section 3.4.3).
/// Nothing that is missing in `values` is looked at. \param degrees to choose among, increasing: a degree has
/// one column more; the last has all
MaternFit fit_matern_and_degree(const std::shared_ptr<const operators::DomainLaplacian>& nodes,
                                const Eigen::MatrixXd& values, const Eigen::MatrixXd& drift,
                                const std::vector<int>& degrees,
                                const std::vector<std::vector<bool>>& withheld,
                                double relative_nugget = 1e-6);

/// \brief The degree that is chosen so where the parameters are known.
int best_degree(const std::shared_ptr<const operators::DomainLaplacian>& nodes, const Eigen::MatrixXd& values,
                const Eigen::MatrixXd& drift, const std::vector<int>& degrees,
                const std::vector<std::vector<bool>>& withheld, const prior::MaternParameters& parameters);

}  // namespace manifill::posterior
