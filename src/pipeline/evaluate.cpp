#include "manifill/pipeline/evaluate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include <nlohmann/json.hpp>

#include "evaluate_parts.hpp"
#include "field_filler.hpp"
#include "impute_parts.hpp"
#include "manifill/base/atomic_file.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/log.hpp"
#include "manifill/base/progress.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/base/stopwatch.hpp"
#include "manifill/base/version.hpp"
#include "manifill/io/case_file.hpp"
#include "manifill/pipeline/operator_job.hpp"
#include "manifill/plot/file_map.hpp"
#include "manifill/posterior/sampler.hpp"
#include "manifill/verification/distribution.hpp"
#include "measurements.hpp"

namespace manifill::pipeline {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMostCompared = 400;                   // fields of a setting that enter its discrepancy
constexpr std::size_t kMostNumbers = std::size_t{1} << 24U;  // values that they may have together
constexpr double kUnlike = 3.0;  // mean squared departure of observations in prior standard deviations

constexpr const char* kScores = "scores.json";
constexpr const char* kTable = "scores.csv";
constexpr const char* kTimings = "timings.json";
constexpr const char* kReport = "report.html";
constexpr const char* kMembers = "members.nc";
constexpr const char* kConfig = "config.toml";
constexpr const char* kCheckpoint = ".manifill-checkpoint";

std::string in_output(const Config& c, const std::string& name) {
  return (fs::path(c.text("evaluate.output")) / name).string();
}

/// Everything that scores depend on, as text.
std::string identity_of(const Config& c, const CaseMaker& maker, const posterior::Model* model) {
  Config own = c;
  for (const char* key : {"evaluate.output", "evaluate.max_memory"}) own.set(key, std::string());
  for (const char* key : {"evaluate.resume", "evaluate.overwrite"}) own.set(key, false);
  for (const char* key : {"evaluate.worst", "evaluate.block"}) own.set(key, std::int64_t{0});
  own.set("evaluate.time_limit", 0.0);
  own.set("evaluate.resamples", std::int64_t{2});
  return fmt::format("{}\n{}\n{:016x}\n{}", version(), maker.identity(),
                     model != nullptr ? model->checksum : 0, own.to_toml());
}

/// Members as they are written and scored: cells that are observed without noise keep the observation, cells
/// that the model knows nothing of are unknown, and all are in single precision.
Eigen::MatrixXd finished(Eigen::MatrixXd members, const WithheldField& field, bool exact,
                         const InputFit* fit) {
  for (Eigen::Index i = 0; i < members.rows(); ++i) {
    const auto cell = static_cast<std::size_t>(i);
    if (exact && field.observed[cell])
      members.row(i).setConstant(field.values[i]);
    else if (fit != nullptr && fit->fixed[cell] != io::CellStatus::infilled)
      members.row(i).setConstant(std::numeric_limits<double>::quiet_NaN());
  }
  return members.cast<float>().cast<double>();
}

/// What an error says, without its remedy.
std::string reason_of(const Error& e) {
  std::string reason = e.what();
  const std::string tail = ". " + e.context().remedy;
  if (reason.ends_with(tail)) reason.resize(reason.size() - tail.size());
  return reason;
}

class Job {
 public:
  Job(const Config& c, CaseMaker& maker, const posterior::Model* model, Evaluation& e)
      : config_(c),
        maker_(maker),
        model_(model),
        evaluation_(e),
        options_{.seed = static_cast<std::uint64_t>(c.integer("evaluate.seed")), .range = maker.range()},
        whole_(maker.domain(), options_),
        part_(options_) {}

  /// Scores every case that the journal does not hold yet.
  void run(Journal& journal) {
    const std::size_t all = evaluation_.methods.size() * evaluation_.cases.size();
    Progress progress("evaluating", all, "cases");
    progress.set(journal.size());
    for (std::size_t m = 0; m < evaluation_.methods.size(); ++m) {
      // One method after the other: each may keep covariances that would not fit into memory twice.
      std::unique_ptr<Answers> answers;
      for (std::size_t k = 0; k < evaluation_.cases.size(); ++k) {
        if (journal.has(m, k)) continue;
        append_unless_stopped(journal, all, config_.text("evaluate.output"),
                              [&] { return score(m, k, answers); });
        progress.advance();
      }
    }
    journal.sync();
    progress.finish();
  }

 private:
  FieldRecord score(std::size_t m, std::size_t k, std::unique_ptr<Answers>& answers) {
    const PlannedCase& c = evaluation_.cases[k];
    FieldRecord record{.extra = m, .time = k};
    const WithheldField field = maker_.make(c);
    CaseScores scores;
    scores.regions.resize(evaluation_.regions.size());
    if (field.weight.sum() > 0.0) {
      const Stopwatch watch;
      scores.first = answers == nullptr;
      if (!answers) answers = make_answers(evaluation_.methods[m], maker_, model_);
      Answer answer;
      try {
        answer = answers->answer(c, field);
      } catch (const Error& e) {
        // What a method does not take, or where it fails, is said in the report, and the job goes on.
        if (e.kind() != ErrorKind::input && e.kind() != ErrorKind::usage && e.kind() != ErrorKind::numerical)
          throw;
        scores.refusal = reason_of(e);
        record.scores = to_numbers(scores);
        return record;
      }
      scores.seconds = watch.seconds();
      scores.evaluations = answer.evaluations;
      scores.gradients = answer.gradients;
      scores.chi_square = answer.chi_square;
      const Setting& setting = evaluation_.settings[c.setting];
      const bool exact = setting.noise == 0.0 && !setting.measurement;
      answer.members =
          finished(std::move(answer.members), field, exact, model_ != nullptr ? &maker_.fit(c) : nullptr);
      const auto number = static_cast<std::int64_t>(k) + 1;
      scores.whole = whole_.score(answer.members, field.truth, field.weight, number);
      for (std::size_t r = 0; r < scores.regions.size(); ++r) {
        Eigen::VectorXd weight = field.weight;
        for (Eigen::Index i = 0; i < weight.size(); ++i)
          if (!evaluation_.regions[r].inside[static_cast<std::size_t>(i)]) weight[i] = 0.0;
        scores.regions[r] = part_.score(answer.members, field.truth, weight, number);
      }
      keep_fields(answer.members, record);
    }
    record.scores = to_numbers(scores);
    return record;
  }

  void keep_fields(const Eigen::MatrixXd& members, FieldRecord& record) const {
    const auto n = static_cast<double>(members.cols());
    const Eigen::VectorXd mean = members.rowwise().mean();
    const Eigen::VectorXd variance =
        (members.colwise() - mean).rowwise().squaredNorm() / std::max(1.0, n - 1.0);
    for (Eigen::Index i = 0; i < mean.size(); ++i) {
      record.mean.push_back(static_cast<float>(mean[i]));
      record.spread.push_back(n > 1.0 ? static_cast<float>(std::sqrt(variance[i]))
                                      : std::numeric_limits<float>::quiet_NaN());
    }
    const Eigen::Index kept = config_.flag("evaluate.write_members")
                                  ? members.cols()
                                  : std::min(members.cols(), static_cast<Eigen::Index>(kShownMembers));
    const Eigen::MatrixXf single = members.leftCols(kept).cast<float>();
    record.members.assign(single.data(), single.data() + single.size());
  }

  const Config& config_;
  CaseMaker& maker_;
  const posterior::Model* model_;
  Evaluation& evaluation_;
  verification::ScoreOptions options_;
  verification::FieldScorer whole_;
  verification::FieldScorer part_;
};

/// Squared discrepancy between the law of a method's members and that of the truths, setting by setting: mean
/// over the members that are kept; points that are unknown in any of the fields are left out.
std::vector<double> discrepancies(const Evaluation& e, std::size_t method, CaseMaker& maker,
                                  const Journal& journal,
                                  const std::vector<std::vector<std::size_t>>& place) {
  std::vector<double> out;
  for (std::size_t s = 0; s < e.settings.size(); ++s) {
    out.push_back(std::numeric_limits<double>::quiet_NaN());
    std::vector<std::size_t> own;
    for (std::size_t k = 0; k < e.cases.size(); ++k)
      if (e.cases[k].setting == s && e.scores[method][k].whole.weight > 0.0) own.push_back(k);
    const std::size_t room = std::max<std::size_t>(2, kMostNumbers / maker.domain().size());
    const std::size_t count = std::min({own.size(), kMostCompared, room});
    if (count < 2) continue;
    const auto n = static_cast<Eigen::Index>(maker.domain().size());
    const auto columns = static_cast<Eigen::Index>(count);
    Eigen::MatrixXd truth(n, columns);
    std::vector<Eigen::MatrixXd> members(kComparedMembers, Eigen::MatrixXd(n, columns));
    std::size_t kept = kComparedMembers;
    for (Eigen::Index j = 0; j < columns; ++j) {
      const std::size_t k = own[(2 * static_cast<std::size_t>(j) + 1) * own.size() / (2 * count)];
      truth.col(j) = maker.make(e.cases[k]).truth;
      const FieldRecord r = journal.read(place[method][k]);
      kept = std::min(kept, r.members.size() / static_cast<std::size_t>(n));
      for (std::size_t i = 0; i < kept; ++i)
        members[i].col(j) =
            Eigen::Map<const Eigen::VectorXf>(r.members.data() + i * static_cast<std::size_t>(n), n)
                .cast<double>();
    }
    Eigen::VectorXd weight = Eigen::Map<const Eigen::VectorXd>(maker.domain().weights().data(), n);
    for (Eigen::Index i = 0; i < n; ++i) {
      bool known = truth.row(i).allFinite();
      for (std::size_t k = 0; k < kept; ++k) known = known && members[k].row(i).allFinite();
      if (!known) weight[i] = 0.0;
    }
    if (weight.sum() <= 0.0) continue;
    const double width = verification::median_distance(truth, weight);
    if (!(width > 0.0)) continue;
    double sum = 0.0;
    for (std::size_t k = 0; k < kept; ++k) sum += verification::squared_mmd(members[k], truth, weight, width);
    out.back() = sum / static_cast<double>(kept);
  }
  return out;
}

void write_members(const Config& c, const Evaluation& e, CaseMaker& maker, const Journal& journal,
                   const std::vector<std::vector<std::size_t>>& place) {
  std::vector<io::CaseMethod> methods;
  for (std::size_t m = 0; m < e.methods.size(); ++m) {
    methods.push_back({file_word(e.methods[m].name), 1});
    for (const auto& s : e.scores[m])
      methods.back().members = std::max(methods.back().members, s.whole.members);
  }
  const auto& summary = maker.summary();
  const std::string variable = summary.name.substr(summary.name.rfind('/') + 1);
  io::CaseFileWriter writer(in_output(c, kMembers), maker.domain(), e.cases.size(), methods,
                            {.variable = variable,
                             .units = summary.units,
                             .long_name = summary.long_name.empty() ? variable : summary.long_name,
                             .attributes = provenance(c),
                             .history = history_line("methods evaluated on " + summary.name)});
  for (std::size_t k = 0; k < e.cases.size(); ++k) {
    const WithheldField field = maker.make(e.cases[k]);
    writer.write(k, field.truth, field.values, field.weight);
    for (std::size_t m = 0; m < e.methods.size(); ++m)
      if (e.scores[m][k].whole.weight > 0.0) writer.write_members(k, m, journal.read(place[m][k]).members);
  }
  writer.commit();
}

/// What the scores are of.
nlohmann::ordered_json about(const Config& c, const CaseMaker& maker, const posterior::Model* model) {
  const auto trained = maker.trained_on();
  nlohmann::ordered_json out{{"manifill", version()},
                             {"input", c.texts("evaluate.input")},
                             {"variable", maker.summary().name},
                             {"units", maker.summary().units},
                             {"domain", maker.domain().describe()},
                             {"model", nullptr},
                             {"seed", c.integer("evaluate.seed")},
                             {"members", c.integer("evaluate.members")},
                             {"range", maker.range()},
                             {"steps_trained_on", nullptr}};
  if (model != nullptr)
    out["model"] = {{"name", model->info.name},
                    {"checksum", fmt::format("{:016x}", model->checksum)},
                    {"training", model->info.training}};
  if (trained) out["steps_trained_on"] = *trained;
  return out;
}

std::vector<std::string> warnings_of(const Evaluation& e, const CaseMaker& maker) {
  std::vector<std::string> out;
  if (const auto trained = maker.trained_on(); trained && *trained > 0)
    out.push_back(
        fmt::format("the model was fitted to {} of the times that are scored: scores are better than on "
                    "times it has not seen",
                    *trained));
  std::size_t empty = 0;
  for (const auto& s : e.scores.front()) empty += s.whole.weight > 0.0 || !s.refusal.empty() ? 0 : 1;
  if (empty > 0)
    out.push_back(fmt::format(
        "{} of {} cases are not scored: nothing known was hidden, or nothing was left to fill from", empty,
        e.cases.size()));
  for (std::size_t m = 0; m < e.methods.size(); ++m) {
    std::size_t refused = 0;
    std::string reason;
    std::vector<std::string> kinds;
    for (std::size_t k = 0; k < e.cases.size(); ++k) {
      const auto& s = e.scores[m][k];
      if (s.refusal.empty()) continue;
      if (refused++ == 0) reason = s.refusal;
      const std::string& kind = e.settings[e.cases[k].setting].kind;
      if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) kinds.push_back(kind);
    }
    if (refused > 0)
      out.push_back(fmt::format("{}: no members for {} of {} cases ({}): {}", e.methods[m].name, refused,
                                e.cases.size(), fmt::join(kinds, "; "), reason));
    std::size_t unlike = 0;
    for (const auto& s : e.scores[m]) unlike += s.chi_square > kUnlike ? 1 : 0;
    if (unlike > 0)
      out.push_back(
          fmt::format("{}: {} cases are unlike the training data, the chi-square of what is observed "
                      "is above {:g} times its expectation",
                      e.methods[m].name, unlike, kUnlike));
  }
  return out;
}

void check_outputs(const Config& c) {
  const std::string& output = c.text("evaluate.output");
  if (output.empty())
    throw Error(ErrorKind::usage, "no output directory was named",
                {.remedy = "Set evaluate.output, or give --output"});
  std::error_code error;
  fs::create_directories(output, error);
  if (error || !fs::is_directory(output))
    throw Error(ErrorKind::io, "the output directory cannot be made",
                {.file = output, .remedy = "Choose another name, or remove the file that is there"});
  std::vector<std::string> inputs = c.texts("evaluate.input");
  inputs.push_back(c.text("evaluate.model"));
  for (const char* name : {kScores, kTable, kTimings, kReport, kMembers, kConfig})
    io::check_output(in_output(c, name), inputs, c.flag("evaluate.overwrite"));
}

std::vector<std::string> facts_of(const Config& c, const CaseMaker& maker, const posterior::Model* model) {
  std::vector<std::string> inputs;
  for (const auto& path : c.texts("evaluate.input")) inputs.push_back(fs::path(path).filename().string());
  const std::size_t fields = maker.cases().size() / maker.settings().size();
  std::vector<std::string> out{
      fmt::format("Input: {}{}", inputs.front(),
                  inputs.size() > 1 ? fmt::format(" and {} more", inputs.size() - 1) : ""),
      fmt::format("Domain: {}", maker.domain().describe()),
      fmt::format("{} cases: {} fields by {} settings; {} members; seed {}", maker.cases().size(), fields,
                  maker.settings().size(), c.integer("evaluate.members"), c.integer("evaluate.seed"))};
  if (model != nullptr)
    out.push_back(
        fmt::format("Model: {} {:016x} ({})", model->info.name, model->checksum, model->info.training));
  return out;
}

}  // namespace

std::vector<OptionSpec> evaluate_specs() {
  std::vector<std::string> kinds = measurement::named_mask_kinds();
  std::vector<OptionSpec> specs{
      {.key = "evaluate.input",
       .help = "files whose known cells are withheld: NetCDF, meshes, HEALPix, images; all on one grid",
       .fallback = std::vector<std::string>{}},
      {.key = "evaluate.variable",
       .help = "variable; empty: the only one that can be filled, of colour images all channels",
       .fallback = std::string()},
      {.key = "evaluate.grid",
       .help = "file with the coordinates of cells that the input has none of; empty: none",
       .fallback = std::string()},
      {.key = "evaluate.repair", .help = "make the mesh of a mesh file sound first", .fallback = false},
      {.key = "evaluate.series",
       .help =
           "which of the fields of each time are scored, counted from 1 along the dimensions beside time and "
           "place; 0: all",
       .fallback = std::vector<double>{1.0}},
      {.key = "evaluate.model", .help = "model file (.h5)", .fallback = std::string()},
      {.key = "evaluate.methods",
       .help =
           fmt::format("methods, the first is compared with: {}; or matern or dineof, which need no model; "
                       "empty: those of sections [[method]], or gaussian",
                       fmt::join(posterior::SamplerRegistry::instance().names(), ", ")),
       .fallback = std::vector<std::string>{}},
      {.key = "evaluate.output", .help = "directory to write into", .fallback = std::string()},
      {.key = "evaluate.times",
       .help = "times scored: index from 0 (-1: the last), date, or A:B[:STEP]; empty: all",
       .fallback = std::string()},
      {.key = "evaluate.years", .help = "years scored; empty: all", .fallback = std::vector<double>{}},
      {.key = "evaluate.cases",
       .help = "fields scored at most, spread evenly over those chosen; 0: all",
       .fallback = std::int64_t{0},
       .lowest = 0},
      {.key = "evaluate.withhold",
       .help =
           fmt::format("how known cells are withheld: {}, {} (each cell once), {} (none, all known cells are "
                       "scored: denoising); empty: sections [[measurement]] alone",
                       fmt::join(kinds, ", "), kFolds, kNothing),
       .fallback = std::vector<std::string>{"blocks_scattered"}},
      {.key = "evaluate.hidden",
       .help = "shares of the cells hidden, above 0 and below 1; gaps and folds have their own",
       .fallback = std::vector<double>{0.5}},
      {.key = "evaluate.noise",
       .help = "standard deviations of noise added to what is observed, which methods are told, units of the "
               "variable; 0: none is added, and methods suppose what their model does",
       .fallback = std::vector<double>{0.0}},
      {.key = "evaluate.noise_factor",
       .help = "noise added over what methods are told of it: how they do when it is misstated",
       .fallback = 1.0,
       .lowest = 0.01,
       .highest = 100.0},
      {.key = "evaluate.folds",
       .help = "folds of the cells",
       .fallback = std::int64_t{5},
       .lowest = 2,
       .highest = 1000},
      {.key = "evaluate.gaps",
       .help = "NetCDF file whose gaps are laid over the fields by 'gaps'; empty: the input itself",
       .fallback = std::string()},
      {.key = "evaluate.gaps_variable", .help = "its variable", .fallback = std::string()},
      {.key = "evaluate.members",
       .help = "ensemble members",
       .fallback = std::int64_t{32},
       .lowest = 1,
       .highest = 4096},
      {.key = "evaluate.seed",
       .help = "seed of masks, noise and members",
       .fallback = std::int64_t{1},
       .lowest = 0},
      {.key = "evaluate.mask_seed",
       .help = "seed of masks where noise and members are to differ and masks are not; -1: evaluate.seed",
       .fallback = std::int64_t{-1},
       .lowest = -1},
      {.key = "evaluate.refine",
       .help = "steps of the prior, aware of the likelihood, that start from each method's members",
       .fallback = std::int64_t{0},
       .lowest = 0,
       .highest = 10000},
      {.key = "evaluate.representativeness",
       .help =
           "standard deviation of what the input's grid resolves beyond the model's, units of the variable; "
           "-1: from the observations",
       .fallback = -1.0,
       .lowest = -1},
      {.key = "evaluate.regions",
       .help =
           "parts scored by themselves, \"name: south north west east\" in degrees, of images \"name: first "
           "last row, first last column\"; empty: bands of latitude, quarters or thirds",
       .fallback = std::vector<std::string>{}},
      {.key = "evaluate.range",
       .help =
           "largest less smallest value of PSNR and SSIM, units of the variable; 0: 1 of PNG images, else "
           "that of the input",
       .fallback = 0.0,
       .lowest = 0},
      {.key = "evaluate.worst",
       .help = "worst cases of each method that the report draws",
       .fallback = std::int64_t{10},
       .lowest = 0,
       .highest = 200},
      {.key = "evaluate.resamples",
       .help = "resamples of the bootstrap over fields",
       .fallback = std::int64_t{2000},
       .lowest = 2,
       .highest = 1e6},
      {.key = "evaluate.block",
       .help = "fields in a block of the bootstrap; 0: the cube root of their number",
       .fallback = std::int64_t{0},
       .lowest = 0},
      {.key = "evaluate.write_members",
       .help = "write truth, observations, weights and all members to members.nc",
       .fallback = false},
      {.key = "evaluate.max_memory",
       .help = "refuse a run that would need more",
       .fallback = std::string("4GiB")},
      {.key = "evaluate.time_limit",
       .help = "stop with a checkpoint after so many seconds; 0: never",
       .fallback = 0.0,
       .lowest = 0},
      {.key = "evaluate.resume", .help = "go on from the checkpoint of a stopped run", .fallback = false},
      {.key = "evaluate.overwrite", .help = "replace an existing report", .fallback = false},
  };
  for (const auto& more : {simulated_measurement_specs(), variant_specs(), matern_specs(), dineof_specs(),
                           posterior::SamplerRegistry::instance().specs()})
    specs.insert(specs.end(), more.begin(), more.end());
  return specs;
}

std::vector<std::string> run_evaluate(const Config& c) {
  Evaluation e{.methods = contenders_of(c)};
  std::optional<posterior::Model> loaded;
  if (!c.text("evaluate.model").empty()) loaded.emplace(posterior::Model::load(c.text("evaluate.model")));
  const posterior::Model* model = loaded ? &*loaded : nullptr;
  // A method that the model has not what it takes for is refused before hours go into the others.
  for (const auto& method : e.methods)
    if (model != nullptr && !needs_no_model(method.method))
      static_cast<void>(posterior::SamplerRegistry::instance().make(method.method, *model, method.config));
  const double memory_limit = parse_memory(c.text("evaluate.max_memory"));
  CaseMaker maker(c, model);
  e.settings = maker.settings();
  e.cases = maker.cases();
  e.regions = regions_of(maker.domain(), c.texts("evaluate.regions"));
  const double need = maker.memory(static_cast<std::uint32_t>(c.integer("evaluate.members")));
  if (need > memory_limit)
    throw Error(ErrorKind::usage,
                fmt::format("the run needs about {:.1f} GiB, more than --max-memory {}", need / 1073741824.0,
                            c.text("evaluate.max_memory")),
                {.remedy = "Raise --max-memory, or ask for fewer members"});
  check_outputs(c);
  std::vector<std::string> notes = maker.notes();
  set_time_limit(c.real("evaluate.time_limit"));
  Journal journal(in_output(c, kCheckpoint), identity_of(c, maker, model), c.flag("evaluate.resume"));
  if (journal.size() > 0) notes.push_back(fmt::format("resumed: {} cases were done before", journal.size()));
  try {
    Job(c, maker, model, e).run(journal);
  } catch (const Error& error) {
    // A corrected input is another job: nothing could go on from this journal.
    if (error.kind() == ErrorKind::input) journal.remove();
    throw;
  }

  std::vector<std::vector<std::size_t>> place(e.methods.size(), std::vector<std::size_t>(e.cases.size()));
  e.scores.assign(e.methods.size(), std::vector<CaseScores>(e.cases.size()));
  for (std::size_t k = 0; k < journal.size(); ++k) {
    const FieldRecord r = journal.read(k);
    e.scores[r.extra][r.time] = case_scores_of(r.scores);
    place[r.extra][r.time] = k;
  }
  bool scored = false;
  std::string refusal;
  for (const auto& method : e.scores)
    for (const auto& s : method) {
      scored = scored || s.whole.weight > 0.0;
      if (refusal.empty()) refusal = s.refusal;
    }
  if (!scored) {
    journal.remove();
    if (!refusal.empty())
      throw Error(ErrorKind::usage, "no method has members of any case: " + refusal,
                  {.remedy = "Evaluate other methods, or withhold cells"});
    throw Error(ErrorKind::input, "no known cell was withheld in any of the cases",
                {.file = c.texts("evaluate.input").front(),
                 .variable = maker.summary().name,
                 .remedy = "Withhold more, otherwise, or in fields with more values"});
  }
  for (std::size_t m = 0; m < e.methods.size(); ++m)
    e.discrepancy.push_back(discrepancies(e, m, maker, journal, place));
  const Summary summary =
      summarise(e, {.block = static_cast<std::size_t>(c.integer("evaluate.block")),
                    .resamples = static_cast<std::size_t>(c.integer("evaluate.resamples")),
                    .seed = static_cast<std::uint64_t>(c.integer("evaluate.seed"))});
  auto warnings = warnings_of(e, maker);
  auto json = about(c, maker, model);
  json["warnings"] = warnings;
  write_atomically(in_output(c, kScores), json_of(e, summary, std::move(json)).dump(1) + "\n");
  write_atomically(in_output(c, kTable), csv_of(e, summary));
  write_atomically(in_output(c, kTimings), timings_of(e).dump(1) + "\n");
  if (c.flag("evaluate.write_members")) write_members(c, e, maker, journal, place);
  const std::string toml =
      narrowed(c, [&](const std::string& key) { return of_used_operator(c, key); }).to_toml();
  write_report({.evaluation = e,
                .summary = summary,
                .maker = maker,
                .journal = journal,
                .place = place,
                .config = c,
                .name = maker.quantity(),
                .units = plot::printed_units(maker.summary().units),
                .facts = facts_of(c, maker, model),
                .warnings = warnings,
                .toml = toml},
               c.text("evaluate.output"));
  write_atomically(in_output(c, kConfig), toml);
  journal.remove();
  for (const auto& w : warnings) log::warning(w);
  for (std::size_t m = 0; m < e.methods.size(); ++m) {
    const auto* row = summary.find(m, "", "all", "all");
    if (row->scores.scores.fields == 0) continue;
    notes.push_back(fmt::format("{}: CRPS {:.4g} ({:.4g} to {:.4g}), RMSE {:.4g}, 90 % covers {:.3f}",
                                e.methods[m].name, row->scores.scores.crps, row->scores.crps.low,
                                row->scores.crps.high, row->scores.scores.rmse,
                                row->scores.scores.coverage90));
  }
  return notes;
}

}  // namespace manifill::pipeline
