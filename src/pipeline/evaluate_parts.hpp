#pragma once
// What the files of `manifill evaluate` share: what is withheld, what methods say, what is reported.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>
#include <nlohmann/json_fwd.hpp>

#include "input_fit.hpp"
#include "manifill/base/config.hpp"
#include "manifill/io/gridded.hpp"
#include "manifill/io/inspection.hpp"
#include "manifill/measurement/mask_bank.hpp"
#include "manifill/measurement/operator.hpp"
#include "manifill/pipeline/evaluation.hpp"
#include "manifill/pipeline/journal.hpp"
#include "manifill/posterior/model.hpp"
#include "manifill/posterior/sampler.hpp"
#include "manifill/verification/bootstrap.hpp"

namespace manifill::pipeline {

inline constexpr double kNoValue = std::numeric_limits<double>::quiet_NaN();

inline constexpr const char* kFolds = "folds";      ///< every known cell is withheld once
inline constexpr const char* kNothing = "none";     ///< nothing is withheld, all known cells are scored
inline constexpr std::size_t kShownMembers = 4;     ///< kept of every ensemble, for pictures
inline constexpr std::size_t kComparedMembers = 3;  ///< of these, for the discrepancy

/// One way to withhold, or to measure.
struct Setting {
  std::string kind{};   ///< of withholding; of a measurement its name
  double hidden = 0.0;  ///< share; NaN of the gaps of other times, which are as they are, and of measurements
  double noise = 0.0;   ///< that is added, units of the variable; 0: none, methods suppose the model's
  std::int64_t fold = -1;                    ///< of "folds"
  std::optional<std::size_t> measurement{};  ///< which of the sections [[measurement]], from 0
};

/// One field under one setting.
struct PlannedCase {
  std::size_t setting = 0;
  std::size_t series = 0;
  std::size_t time = 0;   ///< index in the file
  std::int64_t step = 0;  ///< absolute, apart for every series
  std::string date{};     ///< for people; empty: none
  std::string season{};   ///< "DJF", ...; empty: none
};

/// A part of the domain that is scored by itself too.
struct Region {
  std::string name{};
  std::vector<bool> inside{};  ///< [point]
};

/// Parts of the domain by the texts of evaluate.regions: "name: south north west east" in degrees, or
/// "name: first last first last" of rows and columns of an image, counted from 0. Without texts bands of
/// latitude for the globe, thirds of a surface by height, else quarters. \throws Error(usage)
std::vector<Region> regions_of(const domain::Domain& domain, const std::vector<std::string>& texts);

/// The fields of the inputs, and what is withheld of them.
class CaseMaker {
 public:
  /// \param model may be null \throws Error as run_evaluate
  CaseMaker(const Config& config, const posterior::Model* model);

  [[nodiscard]] const domain::Domain& domain() const { return sources_.front().variable.domain(); }
  [[nodiscard]] const io::VariableSummary& summary() const { return sources_.front().variable.summary(); }
  [[nodiscard]] const std::vector<Setting>& settings() const { return settings_; }
  [[nodiscard]] const std::vector<PlannedCase>& cases() const { return cases_; }
  /// Largest less smallest value that a field may have, for PSNR and SSIM.
  [[nodiscard]] double range() const { return range_; }
  /// The quantity, for people: long name, or name; of several channels all names.
  [[nodiscard]] std::string quantity() const;
  /// Name and place of a series, for people; empty where there is one.
  [[nodiscard]] std::string series_name(std::size_t series) const;
  /// Size and time of change of every input, for the journal.
  [[nodiscard]] std::string identity() const;
  /// How the input meets the model. With a model only.
  [[nodiscard]] const InputFit& fit(const PlannedCase& c) const { return source_of(c).fit; }
  [[nodiscard]] double memory(std::uint32_t members) const;
  /// Steps among the cases' that the model was fitted to; nothing where that cannot be known.
  [[nodiscard]] std::optional<std::size_t> trained_on() const;
  [[nodiscard]] std::vector<std::string> notes() const { return notes_; }

  /// The field of a case; its weights are 0 where nothing can be scored: nothing is hidden, or nothing is
  /// left. What is measured through an operator is scored wherever it is known. \throws Error(input) at a
  /// value that the model cannot know
  [[nodiscard]] WithheldField make(const PlannedCase& c);

 private:
  struct Source {
    io::GriddedVariable variable;
    io::MissingScan scan{};
    InputFit fit{};
  };
  struct Series {
    std::size_t source = 0;
    std::size_t extra = 0;
    std::int64_t offset = 0;  // of steps
  };
  struct HeldField {
    std::pair<std::size_t, std::size_t> place;  // series, time
    std::vector<double> values;
    std::vector<bool> known;  // and of use to the model
  };
  /// What is measured of fields that are known at the same cells.
  struct Measured {
    std::size_t setting = 0;
    std::size_t source = 0;
    std::size_t time = 0;  // in the file
    std::vector<bool> known{};
    measurement::MeasuredRows rows{};  // of the input's cells
    Eigen::VectorXd sum{};             // of the measured ones: [observation]
    std::shared_ptr<const measurement::Measurement>
        measurement{};  // of the model's fields, where there is one
  };
  void open(const Config& config);
  void plan(const Config& config);
  void find_gaps(const Config& config);
  void find_unresolved(double stated);
  [[nodiscard]] const Source& source_of(const PlannedCase& c) const {
    return sources_[series_[c.series].source];
  }
  [[nodiscard]] const HeldField& held(std::size_t series, std::size_t time);
  /// What stays observed of a field at a step: [cell].
  [[nodiscard]] measurement::ObservedCells mask(const PlannedCase& c, const HeldField& field,
                                                std::int64_t step) const;
  [[nodiscard]] posterior::StepObservation observe(const PlannedCase& c, std::size_t time,
                                                   const std::vector<bool>& seen,
                                                   const std::vector<double>& values) const;
  void add_noise(const PlannedCase& c, std::int64_t step, std::span<double> values) const;
  [[nodiscard]] std::vector<double> noisy(const PlannedCase& c, const HeldField& field,
                                          std::int64_t step) const;
  /// Standard deviation of noise that methods are told, the model's units.
  [[nodiscard]] double told_noise(const PlannedCase& c) const;
  [[nodiscard]] const Measured& measured(const PlannedCase& c, std::size_t time,
                                         const std::vector<bool>& known);
  /// What is measured of a field at a step, noise added: [value], NaN where nothing is.
  [[nodiscard]] Eigen::VectorXd measure(const Measured& by, const PlannedCase& c, const HeldField& field,
                                        std::int64_t step) const;
  [[nodiscard]] posterior::StepObservation observe(const Measured& by, const PlannedCase& c, std::size_t time,
                                                   const Eigen::VectorXd& y) const;

  const posterior::Model* model_;
  std::uint64_t seed_;  // of noise, apart from that of members
  std::uint64_t mask_seed_;
  double noise_factor_;
  std::int64_t folds_;
  std::vector<Source> sources_{};
  std::vector<Series> series_{};
  std::vector<Setting> settings_{};
  std::vector<PlannedCase> cases_{};
  std::vector<std::string> notes_{};
  std::optional<measurement::MaskBank> bank_{};
  std::vector<measurement::OperatorPointer> operators_{};  // of sections [[measurement]]
  std::optional<Measured> measured_{};                     // the last: matrices may be large
  std::list<HeldField> recent_{};
  double range_ = 0.0;
};

/// A method with what is said of it in the report.
struct Contender {
  std::string name{};  ///< in tables and pictures; no two are one `file_word`
  std::string summary{};
  std::string options{};                     ///< as set, a line "key=value" each
  std::string method{};                      ///< as it is registered
  std::string set{};                         ///< what its section [[method]] sets; empty: nothing
  Config config{std::vector<OptionSpec>{}};  ///< of the job, with its own options
};

/// Makes the answers of one method to the cases of a maker.
class Answers {
 public:
  virtual ~Answers() = default;
  /// Members in the units of the variable. \throws Error(input) or Error(usage) where the method does not
  /// take what is observed, which is no end of the job
  [[nodiscard]] virtual Answer answer(const PlannedCase& c, const WithheldField& field) = 0;
};

/// Options of sections [[method]]: a method under a label, with options that are its alone.
std::vector<OptionSpec> variant_specs();
/// The methods of a configuration: those of evaluate.methods, then those of sections [[method]]; without any
/// `gaussian`. \throws Error(usage) on an unknown one, options of others, or two of one name
std::vector<Contender> contenders_of(const Config& config);
/// A text as part of the names of files and variables: what is no letter, digit, '.' or '-' becomes '_'.
std::string file_word(const std::string& text);
/// Whether a method works without a model.
bool needs_no_model(const std::string& method);
std::unique_ptr<Answers> make_answers(const Contender& method, CaseMaker& maker,
                                      const posterior::Model* model);

/// Of the method `matern`, whose parameters come from what stays observed of some cases of each setting.
std::unique_ptr<Answers> make_matern_answers(const Config& config, CaseMaker& maker);
/// Of the method `dineof`: the cases of one series under one setting are a record.
std::unique_ptr<Answers> make_dineof_answers(const Config& config, CaseMaker& maker);
/// What samplers are asked for.
posterior::SampleRequest request_of(const Config& config);
/// \throws Error(usage) when the configuration asks for what only a model can do
void refuse_refinement(const Config& config, const std::string& method);
/// \throws Error(input) for a setting that observes no single cells
void refuse_measurement(const Setting& setting, const std::string& method);

/// What is kept of a method's answer to one case.
struct CaseScores {
  verification::FieldScores whole{};
  std::vector<verification::FieldScores> regions{};  ///< [region]
  double seconds = 0.0;
  bool first = false;  ///< of a run: made what later ones share
  double evaluations = 0.0;
  double gradients = 0.0;
  double chi_square = 0.0;
  std::string refusal{};  ///< why the method has no members: it does not take what is observed, or failed;
                          ///< empty: it has
};
std::vector<double> to_numbers(const CaseScores& scores);
CaseScores case_scores_of(const std::vector<double>& numbers);

/// All that an evaluation found, apart from fields.
struct Evaluation {
  std::vector<Setting> settings{};
  std::vector<PlannedCase> cases{};
  std::vector<Region> regions{};
  std::vector<Contender> methods{};
  std::vector<std::vector<CaseScores>> scores{};   ///< [method][case]
  std::vector<std::vector<double>> discrepancy{};  ///< [method][setting], squared MMD; NaN: none
};

/// Cases, or a region of them, that are summarised together.
struct Stratum {
  std::string axis{};   ///< "all", "setting", "hidden", "noise", "region", "season"
  std::string value{};  ///< for people
  double number = 0.0;  ///< of hidden and noise
  std::vector<std::size_t> cases{};
  std::optional<std::size_t> region{};
};

/// Strata of the cases of one kind; of all kinds for an empty name.
std::vector<Stratum> strata_of(const Evaluation& e, const std::string& kind);
/// The kinds, in the order of the configuration.
std::vector<std::string> kinds_of(const Evaluation& e);

/// A method's scores over a stratum, with intervals over times.
struct StratumScores {
  verification::Scores scores{};
  verification::MeanInterval crps{}, rmse{}, mae{}, bias{}, coverage90{};  ///< NaN without fields
  /// CRPS less the first method's, paired by time, over the cases that both methods take; NaN: none
  verification::MeanInterval difference{};
  double reference = 0.0;    ///< the first method's CRPS over these cases
  std::size_t refused = 0;   ///< cases of which the method has no members
  std::string refusal{};     ///< why
  double area = 0.0;         ///< share of the domain that is scored, mean over cases
  double discrepancy = 0.0;  ///< squared MMD, mean over settings; NaN where none
};
StratumScores score_stratum(const Evaluation& e, std::size_t method, const Stratum& stratum,
                            const verification::BootstrapOptions& options);

/// What methods cost: seconds of the first field and mean of later ones.
struct Cost {
  double first = 0.0;
  double field = 0.0;   ///< seconds
  double sample = 0.0;  ///< milliseconds a member
  double evaluations = 0.0;
  double gradients = 0.0;
};
Cost cost_of(const Evaluation& e, std::size_t method);
/// \param cases of all that count
Cost cost_of(const Evaluation& e, std::size_t method, const std::vector<std::size_t>& cases);

/// The tables of a run, ready to be written.
struct Summary {
  struct Row {
    std::size_t method = 0;
    std::string kind{};  ///< empty: all
    Stratum stratum{};
    StratumScores scores{};
  };
  std::vector<Row> rows{};  ///< by method, kind, stratum
  [[nodiscard]] const Row* find(std::size_t method, const std::string& kind, const std::string& axis,
                                const std::string& value) const;
};
Summary summarise(const Evaluation& e, const verification::BootstrapOptions& options);
std::string csv_of(const Evaluation& e, const Summary& summary);
/// Everything but what differs from run to run. \param about what goes before the scores
nlohmann::ordered_json json_of(const Evaluation& e, const Summary& summary, nlohmann::ordered_json about);
nlohmann::ordered_json timings_of(const Evaluation& e);

/// What a report is made from.
struct ReportSource {
  const Evaluation& evaluation;
  const Summary& summary;
  CaseMaker& maker;
  const Journal& journal;
  const std::vector<std::vector<std::size_t>>& place;  ///< [method][case], of its record
  const Config& config;
  std::string name{};                   ///< of the quantity, for people
  std::string units{};                  ///< printed
  std::vector<std::string> facts{};     ///< lines of the heading
  std::vector<std::string> warnings{};  ///< lines
  std::string toml{};                   ///< the resolved configuration
};

/// A picture of the report.
struct Picture {
  std::string path{};
  std::string caption{};
};

/// The first method that a case is scored of; nothing where it is of none.
std::optional<std::size_t> first_scored(const Evaluation& e, std::size_t index);
/// Cases that a method did worst on by CRPS, worst first.
std::vector<std::size_t> worst_cases(const Evaluation& e, std::size_t method, std::size_t count);
/// "blocks, 30 % hidden, noise 0.5 K".
std::string setting_text(const Setting& setting, const std::string& units);
/// "January 1993, blocks, 30 % hidden; 41 % of the area scored".
std::string case_text(const ReportSource& source, std::size_t index);
/// Mean distance of two members over that of a member to the truth.
double diversity_ratio(const verification::Scores& scores);
/// Truth, input, mean, some members, spread and error of a method's answer to a case.
Picture draw_case(const ReportSource& source, std::size_t method, std::size_t index, std::size_t members,
                  const std::string& path, int width);
/// What all methods say of one case of a setting, method by method: truth, input, mean, samples, spread,
/// error. The case is the median by the CRPS of the first method that takes the setting; an empty path where
/// none does.
Picture draw_setting(const ReportSource& source, const Stratum& setting, const std::string& path);
// Pictures of scores; an empty path where there is nothing to draw.
/// CRPS against the time of a sample, setting by setting.
Picture draw_speed(const ReportSource& source, const std::string& path);
Picture draw_ranks(const ReportSource& source, const std::string& path);
Picture draw_coverage(const ReportSource& source, const std::string& path);
Picture draw_spread(const ReportSource& source, const std::string& path);
/// By degree or by zonal wavenumber.
Picture draw_spectrum(const ReportSource& source, bool degrees, const std::string& path);
/// CRPS over the values of an axis, kind by kind.
Picture draw_axis(const ReportSource& source, const std::string& axis, const std::string& path);
Picture draw_diversity(const ReportSource& source, const std::string& path);

/// Writes report.html and its pictures into a directory. \throws Error(io)
void write_report(const ReportSource& source, const std::string& directory);

}  // namespace manifill::pipeline
