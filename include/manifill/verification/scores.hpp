#pragma once
/// \file
/// \brief Scores of ensembles against a truth, area-weighted over the scored cells of many fields.

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include <Eigen/Core>
#include <nlohmann/json_fwd.hpp>

#include "manifill/domain/domain.hpp"
#include "manifill/verification/multivariate.hpp"
#include "manifill/verification/texture.hpp"

namespace manifill::verification {

inline constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

/// \brief Contents of the central intervals whose coverage is counted.
inline constexpr std::array<double, 3> kIntervalShares{0.5, 0.8, 0.9};

/// \brief Scores of one field over its scored cells. NaN where a score does not apply, as the spread of one
/// member.
struct FieldScores {
  double weight = 0.0;           ///< sum of the cells' weights
  double square = kUndefined;    ///< mean square error of the ensemble mean, squared units
  double absolute = kUndefined;  ///< mean absolute error of the ensemble mean
  double error = kUndefined;     ///< mean error of the ensemble mean: above zero where it is too high
  double crps = kUndefined;      ///< fair
  double variance = kUndefined;  ///< of the ensemble, times (n + 1) / n: what `square` should be
  std::array<double, 3> covered{kUndefined, kUndefined, kUndefined};  ///< by the intervals of kIntervalShares
  double energy = kUndefined;     ///< fair energy score, norm root weighted mean square
  double diversity = kUndefined;  ///< mean pairwise distance of members, the same norm
  double variogram = kUndefined;  ///< fair variogram score of order 1/2 over neighbours, units of the field
  double variogram_far = kUndefined;   ///< the same over random pairs
  double gradient_truth = kUndefined;  ///< mean absolute difference of neighbours, units per 1000 km
  double gradient_members = kUndefined;
};

/// \brief Power by zonal wavenumber, mean of fields, squared units; see RowSpectrum. Rows with a scored cell
/// that are known as a whole. Observed cells are the same in truth and members, so that the differences are
/// those of the gaps, diluted.
struct SpectrumScores {
  std::vector<double> truth{};    ///< [wavenumber]
  std::vector<double> members{};  ///< [wavenumber], mean over members; should equal `truth`
  std::vector<double> mean{};     ///< [wavenumber], of the ensemble mean, which is smoother by right
  std::vector<double> ratio{};    ///< [wavenumber], members / truth; NaN where the truth has no power
};

/// \brief Scores over all fields added so far. Cells count by weight, energy, variogram, diversity and
/// gradients by field. NaN where a score does not apply.
struct Scores {
  std::size_t fields = 0;
  std::size_t members = 0;   ///< 0: Gaussian marginals
  double rmse = kUndefined;  ///< of the ensemble mean
  double mae = kUndefined;
  double bias = kUndefined;
  double crps = kUndefined;          ///< fair
  double spread = kUndefined;        ///< sqrt((n + 1) / n mean ensemble variance)
  double spread_skill = kUndefined;  ///< spread / rmse
  double coverage50 = kUndefined;    ///< exact for a perfect ensemble of any size, see covered_share
  double coverage80 = kUndefined;
  double coverage90 = kUndefined;
  double energy = kUndefined;
  double diversity = kUndefined;
  double variogram = kUndefined;      ///< neighbours
  double variogram_far = kUndefined;  ///< random pairs
  double gradient_truth = kUndefined;
  double gradient_members = kUndefined;
  double gradient_ratio = kUndefined;    ///< members / truth; below one: too smooth
  std::vector<double> rank_histogram{};  ///< [0..members], weighted shares, sum 1
  double rank_chi_square = kUndefined;   ///< see rank_flatness
  double rank_degrees = kUndefined;
  SpectrumScores spectrum{};
};

/// \brief Keys as the members' names; what does not apply is null.
void to_json(nlohmann::ordered_json& json, const Scores& scores);
void to_json(nlohmann::ordered_json& json, const FieldScores& scores);

/// \brief Area weights of the scored cells, 0 elsewhere: [point]. \param scored [point]
/// \throws Error(internal) on a size mismatch
Eigen::VectorXd scored_weight(const domain::Domain& domain, const std::vector<bool>& scored);

/// \brief What is drawn at random, and how much of it.
struct ScoreOptions {
  std::uint64_t seed =
      1;  ///< of rank ties and far pairs; cards of the same seed and cells use the same pairs
  std::size_t far_pairs = 2000;  ///< random pairs a field for `variogram_far`
  double far_km = 0.0;           ///< their least distance
};

/// \brief Takes fields one by one and keeps a line of scores for each.
///
/// A card holds one kind of forecast: ensembles of one size, deterministic fills (ensembles of one member) or
/// Gaussian marginals. Points of weight 0 are not scored, and there truth and members may be NaN (unknown);
/// the spectrum is taken over rows where both are known.
class ScoreCard {
 public:
  /// \brief Scores that need no geometry; the variogram score of pairs that are given.
  ScoreCard() = default;
  explicit ScoreCard(const ScoreOptions& options) : options_(options) {}
  /// \brief All scores. Spectra only for lat-lon grids.
  explicit ScoreCard(const domain::Domain& domain, const ScoreOptions& options = {});

  /// \brief One field. A deterministic fill is a vector, one member: its CRPS is its MAE, its energy score
  /// its RMSE. \param members [point][member]; \param truth [point]; \param weight [point], >= 0, 0 where not
  /// scored \param pairs pairs of points for the variogram score; none: the domain's neighbours \throws
  /// Error(input) where the truth, Error(numerical) where a member or a weight is not finite in a scored
  /// cell, naming the point; Error(internal) on a size mismatch or another number of members than before
  void add(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth, const Eigen::VectorXd& weight,
           const Pairs& pairs = {});
  /// \brief Gaussian marginals, as kriging's: closed-form CRPS, coverage by z-scores, nothing joint.
  /// \param mean, sd [point]
  void add_gaussian(const Eigen::VectorXd& mean, const Eigen::VectorXd& sd, const Eigen::VectorXd& truth,
                    const Eigen::VectorXd& weight);

  [[nodiscard]] Scores result() const;
  /// \brief Every field with a scored cell, in the order added: for bootstraps and for finding the bad ones.
  [[nodiscard]] const std::vector<FieldScores>& fields() const { return fields_; }
  /// \brief One score of every field, as for block_bootstrap: `card.values(&FieldScores::crps)`.
  [[nodiscard]] std::vector<double> values(double FieldScores::*score) const;
  /// \brief Weighted mean CRPS of every field.
  [[nodiscard]] std::vector<double> field_crps() const { return values(&FieldScores::crps); }

 private:
  struct Geometry {
    domain::Domain domain;
    std::optional<RowSpectrum> spectrum;  // of lat-lon grids
    Pairs neighbours;
  };
  void start(std::size_t members, Eigen::Index points, const Eigen::VectorXd& truth,
             const Eigen::VectorXd& weight);
  void score_cells(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth,
                   const Eigen::VectorXd& weight, FieldScores& field);
  void score_texture(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth,
                     const Eigen::VectorXd& weight, FieldScores& field);
  void add_spectrum(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth,
                    const Eigen::VectorXd& weight);

  ScoreOptions options_{};
  std::optional<Geometry> geometry_{};
  std::optional<std::size_t> members_{};  // 0: Gaussian marginals
  std::int64_t calls_ = 0;                // keys the random numbers
  std::vector<FieldScores> fields_{};
  std::vector<double> rank_weight_{};  // [rank]
  double squared_weight_ = 0.0;
  Eigen::MatrixXd power_{};  // [wavenumber][truth, members, mean], summed over fields
  double spectra_ = 0.0;     // fields in it
};

}  // namespace manifill::verification
