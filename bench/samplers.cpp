// Scores zero-shot samplers on the problems with exact posteriors that their tests use: a Gaussian field on 6
// x 12 points of the globe, half of them hidden, noise of 0.1; and a mixture of two Gaussians in the plane.
//
//   bench-samplers [options] [NAME [KEY=VALUE...]]...
//
//   NAME         a method with the settings that follow it ("pigdm steps=1000"); none: all zero-shot ones
//                with their defaults. davi is trained first, with the settings of [davi] and [score]; of
//                gaussian, flow, importance and davi the mixture is that of fields of two points
//   --fields N   Gaussian fields (20)
//   --members N  of each (500)
//
// Over the hidden points and over all, by area: root mean square error of the mean in exact posterior
// standard deviations, what a finite number of members makes of it taken off; spread over the exact. Of the
// mixture the share of 10,000 members beyond the saddle, and mean and spread as before over both coordinates.
// "-" where a method is none for the problem.
#include <fmt/format.h>

#include <cstdio>
#include <set>
#include <string>
#include <vector>

#include "manifill/base/error.hpp"
#include "manifill/posterior/diffusion.hpp"
#include "program.hpp"
#include "unit/posterior/davi_toys.hpp"
#include "unit/posterior/hills_toys.hpp"

namespace {

using namespace manifill;

/// Samplers that need a model trained on fields.
const std::set<std::string> kOfModels{"gaussian", "flow", "importance", "davi"};

struct Row {
  std::string name{};
  std::vector<std::string> settings{};
};

/// What `f` prints, or "-" where it is refused.
template <typename F>
std::string cell(F f) {
  try {
    return f();
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::usage) throw;
    return "-";
  }
}

std::string line(const toys::Tally& t) {
  return fmt::format("{:.2f} | {:.3f} | {:.2f} | {:.3f}", t.hidden.mean_error, t.hidden.spread,
                     t.all.mean_error, t.all.spread);
}

/// The hills with all that can be trained on them.
const toys::HillsField& hills_field() {
  static const toys::HillsField field({.score = 2000, .flow = 5000, .davi = 1000});
  return field;
}

/// A generator trained on other Gaussian fields, before and after.
std::string trained_davi(const std::vector<std::string>& settings, std::uint64_t fields,
                         std::uint32_t members) {
  Config config(posterior::DaviTrainingOptions::specs());
  for (const auto& setting : settings) config.set(setting);
  const auto o = posterior::DaviTrainingOptions::from(config);
  const auto cases = toys::davi_cases(o);
  const prior::Prior prior(cases.backbone);
  const auto start = posterior::davi_network(prior, o.network, cases.training.features.size(1), 1);
  fmt::print(stderr, "start: {}\n", line(toys::davi_tally(start, o.noise, fields, members)));
  const posterior::TrainingHooks hooks{
      .report = [](const std::string& text) { fmt::print(stderr, "{}\n", text); }};
  const auto trained = posterior::train_davi(cases.training, cases.validation, prior, o, hooks);
  return line(toys::davi_tally(trained.generator, o.noise, fields, members));
}

int work(const std::vector<std::string>& args) {
  std::uint64_t fields = 20;
  std::uint32_t members = 500;
  std::vector<Row> rows;
  for (std::size_t k = 0; k < args.size(); ++k) {
    const bool count = args[k] == "--fields" || args[k] == "--members";
    if (count && k + 1 == args.size()) throw Error(ErrorKind::usage, "'" + args[k] + "' lacks its value");
    if (args[k] == "--fields") {
      fields = std::stoul(args[++k]);
    } else if (args[k] == "--members") {
      members = static_cast<std::uint32_t>(std::stoul(args[++k]));
    } else if (args[k].find('=') == std::string::npos) {
      if (!posterior::is_diffusion_method(args[k]) && kOfModels.count(args[k]) == 0)
        throw Error(ErrorKind::usage, "no sampler of these problems is named '" + args[k] + "'",
                    {.remedy = "Name one of docs/samplers.md"});
      rows.push_back({.name = args[k]});
    } else {
      if (rows.empty()) throw Error(ErrorKind::usage, "'" + args[k] + "' follows no method");
      const bool named = args[k].substr(0, args[k].find('=')).find('.') != std::string::npos;
      rows.back().settings.push_back(named ? args[k] : rows.back().name + "." + args[k]);
    }
  }
  if (rows.empty())
    for (const auto& name : posterior::SamplerRegistry::instance().names())
      if (posterior::is_diffusion_method(name)) rows.push_back({.name = name});
  fmt::print(
      "| method | mean, hidden | spread, hidden | mean, all | spread, all | second hill | mean, hills | "
      "spread, hills |\n|---|---|---|---|---|---|---|---|\n");
  for (const auto& [name, settings] : rows) {
    std::string title = "`" + name + "`";
    for (const auto& setting : settings) title += fmt::format(", `{}`", setting.substr(name.size() + 1));
    const auto half = cell([&, &own = name, &set = settings] {
      if (own == "davi") return trained_davi(set, fields, members);
      if (own == "flow" || own == "importance") return std::string("-");
      return line(toys::tally(own, set, fields, members));
    });
    const auto hills = cell([&own = name, &set = settings] {
      const auto h = kOfModels.count(own) > 0 ? hills_field().of(own, 10000) : toys::hills(own, set);
      return fmt::format("{:.3f} | {:.2f} | {:.3f}", h.second, h.own.mean_error, h.own.spread);
    });
    fmt::print("| {} | {} | {} |\n", title, half == "-" ? "- | - | - | -" : half,
               hills == "-" ? "- | - | -" : hills);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return bench::run("bench-samplers", work, argc, argv); }
