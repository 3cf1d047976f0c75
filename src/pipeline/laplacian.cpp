#include "manifill/pipeline/laplacian.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/base/progress.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/io/cache_directory.hpp"
#include "manifill/io/derived_file.hpp"
#include "manifill/io/field_file.hpp"
#include "manifill/io/imputed_file.hpp"
#include "manifill/io/mesh_file.hpp"
#include "manifill/operators/laplacian_filter.hpp"
#include "manifill/operators/laplacian_spectrum.hpp"
#include "manifill/pipeline/operator_job.hpp"

namespace manifill::pipeline {
namespace {

constexpr double kTolerance = 1e-9;  // of a filter's response

bool is_mesh(const std::string& path) {
  std::string ending = path.substr(std::min(path.rfind('.'), path.size()));
  for (auto& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return ending == ".off" || ending == ".ply" || ending == ".obj" || ending == ".stl";
}

/// A mesh file made sound, its signals on the vertices that are left.
io::MeshFile sound_mesh(const std::string& path, std::vector<std::string>& notes) {
  const io::MeshFile file = io::read_mesh(path);
  try {
    const auto sound = domain::repair(file.mesh);
    if (!sound.repairs.empty())
      notes.push_back(fmt::format("the mesh needed {} repairs", sound.repairs.size()));
    io::MeshFile out{.mesh = sound.mesh};
    for (const auto& s : file.signals) {
      io::MeshSignal kept{s.name, std::vector<double>(sound.mesh.vertices.size())};
      for (std::size_t v = s.values.size(); v-- > 0;)
        if (sound.vertex_map[v] != domain::RepairedMesh::kRemoved)
          kept.values[static_cast<std::size_t>(sound.vertex_map[v])] = s.values[v];
      out.signals.push_back(std::move(kept));
    }
    return out;
  } catch (const Error& e) {
    if (!e.context().file.empty()) throw;
    throw Error(e.kind(), e.what(), {.file = path});
  }
}

/// The filter asked for; none where eigenpairs are.
struct Filter {
  operators::Response response{};
  std::string note{};
};

std::optional<Filter> filter_of(const Config& c) {
  const bool heat = c.real("laplacian.heat") > 0.0;
  const bool low_pass = c.real("laplacian.low_pass") > 0.0;
  const bool pairs = c.integer("laplacian.eigenpairs") > 0;
  if (static_cast<int>(heat) + static_cast<int>(low_pass) + static_cast<int>(pairs) != 1)
    throw Error(ErrorKind::usage, "what to do is not said, or more than one thing is",
                {.remedy = "Give one of --eigenpairs N, --heat T and --low-pass LAMBDA"});
  if (heat)
    return Filter{operators::heat_response(c.real("laplacian.heat")),
                  fmt::format("diffused for time {:g}", c.real("laplacian.heat"))};
  if (low_pass)
    return Filter{operators::low_pass_response(c.real("laplacian.low_pass")),
                  fmt::format("low-pass filtered at eigenvalue {:g}", c.real("laplacian.low_pass"))};
  return std::nullopt;
}

std::vector<std::string> write_pairs(const Config& c, const domain::Domain& domain, const DomainLaplacian& d,
                                     std::vector<std::string> notes) {
  const std::string& output = c.text("laplacian.output");
  const auto count = static_cast<Eigen::Index>(c.integer("laplacian.eigenpairs"));
  const io::CacheDirectory cache(c.text("laplacian.cache").empty() ? io::CacheDirectory::standard()
                                                                   : c.text("laplacian.cache"));
  const auto spectrum = operators::laplacian_spectrum(d.laplacian, count, cache);
  check_stop(output);
  auto attributes = provenance(c);
  attributes["manifill_laplacian"] = d.description;
  io::write_eigenfunctions(output, domain, spectrum.values, spectrum.vectors, d.laplacian.mass,
                           d.eigenvalue_units,
                           {.variable = "eigenfunction",
                            .long_name = "eigenfunctions of minus the Laplacian, orthonormal under the mass",
                            .attributes = attributes,
                            .history = history_line(fmt::format("{} eigenpairs: {}", count, d.description))});
  notes.push_back(
      fmt::format("{} eigenvalues, {:g} to {:g}", count, spectrum.values[0], spectrum.values[count - 1]));
  notes.push_back("written: " + output);
  return notes;
}

std::vector<std::string> filter_mesh(const Config& c, const io::MeshFile& mesh, const DomainLaplacian& d,
                                     const Filter& filter, std::vector<std::string> notes) {
  const std::string& input = c.text("laplacian.input");
  const std::string& output = c.text("laplacian.output");
  if (!output.ends_with(".ply"))
    throw Error(ErrorKind::usage, "filtered signals of a mesh are written as PLY",
                {.file = output, .remedy = "Give a name that ends in .ply"});
  const std::string& wanted = c.text("laplacian.variable");
  std::vector<io::MeshSignal> filtered;
  std::vector<std::string> names;
  const auto polynomial = operators::ChebyshevFilter::within(d.laplacian, filter.response, kTolerance);
  for (const auto& s : mesh.signals) {
    names.push_back(s.name);
    if (!wanted.empty() && s.name != wanted) continue;
    const auto missing =
        std::count_if(s.values.begin(), s.values.end(), [](double x) { return std::isnan(x); });
    if (missing > 0)
      throw Error(ErrorKind::input, fmt::format("{} of {} vertices are missing", missing, s.values.size()),
                  {.file = input, .variable = s.name, .remedy = "Fill the gaps first"});
    const Eigen::Map<const Eigen::VectorXd> x(s.values.data(), static_cast<Eigen::Index>(s.values.size()));
    const Eigen::MatrixXd y = polynomial.apply(x);
    filtered.push_back({s.name, {y.data(), y.data() + y.size()}});
  }
  if (filtered.empty()) {
    const auto near = nearest_name(wanted, names.data(), names.data() + names.size());
    throw Error(
        ErrorKind::input, wanted.empty() ? "the mesh has no signals to filter" : "no such signal",
        {.file = input,
         .variable = wanted,
         .remedy = near ? "Did you mean '" + *near + "'?" : "Give a PLY file with numbers on its vertices"});
  }
  check_stop(output);
  io::write_ply(output, mesh.mesh, filtered);
  notes.push_back("written: " + output);
  return notes;
}

std::vector<std::string> filter_variable(const Config& c, const io::GriddedVariable& input,
                                         const DomainLaplacian& d, const Filter& filter,
                                         std::vector<std::string> notes) {
  const std::string& output = c.text("laplacian.output");
  const auto polynomial = operators::ChebyshevFilter::within(d.laplacian, filter.response, kTolerance);
  const auto& s = input.summary();
  auto attributes = provenance(c);
  attributes["manifill_laplacian"] = d.description;
  io::DerivedFileWriter writer(
      output, input, input.domain(),
      {.name = s.name.substr(s.name.rfind('/') + 1),
       .texts = {{"units", s.units}, {"standard_name", s.standard_name}, {"long_name", s.long_name}},
       .attributes = attributes,
       .history = history_line(s.name + " " + filter.note + ": " + d.description)});
  const std::size_t points = input.domain().size();
  Progress progress("filtering", input.extras() * input.times(), "fields");
  for (std::size_t e = 0; e < input.extras(); ++e)
    for (std::size_t t = 0; t < input.times();) {
      check_stop(output);
      const std::size_t count = std::min(fields_at_once(points), input.times() - t);
      const auto fields = complete_fields(input, e, t, count);
      const Eigen::Map<const Eigen::MatrixXd> x(fields.data(), static_cast<Eigen::Index>(points),
                                                static_cast<Eigen::Index>(count));
      const Eigen::MatrixXd y = polynomial.apply(x);
      for (std::size_t k = 0; k < count; ++k)
        writer.write(e, t + k, {y.col(static_cast<Eigen::Index>(k)).data(), points});
      t += count;
      progress.advance(count);
    }
  progress.finish();
  writer.commit();
  notes.push_back("written: " + output);
  return notes;
}

}  // namespace

std::vector<OptionSpec> laplacian_specs() {
  return {
      {.key = "laplacian.input",
       .help = "NetCDF file, or mesh (.off, .ply, .obj, .stl)",
       .fallback = std::string()},
      {.key = "laplacian.output",
       .help = "NetCDF file to write; .ply for filtered signals of a mesh",
       .fallback = std::string()},
      {.key = "laplacian.variable",
       .help = "variable whose grid is meant and that is filtered; empty: the only one, or all of a mesh",
       .fallback = std::string()},
      {.key = "laplacian.grid",
       .help = "file with the coordinates of cells that the file has none of; empty: none",
       .fallback = std::string()},
      {.key = "laplacian.eigenpairs",
       .help = "lowest eigenpairs to compute; 0: none",
       .fallback = std::int64_t{0},
       .lowest = 0,
       .highest = 1000000},
      {.key = "laplacian.heat",
       .help = "time to diffuse the variable for, inverse eigenvalues (squared radii on the sphere); 0: none",
       .fallback = 0.0,
       .lowest = 0},
      {.key = "laplacian.low_pass",
       .help = "eigenvalue whose eigenfunctions a low-pass filter halves, l (l + 1) on the sphere; 0: none",
       .fallback = 0.0,
       .lowest = 0},
      {.key = "laplacian.neighbours",
       .help = "points that a point reaches out to where there are no triangles",
       .fallback = std::int64_t{24},
       .lowest = 3,
       .highest = 1000},
      {.key = "laplacian.cache",
       .help = "directory for computed eigenpairs; empty: $MANIFILL_CACHE, or manifill in the user's cache",
       .fallback = std::string()},
      {.key = "laplacian.overwrite", .help = "replace an existing output", .fallback = false},
  };
}

DomainLaplacian domain_laplacian(const domain::Domain& domain, std::size_t neighbours) {
  if (domain.kind() == domain::DomainKind::surface)
    return {operators::cotangent_laplacian(domain.mesh()),
            "cotangent Laplacian of the " + domain.describe() + ", intrinsic Delaunay edges, lumped mass",
            ""};
  const bool rows = domain.kind() == domain::DomainKind::lat_lon;
  return {operators::point_laplacian(
              domain.points(), domain.weights(),
              {.neighbours = neighbours,
               .bandwidth = rows ? operators::Bandwidth::common : operators::Bandwidth::local}),
          fmt::format("point-graph Laplacian of the {}, heat-kernel weights of {} neighbours, {} width",
                      domain.describe(), neighbours, rows ? "common" : "local"),
          domain.spherical() ? "1" : ""};
}

std::vector<std::string> run_laplacian(const Config& c) {
  const std::string& input = c.text("laplacian.input");
  const std::string& output = c.text("laplacian.output");
  if (input.empty())
    throw Error(ErrorKind::usage, "no file to read is named", {.remedy = "Give IN.nc, or a mesh"});
  io::check_output(output, {input}, c.flag("laplacian.overwrite"));
  const auto filter = filter_of(c);
  const auto neighbours = static_cast<std::size_t>(c.integer("laplacian.neighbours"));
  std::vector<std::string> notes;
  if (is_mesh(input)) {
    const io::MeshFile mesh = sound_mesh(input, notes);
    const auto domain = domain::Domain::surface(mesh.mesh);
    const auto d = domain_laplacian(domain, neighbours);
    notes.push_back(d.description);
    return filter ? filter_mesh(c, mesh, d, *filter, notes) : write_pairs(c, domain, d, notes);
  }
  const auto variable =
      io::GriddedVariable::open(input, c.text("laplacian.variable"), c.text("laplacian.grid"));
  const auto d = domain_laplacian(variable.domain(), neighbours);
  notes.push_back(d.description);
  return filter ? filter_variable(c, variable, d, *filter, notes)
                : write_pairs(c, variable.domain(), d, notes);
}

}  // namespace manifill::pipeline
