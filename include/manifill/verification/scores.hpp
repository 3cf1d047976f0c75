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
#include "manifill/verification/calibration.hpp"
#include "manifill/verification/degree_spectrum.hpp"
#include "manifill/verification/multivariate.hpp"
#include "manifill/verification/texture.hpp"

namespace manifill::verification {

inline constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

/// \brief Contents of the central intervals whose coverage is counted.
inline constexpr std::array<double, 3> kIntervalShares{0.5, 0.8, 0.9};

/// \brief Contents of the central intervals of a coverage curve.
inline constexpr std::array<double, 19> kCurveShares{0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5,
                                                     0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95};
/// \brief Groups of cells of about equal spread, see SpreadBins.
inline constexpr std::size_t kSpreadGroups = 12;

/// \brief Power of one field by scale, squared units: of the truth, of the members (mean over them), of their
/// mean. Empty where there is none.
struct FieldSpectrum {
  std::vector<double> truth{};
  std::vector<double> members{};
  std::vector<double> mean{};
};

/// \brief Scores of one field over its scored cells. NaN where a score does not apply, as the spread of one
/// member.
struct FieldScores {
  std::size_t members = 0;       ///< 0: Gaussian marginals
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
  double psnr = kUndefined;          ///< of the ensemble mean, dB, over the scored cells
  double psnr_members = kUndefined;  ///< mean over members of each one's
  double ssim = kUndefined;          ///< of the ensemble mean, over the whole image; flat images only
  double ssim_members = kUndefined;
  std::vector<double> ranks{};  ///< [rank], sum of the weights of the cells with that rank of the truth
  double squared_weight = 0.0;  ///< sum over these cells of the squared weight
  SpreadBins spread_bins{};     ///< cells by their spread
  FieldSpectrum rows{};         ///< by zonal wavenumber, see SpectrumScores
  FieldSpectrum degrees{};      ///< by degree, see DegreeSpectrum
};

/// \brief All of a line as a list of numbers, and back, bit by bit: for journals.
std::vector<double> to_numbers(const FieldScores& scores);
/// \throws Error(internal) when it is no such list
FieldScores field_scores_of(std::span<const double> numbers);

/// \brief Power by zonal wavenumber (see RowSpectrum: rows with a scored cell that are known as a whole) or
/// by degree (see DegreeSpectrum: fields that are known as a whole), mean of fields, squared units. Observed
/// cells are the same in truth and members, so that the differences are those of the gaps, diluted.
struct SpectrumScores {
  std::vector<double> truth{};    ///< [wavenumber] or [degree]
  std::vector<double> members{};  ///< mean over members; should equal `truth`
  std::vector<double> mean{};     ///< of the ensemble mean, which is smoother by right
  std::vector<double> ratio{};    ///< members / truth; NaN where the truth has no power
};

/// \brief Scores over many fields. Cells count by weight; energy, variogram, diversity, gradients, PSNR and
/// SSIM by field. NaN where a score does not apply.
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
  double gradient_ratio = kUndefined;  ///< members / truth; below one: too smooth
  double psnr = kUndefined;            ///< dB; of the ensemble mean
  double psnr_members = kUndefined;
  double ssim = kUndefined;  ///< of the ensemble mean
  double ssim_members = kUndefined;
  std::vector<double> rank_histogram{};  ///< [0..members], weighted shares, sum 1
  double rank_chi_square = kUndefined;   ///< see rank_flatness
  double rank_degrees = kUndefined;
  std::vector<double> coverage{};            ///< by the intervals of kCurveShares; empty for one member
  std::vector<SpreadPoint> spread_groups{};  ///< kSpreadGroups of about equal weight; empty for one member
  SpectrumScores spectrum{};                 ///< by zonal wavenumber; of lat-lon grids
  SpectrumScores degrees{};                  ///< by degree; of global grids of rings
};

/// \brief Scores over fields of one kind of forecast, in any order but for rounding.
/// \throws Error(internal) when their numbers of members differ
Scores summarise(std::span<const FieldScores* const> fields);
Scores summarise(std::span<const FieldScores> fields);

/// \brief Keys as the members' names; what does not apply is null.
void to_json(nlohmann::ordered_json& json, const Scores& scores);
/// \brief What a line says by itself: scalars; not the parts that only sums are made of.
void to_json(nlohmann::ordered_json& json, const FieldScores& scores);

/// \brief Area weights of the scored cells, 0 elsewhere: [point]. \param scored [point]
/// \throws Error(internal) on a size mismatch
Eigen::VectorXd scored_weight(const domain::Domain& domain, const std::vector<bool>& scored);

/// \brief What is drawn at random, and how much of it; what images are measured by.
struct ScoreOptions {
  std::uint64_t seed =
      1;  ///< of rank ties and far pairs; cards of the same seed and cells use the same pairs
  std::size_t far_pairs = 2000;  ///< random pairs a field for `variogram_far`
  double far_km = 0.0;           ///< their least distance
  double range = 0.0;  ///< largest less smallest value that a field may have, for PSNR and SSIM; 0: neither
};

/// \brief Scores single fields. Immutable; safe to use from several threads.
///
/// Points of weight 0 are not scored, and there truth and members may be NaN (unknown). Spectra and SSIM look
/// at whole rows or fields, scored or not, where truth and members are known.
class FieldScorer {
 public:
  /// \brief Scores that need no geometry; the variogram score of pairs that are given.
  FieldScorer() = default;
  explicit FieldScorer(const ScoreOptions& options) : options_(options) {}
  /// \brief All scores: spectra by wavenumber for lat-lon grids, by degree for global grids of rings, SSIM
  /// for flat images.
  explicit FieldScorer(const domain::Domain& domain, const ScoreOptions& options = {});

  /// \brief One field. A deterministic fill is a vector, one member: its CRPS is its MAE, its energy score
  /// its RMSE. \param members [point][member]; \param truth [point]; \param weight [point], >= 0, 0 where not
  /// scored \param number of the field, which keys its random numbers \param pairs pairs of points for the
  /// variogram score; none: the domain's neighbours \return weight 0 where no cell is scored \throws
  /// Error(input) where the truth, Error(numerical) where a member or a weight is not finite in a scored
  /// cell, naming the point; Error(internal) on a size mismatch
  [[nodiscard]] FieldScores score(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth,
                                  const Eigen::VectorXd& weight, std::int64_t number,
                                  const Pairs& pairs = {}) const;
  /// \brief Gaussian marginals, as kriging's: closed-form CRPS, coverage by z-scores, nothing joint.
  /// \param mean, sd [point]
  [[nodiscard]] FieldScores score_gaussian(const Eigen::VectorXd& mean, const Eigen::VectorXd& sd,
                                           const Eigen::VectorXd& truth, const Eigen::VectorXd& weight) const;

 private:
  struct Geometry {
    domain::Domain domain;
    std::optional<RowSpectrum> rows;        // of lat-lon grids
    std::optional<DegreeSpectrum> degrees;  // of global grids of rings
    Pairs neighbours;
  };
  void check(Eigen::Index points, const Eigen::VectorXd& truth, const Eigen::VectorXd& weight) const;
  void score_cells(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth,
                   const Eigen::VectorXd& weight, std::int64_t number, FieldScores& field) const;
  void score_texture(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth,
                     const Eigen::VectorXd& weight, std::int64_t number, FieldScores& field) const;
  void score_spectra(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth,
                     const Eigen::VectorXd& weight, FieldScores& field) const;
  void score_image(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth,
                   const Eigen::VectorXd& weight, FieldScores& field) const;

  ScoreOptions options_{};
  std::optional<Geometry> geometry_{};
};

/// \brief Takes fields one by one and keeps a line of scores for each.
///
/// A card holds one kind of forecast: ensembles of one size, deterministic fills (ensembles of one member) or
/// Gaussian marginals.
class ScoreCard {
 public:
  /// \brief As FieldScorer.
  ScoreCard() = default;
  explicit ScoreCard(const ScoreOptions& options) : scorer_(options) {}
  explicit ScoreCard(const domain::Domain& domain, const ScoreOptions& options = {})
      : scorer_(domain, options) {}

  /// \brief One field, as FieldScorer::score; fields without a scored cell leave no line.
  /// \throws Error(internal) for another number of members than before
  void add(const Eigen::MatrixXd& members, const Eigen::VectorXd& truth, const Eigen::VectorXd& weight,
           const Pairs& pairs = {});
  /// \brief One field, as FieldScorer::score_gaussian.
  void add_gaussian(const Eigen::VectorXd& mean, const Eigen::VectorXd& sd, const Eigen::VectorXd& truth,
                    const Eigen::VectorXd& weight);

  [[nodiscard]] Scores result() const { return summarise(fields_); }
  /// \brief Every field with a scored cell, in the order added: for bootstraps and for finding the bad ones.
  [[nodiscard]] const std::vector<FieldScores>& fields() const { return fields_; }
  /// \brief One score of every field, as for block_bootstrap: `card.values(&FieldScores::crps)`.
  [[nodiscard]] std::vector<double> values(double FieldScores::*score) const;
  /// \brief Weighted mean CRPS of every field.
  [[nodiscard]] std::vector<double> field_crps() const { return values(&FieldScores::crps); }

 private:
  void keep(FieldScores field);

  FieldScorer scorer_{};
  std::int64_t calls_ = 0;  // numbers the fields
  std::vector<FieldScores> fields_{};
};

}  // namespace manifill::verification
