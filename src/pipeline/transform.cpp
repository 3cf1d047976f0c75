#include "manifill/pipeline/transform.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <functional>
#include <numbers>

#include "manifill/base/error.hpp"
#include "manifill/base/progress.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/io/derived_file.hpp"
#include "manifill/io/imputed_file.hpp"
#include "manifill/operators/harmonic_fields.hpp"
#include "manifill/pipeline/operator_job.hpp"

namespace manifill::pipeline {
namespace {

/// What is done to coefficients, and to the units of what they stand for.
struct SpectralFilter {
  std::function<double(std::int64_t)> gain{};
  std::string note{};       ///< for the history; empty: nothing is done
  std::string units{};      ///< a factor: "m-2"
  bool other_kind = false;  ///< the result is another quantity
};

SpectralFilter spectral_filter_of(const Config& c) {
  const bool forward = c.flag("transform.laplacian");
  const bool inverse = c.flag("transform.inverse_laplacian");
  const double width = c.real("transform.smooth_km") / domain::kEarthRadiusKm;
  const std::string& keep = c.text("transform.keep_degrees");
  if (forward && inverse)
    throw Error(ErrorKind::usage, "the Laplacian and its inverse are asked for together",
                {.remedy = "Give --laplacian or --inverse-laplacian"});
  long long low = 0;
  long long high = 0;
  char rest = 0;
  if (!keep.empty() &&
      (std::sscanf(keep.c_str(), "%lld:%lld%c", &low, &high, &rest) != 2 || low < 0 || high < low))
    throw Error(ErrorKind::usage, "the degrees '" + keep + "' are not LOW:HIGH with 0 <= LOW <= HIGH",
                {.remedy = "Write for example --keep-degrees 1:20"});
  SpectralFilter f;
  const auto add = [&](const std::string& what) { f.note += (f.note.empty() ? "" : ", ") + what; };
  if (forward) add("Laplacian");
  if (inverse) add("inverse Laplacian");
  if (!keep.empty()) add(fmt::format("degrees {} to {}", low, high));
  if (width > 0.0) add(fmt::format("smoothed by {:g} km", c.real("transform.smooth_km")));
  f.other_kind = forward || inverse;
  f.units = forward ? "m-2" : inverse ? "m2" : "";
  f.gain = [=, all = keep.empty()](std::int64_t l) {
    constexpr double radius = domain::kEarthRadiusKm * 1e3;
    const double eigenvalue = static_cast<double>(l) * static_cast<double>(l + 1);
    double gain = all || (l >= low && l <= high) ? std::exp(-0.5 * eigenvalue * width * width) : 0.0;
    if (forward) gain *= -eigenvalue / (radius * radius);
    if (inverse) gain *= l == 0 ? 0.0 : -(radius * radius) / eigenvalue;
    return gain;
  };
  return f;
}

/// Attributes of a variable after a filter.
std::map<std::string, std::string> texts_after(const SpectralFilter& f, const std::string& units,
                                               const std::string& standard_name,
                                               const std::string& long_name) {
  std::map<std::string, std::string> texts{{"units", units}, {"long_name", long_name}};
  if (!f.other_kind) {
    texts["standard_name"] = standard_name;
    return texts;
  }
  texts["units"] = units.empty() || units == "1" ? f.units : units + " " + f.units;
  texts["long_name"] = f.note + (long_name.empty() ? "" : " of " + long_name);
  return texts;
}

/// Coefficients from the order of one list of degrees and orders to that of the transform.
std::vector<std::size_t> places_of(const io::CoefficientAxis& axis, std::int64_t lmax) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < axis.degree.size(); ++i)
    places.push_back(operators::coefficient_index(lmax, axis.degree[i], axis.order[i]));
  return places;
}

io::CoefficientAxis axis_of(std::int64_t lmax) {
  io::CoefficientAxis axis;
  axis.degree.resize(operators::coefficient_count(lmax));
  axis.order.resize(axis.degree.size());
  for (std::int64_t l = 0; l <= lmax; ++l)
    for (std::int64_t m = -l; m <= l; ++m) {
      const std::size_t i = operators::coefficient_index(lmax, l, m);
      axis.degree[i] = l;
      axis.order[i] = m;
    }
  return axis;
}

std::vector<std::string> forward(const Config& c, const SpectralFilter& filter) {
  const std::string& output = c.text("transform.output");
  for (const char* key : {"transform.like", "transform.onto"})
    if (!c.text(key).empty())
      throw Error(ErrorKind::usage, "a grid for fields is named, and coefficients are asked for",
                  {.remedy = "Add --inverse to make fields of coefficients"});
  const auto input = io::GriddedVariable::open(c.text("transform.input"), c.text("transform.variable"),
                                               c.text("transform.grid"));
  const auto grid = operators::RingGrid::of(input.domain());
  const std::int64_t lmax = highest_degree(grid, c.integer("transform.lmax"));
  const bool iterated = grid.quadrature == operators::Quadrature::healpix ||
                        grid.quadrature == operators::Quadrature::reduced_gaussian;
  const int iterations = iterated ? static_cast<int>(c.integer("transform.iterations")) : 0;
  const operators::SphericalHarmonics sht(grid, lmax);
  const auto& summary = input.summary();
  io::DerivedVariable what{
      .name = summary.name.substr(summary.name.rfind('/') + 1),
      .texts = texts_after(filter, summary.units, summary.standard_name, summary.long_name),
      .attributes = provenance(c),
      .history = history_line(fmt::format("spherical harmonic coefficients of {} up to degree {}{}{}",
                                          summary.name, lmax, filter.note.empty() ? "" : ": ", filter.note))};
  io::DerivedFileWriter writer(output, input, axis_of(lmax), what);
  const auto weights = grid.weights();
  double square = 0.0;
  double kept = 0.0;
  Progress progress("transforming", input.extras() * input.times(), "fields");
  for (std::size_t e = 0; e < input.extras(); ++e)
    for (std::size_t t = 0; t < input.times();) {
      check_stop(output);
      const std::size_t count = std::min(fields_at_once(grid.points), input.times() - t);
      const auto fields = complete_fields(input, e, t, count);
      auto coefficients = sht.analysis(fields, iterations);
      for (std::size_t i = 0; i < fields.size(); ++i)
        square += weights[i % grid.points] * fields[i] * fields[i];
      for (const double x : coefficients) kept += x * x;
      for (std::size_t k = 0; k < count; ++k) {
        const std::span one(coefficients.data() + k * sht.coefficients(), sht.coefficients());
        writer.write(e, t + k, operators::filter_degrees(one, lmax, filter.gain));
      }
      t += count;
      progress.advance(count);
    }
  progress.finish();
  writer.commit();
  std::vector<std::string> notes{fmt::format("{}: degrees 0 to {}, {} coefficients",
                                             input.domain().describe(), lmax, sht.coefficients())};
  if (iterated) notes.back() += fmt::format(", {} iterations", iterations);
  // Both are integrals over the sphere (Parseval); where analysis is inexact the difference may be negative.
  if (square > 0.0)
    notes.push_back(fmt::format("beyond these degrees lies {:.2g} % of the mean square",
                                100.0 * std::max(0.0, 1.0 - kept / square)));
  notes.push_back("written: " + output);
  return notes;
}

/// The domain of a file's variable: of that name, or of the first that lies on a grid.
domain::Domain domain_like(const std::string& path, const std::string& name, const std::string& grid) {
  std::string first;
  for (const auto& v : io::list_variables(path, grid)) {
    if (!v.fillable) continue;
    if (v.name == name) return io::GriddedVariable::open(path, name, grid).domain();
    if (first.empty()) first = v.name;
  }
  return io::GriddedVariable::open(path, first, grid).domain();
}

std::vector<std::string> inverse(const Config& c, const SpectralFilter& filter) {
  const std::string& like = c.text("transform.like");
  const std::string& onto = c.text("transform.onto");
  if (like.empty() == onto.empty())
    throw Error(ErrorKind::usage, like.empty() ? "no grid is named for the fields" : "two grids are named",
                {.remedy = "Give --like GRID.nc or --onto NAME, as F48, O48, r72x36, hp32"});
  const std::string& output = c.text("transform.output");
  const auto input = io::CoefficientVariable::open(c.text("transform.input"), c.text("transform.variable"));
  const auto domain =
      like.empty() ? operators::named_grid(onto) : domain_like(like, input.name(), c.text("transform.grid"));
  const std::int64_t wanted = c.integer("transform.lmax");
  const std::int64_t lmax = wanted < 0 ? input.lmax() : std::min(wanted, input.lmax());
  const operators::SphericalHarmonics sht(operators::RingGrid::of(domain), lmax);
  const auto places = places_of(input.axis(), input.lmax());
  io::DerivedFileWriter writer(
      output, input, domain,
      {.name = input.name().substr(input.name().rfind('/') + 1),
       .texts =
           texts_after(filter, input.text("units"), input.text("standard_name"), input.text("long_name")),
       .attributes = provenance(c),
       .history =
           history_line(fmt::format("{} from spherical harmonic coefficients up to degree {}{}{}",
                                    input.name(), lmax, filter.note.empty() ? "" : ": ", filter.note))});
  Progress progress("transforming", input.fields(), "fields");
  for (std::size_t f = 0; f < input.fields(); ++f) {
    check_stop(output);
    const auto read = input.read(f);
    std::vector<double> coefficients(read.size());
    for (std::size_t i = 0; i < read.size(); ++i) coefficients[places[i]] = read[i];
    coefficients = operators::change_degree(coefficients, input.lmax(), lmax);
    writer.write(f, 0, sht.synthesis(operators::filter_degrees(coefficients, lmax, filter.gain)));
    progress.advance();
  }
  progress.finish();
  writer.commit();
  return {fmt::format("degrees 0 to {} on {}", lmax, domain.describe()), "written: " + output};
}

}  // namespace

std::vector<OptionSpec> transform_specs() {
  return {
      {.key = "transform.input", .help = "NetCDF file to read", .fallback = std::string()},
      {.key = "transform.output", .help = "NetCDF file to write", .fallback = std::string()},
      {.key = "transform.variable", .help = "variable; empty: the only one", .fallback = std::string()},
      {.key = "transform.grid",
       .help = "file with the coordinates of cells that the file has none of; empty: none",
       .fallback = std::string()},
      {.key = "transform.lmax",
       .help = "highest degree; -1: what the grid resolves, or all coefficients of the file",
       .fallback = std::int64_t{-1},
       .lowest = -1,
       .highest = 8191},
      {.key = "transform.iterations",
       .help = "times the residual is analysed again on HEALPix and reduced Gaussian grids",
       .fallback = std::int64_t{3},
       .lowest = 0,
       .highest = 100},
      {.key = "transform.inverse", .help = "make fields of coefficients", .fallback = false},
      {.key = "transform.like",
       .help = "file whose grid the fields are made on: of the variable of this name, or the first",
       .fallback = std::string()},
      {.key = "transform.onto",
       .help =
           "grid the fields are made on: F48 (Gaussian), O48 (octahedral), r72x36 (even), hp32, hp32_nested",
       .fallback = std::string()},
      {.key = "transform.laplacian",
       .help = "apply the Laplacian, on a sphere of 6371.0088 km; units get a factor m-2",
       .fallback = false},
      {.key = "transform.inverse_laplacian",
       .help = "apply the inverse of the Laplacian, mean 0; units get a factor m2",
       .fallback = false},
      {.key = "transform.keep_degrees",
       .help = "degrees LOW:HIGH to keep, both included; empty: all",
       .fallback = std::string()},
      {.key = "transform.smooth_km",
       .help = "standard deviation of a Gaussian (heat) kernel to smooth by, km; 0: none",
       .fallback = 0.0,
       .lowest = 0,
       .highest = 20000},
      {.key = "transform.overwrite", .help = "replace an existing output", .fallback = false},
  };
}

std::int64_t highest_degree(const operators::RingGrid& grid, std::int64_t wanted) {
  const std::int64_t exact = grid.exact_degree();
  if (wanted < 0) return exact;
  const bool pixels = grid.quadrature == operators::Quadrature::healpix;
  const std::int64_t most = pixels ? 3 * (static_cast<std::int64_t>(grid.rings.size()) + 1) / 4 - 1 : exact;
  if (wanted > most)
    throw Error(ErrorKind::usage, fmt::format("degree {} is beyond what the grid tells apart", wanted),
                {.remedy = fmt::format("Ask for at most {}", most)});
  return wanted;
}

std::vector<std::string> run_transform(const Config& c) {
  const std::string& input = c.text("transform.input");
  if (input.empty()) throw Error(ErrorKind::usage, "no file to read is named", {.remedy = "Give IN.nc"});
  io::check_output(c.text("transform.output"), {input, c.text("transform.like")},
                   c.flag("transform.overwrite"));
  const SpectralFilter filter = spectral_filter_of(c);
  return c.flag("transform.inverse") ? inverse(c, filter) : forward(c, filter);
}

}  // namespace manifill::pipeline
