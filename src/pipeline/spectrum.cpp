#include "manifill/pipeline/spectrum.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <optional>
#include <span>

#include "manifill/base/atomic_file.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/io/field_file.hpp"
#include "manifill/io/imputed_file.hpp"
#include "manifill/operators/harmonic_fields.hpp"
#include "manifill/pipeline/operator_job.hpp"
#include "manifill/pipeline/transform.hpp"
#include "manifill/plot/curves.hpp"
#include "manifill/plot/time_selection.hpp"

namespace manifill::pipeline {
namespace {

bool is_picture(const std::string& path) {
  return path.ends_with(".png") || path.ends_with(".pdf") || path.ends_with(".svg");
}

void add(std::vector<double>& sum, const std::vector<double>& x) {
  sum.resize(x.size(), 0.0);
  for (std::size_t l = 0; l < x.size(); ++l) sum[l] += x[l];
}

/// A variable with its transform.
struct Source {
  Source(const std::string& path, const std::string& name, const Config& c)
      : variable(io::GriddedVariable::open(path, name, c.text("spectrum.grid"))),
        grid(operators::RingGrid::of(variable.domain())),
        level(static_cast<std::size_t>(c.integer("spectrum.level"))) {
    if (level >= variable.extras())
      throw Error(ErrorKind::usage,
                  fmt::format("level {} is out of range: there are {}", level, variable.extras()),
                  {.file = path, .variable = variable.summary().name, .remedy = "Levels count from 0"});
  }
  [[nodiscard]] std::vector<double> coefficients(const operators::SphericalHarmonics& sht, std::size_t time,
                                                 int iterations) const {
    const bool exact = grid.quadrature != operators::Quadrature::healpix &&
                       grid.quadrature != operators::Quadrature::reduced_gaussian;
    return sht.analysis(complete_fields(variable, level, time, 1), exact ? 0 : iterations);
  }
  io::GriddedVariable variable;
  operators::RingGrid grid;
  std::size_t level;
};

std::optional<Source> second_source(const Config& c) {
  const std::string& file = c.text("spectrum.against_input");
  const std::string& name = c.text("spectrum.against");
  if (file.empty() && name.empty()) return std::nullopt;
  if (file.empty()) return Source(c.text("spectrum.input"), name, c);
  return Source(file, name.empty() ? c.text("spectrum.variable") : name, c);
}

std::vector<io::FileColumn> columns_of(const AngularSpectrum& s, const std::string& name,
                                       const std::string& other) {
  std::vector<io::FileColumn> columns{
      {.name = "degree", .units = "1", .long_name = "degree of the spherical harmonics"},
      {.name = "power", .units = s.units, .long_name = "angular power of " + name, .values = s.power},
      {.name = "mean_square",
       .units = s.units,
       .long_name = "share of the degree in the mean square of " + name}};
  for (std::size_t l = 0; l < s.power.size(); ++l) {
    columns[0].values.push_back(static_cast<double>(l));
    columns[2].values.push_back(AngularSpectrum::mean_square(l, s.power[l]));
  }
  if (s.cross.empty()) return columns;
  columns.push_back({.name = "other_power", .long_name = "angular power of " + other, .values = s.other});
  columns.push_back(
      {.name = "cross", .long_name = "angular cross power of " + name + " and " + other, .values = s.cross});
  columns.push_back({.name = "correlation", .units = "1", .long_name = "correlation of the two by degree"});
  for (std::size_t l = 0; l < s.power.size(); ++l) columns.back().values.push_back(s.correlation(l));
  return columns;
}

void draw(const std::string& path, const AngularSpectrum& s, const std::string& name,
          const std::string& other) {
  std::vector<double> degree;
  for (std::size_t l = 1; l < s.power.size(); ++l) degree.push_back(static_cast<double>(l));
  const auto curve = [&](const std::string& label, const std::vector<double>& y) {
    return plot::Curve{.label = label, .x = degree, .y = {y.begin() + 1, y.end()}};
  };
  plot::CurvePanel power{
      .title = "angular power spectrum",
      .x = {.label = "degree", .scale = plot::AxisScale::log},
      .y = {.label = s.units.empty() ? "power" : "power (" + s.units + ")", .scale = plot::AxisScale::log}};
  power.curves.push_back(curve(name, s.power));
  std::vector<plot::CurvePanel> panels;
  if (!s.cross.empty()) {
    power.curves.push_back(curve(other, s.other));
    std::vector<double> correlation;
    for (std::size_t l = 0; l < s.power.size(); ++l) correlation.push_back(s.correlation(l));
    panels.push_back({.title = "correlation by degree",
                      .x = {.label = "degree", .scale = plot::AxisScale::log},
                      .y = {.label = "correlation", .lowest = -1.0, .highest = 1.0},
                      .curves = {curve("", correlation)}});
  }
  panels.insert(panels.begin(), power);
  plot::curves(path, {.panels = panels, .width = panels.size() == 1 ? 1000 : 1600});
}

std::string name_of(const Config& c, bool second) {
  const std::string& first = c.text("spectrum.variable");
  const std::string& against = c.text("spectrum.against");
  if (!second) return first.empty() ? "the variable" : first;
  return against.empty() ? c.text("spectrum.against_input") : against;
}

void check_ending(const std::string& output) {
  if (!output.empty() && !is_picture(output) && !output.ends_with(".csv") && !output.ends_with(".nc"))
    throw Error(ErrorKind::usage, "a spectrum is not written as '" + output + "'",
                {.remedy = "Give a name that ends in .csv, .nc, .png, .pdf or .svg"});
}

}  // namespace

double AngularSpectrum::mean_square(std::size_t degree, double power) {
  return (2.0 * static_cast<double>(degree) + 1.0) * power / (4.0 * std::numbers::pi);
}

double AngularSpectrum::correlation(std::size_t degree) const {
  const double both = std::sqrt(power[degree] * other[degree]);
  return both > 0.0 ? cross[degree] / both : std::numeric_limits<double>::quiet_NaN();
}

std::string AngularSpectrum::to_csv() const {
  std::string text = "degree,power,mean_square";
  if (!cross.empty()) text += ",other_power,cross,correlation";
  text += "\n";
  for (std::size_t l = 0; l < power.size(); ++l) {
    text += fmt::format("{},{:.10g},{:.10g}", l, power[l], mean_square(l, power[l]));
    if (!cross.empty()) text += fmt::format(",{:.10g},{:.10g}", other[l], cross[l]);
    if (!cross.empty()) text += std::isnan(correlation(l)) ? "," : fmt::format(",{:.6f}", correlation(l));
    text += "\n";
  }
  return text;
}

std::vector<OptionSpec> spectrum_specs() {
  return {
      {.key = "spectrum.input", .help = "NetCDF file to read", .fallback = std::string()},
      {.key = "spectrum.variable", .help = "variable; empty: the only one", .fallback = std::string()},
      {.key = "spectrum.against",
       .help =
           "second variable, for a cross spectrum; empty: none, or that of the same name in a second file",
       .fallback = std::string()},
      {.key = "spectrum.against_input",
       .help = "file of the second variable; empty: the same",
       .fallback = std::string()},
      {.key = "spectrum.output",
       .help = ".csv, .nc, .png, .pdf or .svg to write; empty: a table on standard output",
       .fallback = std::string()},
      {.key = "spectrum.grid",
       .help = "file with the coordinates of cells that the file has none of; empty: none",
       .fallback = std::string()},
      {.key = "spectrum.time",
       .help = "index from 0 (-1: the last), date, or A:B[:STEP]; empty: the mean spectrum of all times",
       .fallback = std::string()},
      {.key = "spectrum.level",
       .help = "index from 0 over the dimensions that are not time, latitude or longitude",
       .fallback = std::int64_t{0},
       .lowest = 0},
      {.key = "spectrum.lmax",
       .help = "highest degree; -1: what the grid resolves",
       .fallback = std::int64_t{-1},
       .lowest = -1,
       .highest = 8191},
      {.key = "spectrum.iterations",
       .help = "times the residual is analysed again on HEALPix and reduced Gaussian grids",
       .fallback = std::int64_t{3},
       .lowest = 0,
       .highest = 100},
      {.key = "spectrum.overwrite", .help = "replace an existing output", .fallback = false},
  };
}

AngularSpectrum angular_spectrum(const Config& c) {
  if (c.text("spectrum.input").empty())
    throw Error(ErrorKind::usage, "no file to read is named", {.remedy = "Give IN.nc"});
  const Source one(c.text("spectrum.input"), c.text("spectrum.variable"), c);
  const auto two = second_source(c);
  if (two && two->variable.times() != one.variable.times())
    throw Error(
        ErrorKind::input,
        fmt::format("the variables have {} and {} times", one.variable.times(), two->variable.times()),
        {.file = two->variable.path(),
         .variable = two->variable.summary().name,
         .remedy = "Select the same times first, e.g. with cdo seldate"});
  std::int64_t lmax = highest_degree(one.grid, c.integer("spectrum.lmax"));
  // Grids may differ: coefficients are of the sphere.
  if (two) lmax = std::min(lmax, highest_degree(two->grid, c.integer("spectrum.lmax")));
  const operators::SphericalHarmonics sht(one.grid, lmax);
  const auto other =
      two ? std::optional<operators::SphericalHarmonics>(std::in_place, two->grid, lmax) : std::nullopt;
  const std::string& selection = c.text("spectrum.time");
  const auto times =
      plot::select_times(selection.empty() ? ":" : selection, one.variable.time(), one.variable.times());
  const auto iterations = static_cast<int>(c.integer("spectrum.iterations"));
  const std::string& units = one.variable.summary().units;
  AngularSpectrum s{.units = units.empty() || units == "1" ? units : "(" + units + ")2",
                    .fields = times.size()};
  for (const std::size_t t : times) {
    check_stop(c.text("spectrum.output"));
    const auto a = one.coefficients(sht, t, iterations);
    add(s.power, operators::power_spectrum(a, lmax));
    if (!two) continue;
    const auto b = two->coefficients(*other, t, iterations);
    add(s.other, operators::power_spectrum(b, lmax));
    add(s.cross, operators::cross_spectrum(a, b, lmax));
  }
  for (auto* sum : {&s.power, &s.other, &s.cross})
    for (auto& x : *sum) x /= static_cast<double>(times.size());
  return s;
}

std::vector<std::string> run_spectrum(const Config& c) {
  const std::string& output = c.text("spectrum.output");
  check_ending(output);
  if (!output.empty())
    io::check_output(output, {c.text("spectrum.input"), c.text("spectrum.against_input")},
                     c.flag("spectrum.overwrite"));
  const AngularSpectrum s = angular_spectrum(c);
  const std::string mean = fmt::format("degrees 0 to {}, mean of {} field(s)", s.power.size() - 1, s.fields);
  if (output.empty()) {
    std::string text = s.to_csv();
    std::replace(text.begin(), text.end(), ',', '\t');
    fmt::print("{}", text);
    return {mean};
  }
  const std::string name = name_of(c, false);
  const std::string other = name_of(c, true);
  if (is_picture(output))
    draw(output, s, name, other);
  else if (output.ends_with(".csv"))
    write_atomically(output, s.to_csv());
  else
    io::write_columns(output, columns_of(s, name, other),
                      {.attributes = provenance(c), .history = history_line("angular spectrum of " + name)});
  return {mean, "written: " + output};
}

}  // namespace manifill::pipeline
