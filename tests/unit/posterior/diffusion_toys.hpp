#pragma once
// Problems with exact posteriors for samplers of the diffusion. Free of LibTorch, as most of their tests are.

#include <Eigen/Core>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "manifill/posterior/sampler.hpp"
#include "unit/posterior/toys.hpp"
#include "unit/prior/toys.hpp"

namespace toys {

/// Mixture of Gaussians in a few dimensions.
struct Mixture {
  std::vector<double> weight{};
  std::vector<Eigen::VectorXd> mean{};
  std::vector<Eigen::MatrixXd> covariance{};

  /// Of y = A u + n, n ~ N(0, 1): again a mixture. \param a [observation][point]
  [[nodiscard]] Mixture posterior(const Eigen::MatrixXd& a, const Eigen::VectorXd& y) const;
  [[nodiscard]] Eigen::VectorXd centre() const;
  [[nodiscard]] Eigen::VectorXd variance() const;
};

/// How draws of a posterior compare with its closed form over all points, weighted by area.
struct Comparison {
  double mean_error = 0.0;  // root mean square, in posterior sd; what few members make of it taken off
  double spread = 0.0;      // root mean square, over the posterior's
};

Comparison compare(const Eigen::MatrixXd& members, const Eigen::VectorXd& mean,
                   const Eigen::VectorXd& variance, const Eigen::VectorXd& area);

/// A Gaussian field on 6 x 12 points, every second one observed with noise of 0.1, and its posterior.
struct Half {
  manifill::posterior::Model model;
  manifill::posterior::Window window{};
  Eigen::VectorXd mean{};
  Eigen::VectorXd variance{};
  Eigen::VectorXd area{};
  manifill::measurement::ObservedCells seen{};

  explicit Half(double hidden = 0.5, std::uint64_t seed = 3);

  /// Of many members, over all points or over those that are hidden.
  [[nodiscard]] Comparison of(const Eigen::MatrixXd& members, bool only_hidden) const;

 private:
  Half(const std::pair<manifill::prior::Backbone, Eigen::MatrixXd>& process, double hidden,
       std::uint64_t seed);
};

/// What a sampler makes of several of these problems: root mean squares of mean errors and spreads.
struct Tally {
  Comparison hidden{};  // over the hidden points
  Comparison all{};
};

Tally tally(const std::string& name, const std::vector<std::string>& settings, std::uint64_t fields,
            std::uint32_t members, const std::function<void(manifill::posterior::Model&)>& prepare = {});

/// Draws of a method for u observed through A~ = diag(1 / sigma) a: [point][member].
Eigen::MatrixXd draws(const std::string& name, const std::vector<std::string>& settings,
                      const Mixture& mixture, const Eigen::MatrixXd& a, const Eigen::VectorXd& sigma,
                      const Eigen::VectorXd& y, std::int64_t members);

/// A Gaussian field of five points seen through three means that overlap.
struct Overlap {
  Mixture prior{};
  Eigen::MatrixXd a{};
  Eigen::VectorXd sigma{};
  Eigen::VectorXd y{};

  Overlap();
  /// The prior's mean is not zero, but the start is: alpha 0.007 of it is left out.
  [[nodiscard]] Eigen::MatrixXd draws(const std::string& name, const std::vector<std::string>& settings,
                                      std::int64_t members) const;
  [[nodiscard]] Comparison of(const Eigen::MatrixXd& members) const;
};

/// Two hills in the plane. Of the first coordinate observed with noise of 0.4 as 0.1, the posterior has a
/// third of its weight in one and the rest in the other.
Mixture two_hills();

/// What a method makes of it, against the posterior in closed form.
struct Hills {
  double second = 0.0;  // share of members nearer to the second hill, by the second coordinate
  double exact = 0.0;   // of the posterior
  Comparison own{};
};

/// \param x [coordinate][member]
Hills hills_of(const Eigen::MatrixXd& x, const Mixture& posterior);

Hills hills(const std::string& name, const std::vector<std::string>& settings, std::int64_t members = 10000);

}  // namespace toys
