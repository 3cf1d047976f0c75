#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "evaluate_parts.hpp"
#include "html.hpp"
#include "manifill/base/atomic_file.hpp"
#include "manifill/base/error.hpp"

namespace manifill::pipeline {
namespace fs = std::filesystem;
namespace {

constexpr int kFailureWidth = 1000;

std::string cell(double v, const char* format = "{:.4g}") {
  return std::isfinite(v) ? fmt::format(fmt::runtime(format), v) : std::string();
}

/// A mean over its interval.
std::string cell(const verification::MeanInterval& i, const char* format = "{:.4g}") {
  if (!std::isfinite(i.mean)) return {};
  return cell(i.mean, format) + "<small>" + cell(i.low, format) + " to " + cell(i.high, format) + "</small>";
}

std::string kind_title(std::string kind) {
  if (kind.empty()) return "all kinds together";
  std::replace(kind.begin(), kind.end(), '_', ' ');
  return kind;
}

class Report {
 public:
  Report(const ReportSource& source, std::string directory)
      : s_(source), e_(source.evaluation), pictures_(std::move(directory)) {}

  std::string body() {
    std::string out = heading();
    out += section("scores", "Scores", scores());
    out += section("cost", "Cost", cost());
    out += section("maps", "Maps", maps());
    out += section("ranks", "Rank histogram",
                   figure(draw_ranks(s_, name("ranks")), "No method gave an ensemble."));
    out += section("spread", "Spread against skill",
                   figure(draw_spread(s_, name("spread")), "No method gave an ensemble."));
    out += section("coverage", "Coverage",
                   figure(draw_coverage(s_, name("coverage")), "No method gave an ensemble."));
    out += section("spectrum", "Spectrum by degree", spectra());
    out += section("hidden", "CRPS by fraction hidden", axis("hidden", "share hidden"));
    out += section("noise", "CRPS by noise",
                   axis("noise", s_.units.empty() ? "noise added" : "noise added, " + s_.units));
    out += section("region", "CRPS by region", axis("region", "region"));
    out += section("season", "CRPS by season", axis("season", "season"));
    out += section("diversity", "Diversity", diversity());
    out += section("failures", "Failures", failures());
    out += section(
        "settings", "Settings",
        "<details><summary>The whole configuration</summary><pre>" + escaped(s_.toml) + "</pre></details>\n");
    return out;
  }

 private:
  [[nodiscard]] std::string name(const std::string& picture) const {
    return (fs::path(pictures_) / (picture + ".png")).string();
  }
  static std::string section(const std::string& id, const std::string& title, const std::string& content) {
    return fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n{}</section>\n", id, title, content);
  }
  static std::string figure(const Picture& picture, const std::string& otherwise) {
    return picture.path.empty() ? "<p>" + otherwise + "</p>\n" : html_figure(picture.path, picture.caption);
  }
  [[nodiscard]] std::string head(const std::string& what) const {
    return s_.units.empty() ? what : what + "<small>" + escaped(s_.units) + "</small>";
  }
  [[nodiscard]] std::vector<std::string> kinds(bool with_all) const {
    auto out = kinds_of(e_);
    if (with_all && out.size() > 1) out.insert(out.begin(), "");
    return out;
  }

  [[nodiscard]] std::string heading() const {
    std::vector<std::string> methods;
    for (const auto& m : e_.methods) methods.push_back(escaped(m.name));
    std::string out =
        fmt::format("<h1>{}: {}</h1>\n<ul class=\"facts\">\n", escaped(s_.name), fmt::join(methods, ", "));
    for (const auto& fact : s_.facts) out += "<li>" + escaped(fact) + "</li>\n";
    for (const auto& m : e_.methods)
      out += fmt::format("<li>{}: {}{}</li>\n", escaped(m.name), escaped(m.summary),
                         m.set.empty() ? "" : "; " + escaped(m.set));
    out += "</ul>\n";
    for (const auto& w : s_.warnings) out += "<p class=\"warning\">" + escaped(w) + "</p>\n";
    out += "<nav>";
    for (const auto& [id, title] : {std::pair{"scores", "Scores"},
                                    {"cost", "Cost"},
                                    {"maps", "Maps"},
                                    {"ranks", "Ranks"},
                                    {"spread", "Spread"},
                                    {"coverage", "Coverage"},
                                    {"spectrum", "Spectrum"},
                                    {"hidden", "Fraction hidden"},
                                    {"noise", "Noise"},
                                    {"region", "Regions"},
                                    {"season", "Seasons"},
                                    {"diversity", "Diversity"},
                                    {"failures", "Failures"},
                                    {"settings", "Settings"}})
      out += fmt::format("<a href=\"#{}\">{}</a>\n", id, title);
    return out + "</nav>\n";
  }

  [[nodiscard]] std::string scores() const {
    std::string out =
        "<p>Over the cells that were withheld, of what was measured over all known cells, by area. Small "
        "print: intervals of 95 % by a block bootstrap "
        "over fields. An honest ensemble has spread/skill 1, covers 50, 80 and 90 %, and is as diverse as it "
        "is far from the truth.</p>\n";
    const auto all = kinds(true);
    for (const auto& kind : all) {
      if (all.size() > 1) out += "<h3>" + escaped(kind_title(kind)) + "</h3>\n";
      std::vector<std::vector<std::string>> marginal;
      std::vector<std::vector<std::string>> joint;
      std::string reasons;
      for (std::size_t m = 0; m < e_.methods.size(); ++m) {
        const auto& r = s_.summary.find(m, kind, "all", "all")->scores;
        const auto& v = r.scores;
        const bool single = v.members == 1;
        const Cost c = cost_of(e_, m, s_.summary.find(m, kind, "all", "all")->stratum.cases);
        const auto of_ensemble = [&](const std::string& text) { return single ? std::string() : text; };
        std::string name = escaped(e_.methods[m].name);
        if (r.refused > 0) {
          reasons +=
              fmt::format("<p>{}: no members{}, {}.</p>\n", name,
                          v.fields > 0 ? fmt::format(" for {} of {} cases", r.refused, r.refused + v.fields)
                                       : std::string(),
                          escaped(r.refusal));
          if (v.fields == 0) {
            marginal.push_back({name, "no members"});
            continue;
          }
          name += fmt::format("<small>{} of {} cases</small>", v.fields, r.refused + v.fields);
        }
        marginal.push_back(
            {name, cell(r.crps),
             m == 0 ? std::string() : cell(scaled(r.difference, 100.0 / r.reference), "{:+.1f}"),
             cell(r.rmse), cell(r.mae), cell(r.bias, "{:.3g}"), of_ensemble(cell(v.spread_skill, "{:.3f}")),
             of_ensemble(cell(100.0 * v.coverage50, "{:.1f}")),
             of_ensemble(cell(100.0 * v.coverage80, "{:.1f}")),
             of_ensemble(cell(scaled(r.coverage90, 100.0), "{:.1f}"))});
        joint.push_back({name, cell(v.energy), cell(v.diversity), cell(v.variogram),
                         cell(v.gradient_ratio, "{:.3f}"), cell(v.psnr, "{:.2f}"),
                         of_ensemble(cell(v.psnr_members, "{:.2f}")), cell(v.ssim, "{:.4f}"),
                         of_ensemble(cell(v.ssim_members, "{:.4f}")), cell(r.discrepancy, "{:.2g}"),
                         cell(c.sample, "{:.3g}"), cell(c.evaluations, "{:.4g}")});
      }
      out += html_table(
          {"method", head("CRPS"), "CRPS against<small>" + escaped(e_.methods.front().name) + ", %</small>",
           head("RMSE"), head("MAE"), head("bias"), "spread/skill", "in 50 %", "in 80 %", "in 90 %"},
          marginal);
      out += html_table(
          {"method", head("energy score"), head("diversity"), head("variogram score"),
           "gradient<small>over truth's</small>", "PSNR<small>mean, dB</small>",
           "PSNR<small>members, dB</small>", "SSIM<small>mean</small>", "SSIM<small>members</small>", "MMD²",
           "time<small>ms a sample</small>", "network<small>evaluations a sample</small>"},
          joint);
      out += reasons;
    }
    return out;
  }

  static verification::MeanInterval scaled(verification::MeanInterval i, double factor) {
    return {factor * i.mean, factor * i.low, factor * i.high};
  }

  [[nodiscard]] std::string cost() const {
    std::vector<std::vector<std::string>> rows;
    for (std::size_t m = 0; m < e_.methods.size(); ++m) {
      const Cost c = cost_of(e_, m);
      if (c.field <= 0.0) continue;  // a method that takes nothing of what is observed
      rows.push_back({escaped(e_.methods[m].name), cell(c.sample, "{:.3g}"), cell(c.field, "{:.3g}"),
                      cell(c.first, "{:.3g}"), cell(c.evaluations, "{:.4g}"), cell(c.gradients, "{:.4g}")});
    }
    return "<p>Time on this machine, mean over the fields after the first; the first field of a method makes "
           "what "
           "later ones share.</p>\n" +
           html_table({"method", "a sample<small>ms</small>", "a field<small>s</small>",
                       "first field<small>s</small>", "network evaluations<small>a sample</small>",
                       "gradients<small>a sample</small>"},
                      rows) +
           figure(draw_speed(s_, name("speed")), "No method was timed.");
  }

  [[nodiscard]] std::string maps() const {
    std::string out = "<p>Of each setting the case whose CRPS is the first method's median.</p>\n";
    for (const auto& kind : kinds(false)) {
      std::string pictures;
      for (const auto& row : s_.summary.rows) {
        if (row.method != 0 || row.kind != kind || row.stratum.axis != "setting") continue;
        const Picture picture =
            draw_setting(s_, row.stratum, name(file_word("samples " + kind + " " + row.stratum.value)));
        if (!picture.path.empty()) pictures += html_figure(picture.path, picture.caption);
      }
      if (!pictures.empty()) out += "<h3>" + escaped(kind_title(kind)) + "</h3>\n" + pictures;
    }
    return out;
  }

  [[nodiscard]] std::string spectra() const {
    std::string out =
        figure(draw_spectrum(s_, true, name("spectrum_degree")),
               "The fields are no complete fields on a global grid of rings: they have no degrees.");
    const Picture rows = draw_spectrum(s_, false, name("spectrum_wavenumber"));
    if (!rows.path.empty()) out += html_figure(rows.path, rows.caption);
    return out;
  }

  [[nodiscard]] std::string axis(const std::string& axis, const std::string& title) const {
    std::string out;
    const Picture picture = draw_axis(s_, axis, name("crps_by_" + axis));
    if (!picture.path.empty()) out += html_figure(picture.path, picture.caption);
    std::vector<std::string> columns{"withheld", title, "cases", "area scored"};
    for (const auto& m : e_.methods)
      columns.push_back(escaped(m.name) + "<small>CRPS" + (s_.units.empty() ? "" : ", " + escaped(s_.units)) +
                        "</small>");
    std::vector<std::vector<std::string>> rows;
    for (const auto& kind : kinds(true))
      for (const auto& row : s_.summary.rows) {
        if (row.method != 0 || row.kind != kind || row.stratum.axis != axis) continue;
        std::vector<std::string> line{escaped(kind_title(kind)), escaped(row.stratum.value),
                                      std::to_string(row.scores.scores.fields),
                                      cell(100.0 * row.scores.area, "{:.2g} %")};
        for (std::size_t m = 0; m < e_.methods.size(); ++m)
          line.push_back(cell(s_.summary.find(m, kind, axis, row.stratum.value)->scores.crps));
        rows.push_back(std::move(line));
      }
    if (rows.empty())
      return axis == "season" ? "<p>The fields have no dates that tell seasons.</p>\n"
                              : "<p>What was withheld has no such share.</p>\n";
    const std::string table = html_table(columns, rows, 2);
    if (picture.path.empty()) return out + table;
    return out + "<details><summary>Numbers</summary>\n" + table + "</details>\n";
  }

  [[nodiscard]] std::string diversity() const {
    std::string out = figure(draw_diversity(s_, name("diversity")), "No method gave an ensemble.");
    std::vector<std::vector<std::string>> rows;
    for (const auto& kind : kinds(true))
      for (std::size_t m = 0; m < e_.methods.size(); ++m) {
        const auto& r = s_.summary.find(m, kind, "all", "all")->scores;
        const auto& v = r.scores;
        if (v.members < 2) continue;
        rows.push_back({escaped(e_.methods[m].name), escaped(kind_title(kind)), cell(v.diversity),
                        cell(v.energy + 0.5 * v.diversity), cell(diversity_ratio(v), "{:.3f}"),
                        cell(r.discrepancy, "{:.2g}")});
      }
    if (rows.empty()) return out;
    return out +
           html_table({"method", "withheld", head("distance of members"), head("distance to the truth"),
                       "ratio", "MMD²<small>members against truths</small>"},
                      rows, 2) +
           "<p>MMD²: squared maximum mean discrepancy of the laws of members and of truths, unbiased; the "
           "kernel is "
           "Gaussian, as wide as the median distance of two truths. About zero where members look like "
           "truths.</p>\n";
  }

  [[nodiscard]] std::string failures() const {
    const auto count = static_cast<std::size_t>(s_.config.integer("evaluate.worst"));
    if (count == 0) return "<p>None was asked for (evaluate.worst is 0).</p>\n";
    std::string out = fmt::format("<p>The {} cases that each method did worst on by CRPS.</p>\n", count);
    for (std::size_t m = 0; m < e_.methods.size(); ++m) {
      const auto worst = worst_cases(e_, m, count);
      std::vector<std::vector<std::string>> rows;
      std::string pictures;
      for (std::size_t k = 0; k < worst.size(); ++k) {
        const auto& scores = e_.scores[m][worst[k]].whole;
        std::vector<std::string> line{std::to_string(k + 1),
                                      escaped(case_text(s_, worst[k])),
                                      cell(scores.crps),
                                      cell(std::sqrt(scores.square)),
                                      cell(std::sqrt(scores.variance)),
                                      cell(e_.scores[m][worst[k]].chi_square, "{:.2f}")};
        for (std::size_t o = 0; o < e_.methods.size(); ++o)
          line.push_back(o == m ? std::string() : cell(e_.scores[o][worst[k]].whole.crps));
        rows.push_back(std::move(line));
        pictures += figure(
            draw_case(s_, m, worst[k], 1,
                      name(fmt::format("worst_{}_{}", file_word(e_.methods[m].name), k + 1)), kFailureWidth),
            "");
      }
      std::vector<std::string> columns{
          "",           "case",         head("CRPS"),
          head("RMSE"), head("spread"), "χ² of the input<small>over its expectation</small>"};
      for (const auto& o : e_.methods) columns.push_back("CRPS of<small>" + escaped(o.name) + "</small>");
      out += "<h3>" + escaped(e_.methods[m].name) + "</h3>\n" + html_table(columns, rows, 2);
      if (!pictures.empty())
        out += fmt::format("<details{}><summary>Pictures of {}</summary>\n{}</details>\n",
                           m == 0 ? " open" : "", escaped(e_.methods[m].name), pictures);
    }
    return out;
  }

  const ReportSource& s_;
  const Evaluation& e_;
  std::string pictures_;
};

}  // namespace

void write_report(const ReportSource& source, const std::string& directory) {
  const fs::path pictures = fs::path(directory) / "pictures";
  std::error_code error;
  fs::create_directories(pictures, error);
  if (error)
    throw Error(ErrorKind::io, "the directory of the pictures cannot be made",
                {.file = pictures.string(), .remedy = "Check the output directory"});
  const std::string body = Report(source, pictures.string()).body();
  write_atomically((fs::path(directory) / "report.html").string(),
                   html_page("manifill evaluate: " + source.name, body));
}

}  // namespace manifill::pipeline
