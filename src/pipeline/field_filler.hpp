#pragma once
/// \file
/// \brief What fills the fields of an input, one by one, for the imputation job.

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "manifill/base/config.hpp"
#include "manifill/base/random.hpp"
#include "manifill/io/gridded.hpp"
#include "manifill/io/imputed_file.hpp"
#include "manifill/io/inspection.hpp"
#include "manifill/posterior/dineof.hpp"
#include "manifill/posterior/sampler.hpp"

namespace manifill::pipeline {

/// \brief One field's ensemble at the cells of the input, units of the input.
struct FilledField {
  Eigen::MatrixXd members{};  ///< [cell][member]
  Eigen::VectorXd mean{};     ///< [cell], where it is known better than by the members; else empty
  Eigen::MatrixXd
      with_unresolved{};    ///< [cell][member], where that was asked for and there is any; else empty
  double chi_square = 0.0;  ///< of the observed departures over its expectation
  double effective_size = 0.0;
  std::vector<double>
      diagnostics{};  ///< log-densities, then log-weights: [2 * member]; empty unless asked for
};

/// \brief Members with what a cell does not share with its neighbours: white noise of each member's own.
/// \param members [cell][member]
Eigen::MatrixXd with_white_noise(Eigen::MatrixXd members, double sigma, std::int64_t time,
                                 const posterior::SampleRequest& request);

/// \brief Refuses what only a trained model could heed. \param method that has none \param instead of
/// `impute.representativeness`, what to do \throws Error(usage)
void refuse_options_of_models(const Config& config, const std::string& method, const std::string& instead);

/// \brief Fills fields of one input. Not thread-safe.
class FieldFiller {
 public:
  virtual ~FieldFiller() = default;
  /// \brief What a cell without a value is: [cell], `infilled`, `masked` or `not_filled`.
  [[nodiscard]] const std::vector<io::CellStatus>& fixed() const { return fixed_; }
  /// \brief Values of the file: [cell], NaN where missing.
  [[nodiscard]] virtual const std::vector<double>& values(std::size_t extra, std::size_t time) = 0;
  /// \brief Whether a field tells enough to be filled; where not, its gaps stay `not_filled`.
  /// \param values [cell], NaN where missing
  [[nodiscard]] virtual bool able(const std::vector<double>& /*values*/) const { return true; }
  /// \param complete whether `with_unresolved` is wanted
  [[nodiscard]] virtual FilledField fill(std::size_t extra, std::size_t time,
                                         const posterior::SampleRequest& request, bool complete) = 0;
  /// \brief Bytes of a run.
  [[nodiscard]] virtual double memory(std::uint32_t members) const = 0;
  /// \brief Does what takes time, once memory and outputs are known to be in order. \throws Error(input) for
  /// what `fill` would refuse in any of the times; lines for the user are added to `notes`
  virtual void prepare(std::size_t first_time, std::size_t times, std::vector<std::string>& notes) = 0;
  /// \brief Standard deviation of what cells hold beside the members, units of the input; from `prepare` on.
  [[nodiscard]] virtual double unresolved() const = 0;
  /// \brief What that is, for people.
  [[nodiscard]] virtual std::string unresolved_name() const = 0;
  /// \brief Puts what `prepare` found into the configuration that is written beside the output.
  virtual void resolve(Config& config) const = 0;
  /// \brief Name and hash, of the attribute `manifill_model`.
  [[nodiscard]] virtual std::string provenance() const = 0;
  /// \brief For the file's history: "with model gistemp".
  [[nodiscard]] virtual std::string phrase() const = 0;
  /// \brief Everything that members depend on beside the input, the method, their number and the seed.
  [[nodiscard]] virtual std::string settings() const = 0;

 protected:
  std::vector<io::CellStatus> fixed_{};
};

/// \brief Of a trained model. \throws Error as run_impute
std::unique_ptr<FieldFiller> make_model_filler(const Config& config, const io::GriddedVariable& input,
                                               const io::MissingScan& scan);
/// \brief Of the method `matern`, which needs none. \throws Error as run_impute
std::unique_ptr<FieldFiller> make_matern_filler(const Config& config, const io::GriddedVariable& input,
                                                const io::MissingScan& scan);
/// \brief Of the method `dineof`, which needs none either. \throws Error as run_impute
std::unique_ptr<FieldFiller> make_dineof_filler(const Config& config, const io::GriddedVariable& input,
                                                const io::MissingScan& scan);
/// \brief The modes of a record by section [dineof]. \param record [cell][time], NaN where missing \param
/// times increasing, in units of the least step \param seed of the values that are withheld \throws Error as
/// posterior::dineof
posterior::Dineof modes_of_record(const Config& config, const domain::Domain& domain,
                                  const Eigen::MatrixXd& record, const std::vector<double>& times,
                                  std::uint64_t seed);
/// \brief Members of one time of a record. \param time index in it \param observed [cell] \param white
/// standard deviation of what cells hold beside the modes \param step keys the random numbers
/// \return [cell][member]
Eigen::MatrixXd dineof_members(const posterior::Dineof& modes, Eigen::Index time,
                               const std::vector<bool>& observed, double white, std::int64_t step,
                               const posterior::SampleRequest& request);
/// \brief Options of `matern` and of `dineof`, sections of these names.
std::vector<OptionSpec> matern_specs();
std::vector<OptionSpec> dineof_specs();
inline constexpr const char* kMatern = "matern";  ///< names of the methods
inline constexpr const char* kDineof = "dineof";

}  // namespace manifill::pipeline
