// Scores zero-shot samplers on the problems with exact posteriors that their tests use: a Gaussian field on 6
// x 12 points of the globe, half of them hidden, noise of 0.1; and a mixture of two Gaussians in the plane.
//
//   bench-samplers [options] [NAME [KEY=VALUE...]]...
//
//   NAME         a method with the settings that follow it ("pigdm steps=1000"); none: all with their
//   defaults
//   --fields N   Gaussian fields (20)
//   --members N  of each (500)
//
// Over the hidden points and over all, by area: root mean square error of the mean in exact posterior
// standard deviations, what a finite number of members makes of it taken off; spread over the exact. Of the
// mixture the share of 10,000 members beyond the saddle. "-" where a method is none for the problem.
#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <vector>

#include "manifill/base/error.hpp"
#include "manifill/posterior/diffusion.hpp"
#include "program.hpp"
#include "unit/posterior/diffusion_toys.hpp"

namespace {

using namespace manifill;

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
      if (!posterior::is_diffusion_method(args[k]))
        throw Error(ErrorKind::usage, "no zero-shot sampler is named '" + args[k] + "'",
                    {.remedy = "Name one of docs/samplers.md"});
      rows.push_back({.name = args[k]});
    } else {
      if (rows.empty()) throw Error(ErrorKind::usage, "'" + args[k] + "' follows no method");
      rows.back().settings.push_back(rows.back().name + "." + args[k]);
    }
  }
  if (rows.empty())
    for (const auto& name : posterior::SamplerRegistry::instance().names())
      if (posterior::is_diffusion_method(name)) rows.push_back({.name = name});
  fmt::print(
      "| method | mean, hidden | spread, hidden | mean, all | spread, all | second hill |\n"
      "|---|---|---|---|---|---|\n");
  for (const auto& [name, settings] : rows) {
    std::string title = "`" + name + "`";
    for (const auto& setting : settings) title += fmt::format(", `{}`", setting.substr(name.size() + 1));
    const auto half = cell([&, &own = name, &set = settings] {
      const auto t = toys::tally(own, set, fields, members);
      return fmt::format("{:.2f} | {:.3f} | {:.2f} | {:.3f}", t.hidden.mean_error, t.hidden.spread,
                         t.all.mean_error, t.all.spread);
    });
    const auto hills =
        cell([&own = name, &set = settings] { return fmt::format("{:.3f}", toys::hills(own, set).second); });
    fmt::print("| {} | {} | {} |\n", title, half == "-" ? "- | - | - | -" : half, hills);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return bench::run("bench-samplers", work, argc, argv); }
