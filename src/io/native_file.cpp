#include "native_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/domain/domain.hpp"
#include "manifill/domain/sphere.hpp"
#include "manifill/domain/triangle_mesh.hpp"
#include "manifill/io/healpix_fits.hpp"
#include "manifill/io/image_set.hpp"
#include "manifill/io/mesh_file.hpp"
#include "manifill/io/png_image.hpp"
#include "plain_file.hpp"

namespace manifill::io {
namespace fs = std::filesystem;
namespace healpix = domain::healpix;
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kMostClassic = 0xFFFFFFFC;  // bytes of a variable with 64-bit offsets
// Of the layouts below; no column takes these names.
const std::set<std::string> kOwnNames{"cell", "lat",   "lon",    "pixel",  "cell_area", "healpix", "mesh",
                                      "face", "faces", "corner", "vertex", "x",         "y",       "z"};

std::string head_of(const std::string& path) {
  std::string head(8, '\0');
  std::ifstream in(path, std::ios::binary);
  in.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, in.gcount())));
  return head;
}

/// A NetCDF file in memory being made.
class MemoryFile {
 public:
  MemoryFile(const std::string& path, std::size_t values)
      : file_(NetcdfHandle::in_memory(path, values > kMostClassic / sizeof(double))) {}

  template <typename Action>
  auto done(const Action& action) {
    return check_write(action, file_.path(), "keeping it in memory failed");
  }
  netCDF::NcDim dimension(const std::string& name, std::size_t length) {
    return done([&] { return file_.addDim(name, length); });
  }
  netCDF::NcVar variable(const std::string& name, const netCDF::NcType& type,
                         const std::vector<netCDF::NcDim>& dimensions) {
    return done([&] { return file_.addVar(name, type, dimensions); });
  }
  /// \param of a variable or the file
  template <typename Owner>
  void text(const Owner& of, const std::string& name, const std::string& value) {
    if (!value.empty()) done([&] { of.putAtt(name, value); });
  }
  /// Columns over the same dimensions, with their companions of an imputed file named.
  std::vector<netCDF::NcVar> columns(const std::vector<std::string>& labels,
                                     const std::vector<netCDF::NcDim>& over) {
    const auto names = variable_names(labels);
    std::vector<netCDF::NcVar> out;
    for (std::size_t k = 0; k < names.size(); ++k) {
      const auto v = variable(names[k], netCDF::ncDouble, over);
      done([&] { v.putAtt("_FillValue", netCDF::ncDouble, kNaN); });
      if (names[k] != labels[k]) text(v, "long_name", labels[k]);
      std::string companions;
      for (const char* tail : {"_spread", "_status"})
        if (std::find(names.begin(), names.end(), names[k] + tail) != names.end())
          companions += (companions.empty() ? "" : " ") + names[k] + tail;
      text(v, "ancillary_variables", companions);
      out.push_back(v);
    }
    return out;
  }
  template <typename T>
  void put(const netCDF::NcVar& v, const std::vector<T>& values) {
    done([&] { v.putVar(values.data()); });
  }
  void end_definitions() {
    done([&] { file_.set_Fill(NC_NOFILL, nullptr); });
    done([&] { file_.enddef(); });
  }
  NetcdfHandle& file() { return file_; }

 private:
  NetcdfHandle file_;
};

/// Kelvins of the microwave sky are kelvins; what udunits does not know is left as it is.
std::string plain_units(const std::string& units) {
  for (const std::string tail : {"_CMB", "_RJ", "CMB", "_cmb"})
    if (units.size() > tail.size() && units.ends_with(tail) && units[units.size() - tail.size() - 1] == 'K')
      return units.substr(0, units.size() - tail.size());
  return units;
}

OpenedFields open_healpix(const std::string& path) {
  const HealpixMaps maps = read_healpix(path);
  const std::size_t count = maps.maps[0].values.size();
  const bool whole = maps.pixels.empty();
  MemoryFile w(path, count);
  const auto cell = w.dimension("cell", count);
  std::vector<std::string> labels;
  for (const auto& m : maps.maps) labels.push_back(m.name);
  const auto columns = w.columns(labels, {cell});
  const auto mapping = w.variable("healpix", netCDF::ncInt, {});
  w.text(mapping, "grid_mapping_name", "healpix");
  w.done([&] { mapping.putAtt("healpix_nside", netCDF::ncInt, static_cast<int>(maps.nside)); });
  w.text(mapping, "healpix_order", maps.ordering == healpix::Ordering::ring ? "ring" : "nest");
  w.text(mapping, "coordinate_system", maps.coordinate_system);
  w.text(mapping, "polarisation_convention", maps.polarisation_convention);
  netCDF::NcVar lat;
  netCDF::NcVar lon;
  netCDF::NcVar area;
  netCDF::NcVar pixel;
  if (!whole) {
    lat = w.variable("lat", netCDF::ncDouble, {cell});
    w.text(lat, "units", "degrees_north");
    lon = w.variable("lon", netCDF::ncDouble, {cell});
    w.text(lon, "units", "degrees_east");
    area = w.variable("cell_area", netCDF::ncDouble, {cell});
    w.text(area, "units", "sr");
    pixel = w.variable("pixel", netCDF::ncDouble, {cell});
    w.text(pixel, "long_name", "number of the HEALPix pixel, from 0");
  }
  for (std::size_t k = 0; k < columns.size(); ++k) {
    w.text(columns[k], "units", plain_units(maps.maps[k].units));
    if (whole) {
      w.text(columns[k], "grid_mapping", "healpix");
    } else {
      w.text(columns[k], "coordinates", "lat lon");
      w.text(columns[k], "cell_measures", "area: cell_area");
    }
  }
  w.text(w.file(), "Conventions", "CF-1.11");
  w.end_definitions();
  if (!whole) {
    std::vector<double> latitude;
    std::vector<double> longitude;
    for (const auto p : maps.pixels) {
      const auto c = healpix::centre(maps.nside, maps.ordering, p);
      latitude.push_back(std::atan2(c[2], std::hypot(c[0], c[1])) * domain::kRadian);
      longitude.push_back(std::atan2(c[1], c[0]) * domain::kRadian);
    }
    w.put(lat, latitude);
    w.put(lon, longitude);
    w.put(area,
          std::vector<double>(count, 4.0 * M_PI / static_cast<double>(healpix::pixel_count(maps.nside))));
    w.put(pixel, std::vector<double>(maps.pixels.begin(), maps.pixels.end()));
  }
  for (std::size_t k = 0; k < columns.size(); ++k) w.put(columns[k], maps.maps[k].values);
  return {.file = std::move(w.file()), .form = NativeForm::healpix};
}

std::string repaired_text(domain::MeshRepairKind kind, std::size_t count) {
  using Kind = domain::MeshRepairKind;
  switch (kind) {
    case Kind::duplicate_vertex:
      return fmt::format("{} vertices were merged into others of the same coordinates", count);
    case Kind::degenerate_triangle:
      return fmt::format("{} triangles without area were left out", count);
    case Kind::duplicate_triangle:
      return fmt::format("{} triangles of the vertices of another were left out", count);
    default:
      return fmt::format("{} vertices without a triangle were left out", count);
  }
}

/// What a repair did, a line for each kind with the first places.
std::vector<std::string> repair_notes(const std::vector<domain::MeshRepair>& repairs) {
  constexpr std::size_t kShown = 10;
  using Kind = domain::MeshRepairKind;
  std::vector<std::string> out;
  for (const Kind kind :
       {Kind::duplicate_vertex, Kind::degenerate_triangle, Kind::duplicate_triangle, Kind::isolated_vertex}) {
    std::vector<std::size_t> places;
    for (const auto& r : repairs)
      if (r.kind == kind) places.push_back(r.index);
    if (places.empty()) continue;
    std::string list;
    for (std::size_t k = 0; k < std::min(kShown, places.size()); ++k)
      list += (k > 0 ? ", " : "") + std::to_string(places[k]);
    out.push_back("repair: " + repaired_text(kind, places.size()) + " (" + list +
                  (places.size() > kShown ? ", ..." : "") + ")");
  }
  return out;
}

/// Makes mesh and signals sound: a merged vertex has the value of the first of them that has one.
void repair_mesh(MeshFile& file, OpenedFields& out, const std::string& path) {
  domain::RepairedMesh repaired;
  try {
    repaired = domain::repair(file.mesh);
  } catch (const Error& e) {
    throw Error(e.kind(), bare_message(e),
                {.file = path, .index = e.context().index, .remedy = e.context().remedy});
  }
  out.notes = repair_notes(repaired.repairs);
  out.renumbered = repaired.mesh.vertices.size() != file.mesh.vertices.size();
  for (MeshSignal& s : file.signals) {
    std::vector<double> values(repaired.mesh.vertices.size(), kNaN);
    for (std::size_t v = 0; v < s.values.size(); ++v) {
      const auto to = repaired.vertex_map[v];
      if (to == domain::RepairedMesh::kRemoved) continue;
      double& x = values[static_cast<std::size_t>(to)];
      if (std::isnan(x)) x = s.values[v];
    }
    s.values = std::move(values);
  }
  file.mesh = std::move(repaired.mesh);
}

void lay_out_mesh(const std::string& path, const MeshFile& mesh, OpenedFields& out) {
  const std::size_t vertices = mesh.mesh.vertices.size();
  const std::size_t triangles = mesh.mesh.triangles.size();
  MemoryFile w(path, std::max(vertices, 3 * triangles));
  const auto vertex = w.dimension("vertex", vertices);
  std::vector<std::string> labels;
  for (const auto& s : mesh.signals) labels.push_back(s.name);
  const auto columns = w.columns(labels, {vertex});
  netCDF::NcVar faces;
  if (triangles > 0) {
    const auto face = w.dimension("face", triangles);
    const auto corner = w.dimension("corner", 3);
    faces = w.variable("faces", netCDF::ncInt, {face, corner});
    w.done([&] { faces.putAtt("start_index", netCDF::ncInt, 0); });
  }
  const auto topology = w.variable("mesh", netCDF::ncInt, {});
  w.text(topology, "cf_role", "mesh_topology");
  w.done([&] { topology.putAtt("topology_dimension", netCDF::ncInt, 2); });
  w.text(topology, "node_coordinates", "x y z");
  if (triangles > 0) w.text(topology, "face_node_connectivity", "faces");
  std::array<netCDF::NcVar, 3> axes;
  for (std::size_t k = 0; k < 3; ++k)
    axes[k] = w.variable(std::string(1, "xyz"[k]), netCDF::ncDouble, {vertex});
  for (std::size_t k = 0; k < columns.size(); ++k) {
    w.text(columns[k], "units", mesh.signals[k].units);
    w.text(columns[k], "mesh", "mesh");
    w.text(columns[k], "location", "node");
  }
  w.text(w.file(), "Conventions", "CF-1.11 UGRID-1.0");
  w.end_definitions();
  for (std::size_t k = 0; k < 3; ++k) {
    std::vector<double> values;
    for (const auto& p : mesh.mesh.vertices) values.push_back(p[k]);
    w.put(axes[k], values);
  }
  if (triangles > 0) {
    std::vector<int> corners;
    for (const auto& t : mesh.mesh.triangles)
      for (const auto v : t) corners.push_back(static_cast<int>(v));
    w.put(faces, corners);
  }
  for (std::size_t k = 0; k < columns.size(); ++k) w.put(columns[k], mesh.signals[k].values);
  out.file = std::move(w.file());
}

OpenedFields open_image(const std::string& path) {
  const PngImage image = read_png(path);
  MemoryFile w(path, image.pixels());
  const auto row = w.dimension("row", image.rows);
  const auto column = w.dimension("column", image.columns);
  const auto channels = w.columns(image.colour_names(), {row, column});
  for (const auto& c : channels) w.text(c, "units", "1");
  w.text(w.file(), "Conventions", "CF-1.11");
  w.end_definitions();
  for (std::size_t k = 0; k < channels.size(); ++k) {
    std::vector<double> values(image.pixels(), kNaN);
    for (std::size_t p = 0; p < values.size(); ++p)
      if (!image.missing(p))
        values[p] = image.samples[p * image.channels() + k] / static_cast<double>(image.highest());
    w.put(channels[k], values);
  }
  return {.file = std::move(w.file()), .form = NativeForm::image};
}

/// Images as they are numbered along a dimension of their own; samples packed as they lie in the file.
OpenedFields open_image_set(const std::string& path) {
  const ImageSet set = read_image_set(path);
  MemoryFile w(path, set.count * set.pixels());
  const auto image = w.dimension("image", set.count);
  const auto row = w.dimension("row", set.rows);
  const auto column = w.dimension("column", set.columns);
  constexpr int kMissing = -1;
  std::vector<netCDF::NcVar> channels;
  for (const auto& name : set.channels) {
    channels.push_back(w.variable(name, netCDF::ncInt, {image, row, column}));
    const auto& v = channels.back();
    w.text(v, "units", "1");
    w.done([&] { v.putAtt("scale_factor", netCDF::ncDouble, 1.0 / set.highest); });
    w.done([&] { v.putAtt("_FillValue", netCDF::ncInt, kMissing); });
  }
  netCDF::NcVar label;
  if (!set.labels.empty()) label = w.variable("label", netCDF::ncInt, {image});
  w.text(w.file(), "Conventions", "CF-1.11");
  w.end_definitions();
  const std::size_t each = set.count * set.pixels();
  for (std::size_t c = 0; c < channels.size(); ++c) {
    std::vector<int> values(each);
    for (std::size_t k = 0; k < each; ++k)
      values[k] = !set.missing.empty() && set.missing[k] ? kMissing : set.samples[c * each + k];
    w.put(channels[c], values);
  }
  if (!set.labels.empty()) w.put(label, std::vector<int>(set.labels.begin(), set.labels.end()));
  return {.file = std::move(w.file()), .form = NativeForm::image_set};
}

std::size_t count_missing(const std::vector<double>& values) {
  return static_cast<std::size_t>(
      std::count_if(values.begin(), values.end(), [](double x) { return std::isnan(x); }));
}

FileFact counted(const std::string& name, std::size_t count, const std::string& more = {}) {
  return {.name = name,
          .text = std::to_string(count) + (more.empty() ? "" : ", " + more),
          .number = static_cast<std::int64_t>(count)};
}

std::vector<FileFact> healpix_facts(const std::string& path) {
  const HealpixMaps maps = read_healpix(path);
  const auto all = static_cast<std::size_t>(healpix::pixel_count(maps.nside));
  const std::size_t count = maps.maps[0].values.size();
  std::vector<FileFact> out{
      counted("nside", static_cast<std::size_t>(maps.nside)),
      {.name = "ordering", .text = maps.ordering == healpix::Ordering::ring ? "ring" : "nested"},
      counted("pixels", count, count == all ? "the whole sphere" : "of " + std::to_string(all))};
  if (!maps.coordinate_system.empty()) out.push_back({.name = "system", .text = maps.coordinate_system});
  for (const auto& m : maps.maps)
    out.push_back({.name = "column " + m.name,
                   .text = fmt::format("{}, {} UNSEEN", m.units.empty() ? "no units" : m.units,
                                       count_missing(m.values))});
  return out;
}

std::vector<FileFact> mesh_facts(const std::string& path) {
  const MeshFile file = read_mesh(path);
  const auto& mesh = file.mesh;
  const auto parts = domain::components(mesh);
  const auto boundary = domain::boundary_edges(mesh).size();
  std::vector<FileFact> out{counted("vertices", mesh.vertices.size()),
                            counted("triangles", mesh.triangles.size()), counted("components", parts.count),
                            counted("boundary", boundary, boundary == 0 ? "closed" : "edges")};
  for (const auto& s : file.signals)
    out.push_back({.name = "property " + s.name,
                   .text = fmt::format("{}, {} missing", s.units.empty() ? "no units" : s.units,
                                       count_missing(s.values))});
  try {
    domain::check(mesh);
    out.push_back({.name = "sound", .text = "yes"});
  } catch (const Error& e) {
    out.push_back({.name = "sound", .text = "no: " + bare_message(e) + " " + e.context().index});
  }
  return out;
}

std::vector<FileFact> image_facts(const std::string& path) {
  const PngImage image = read_png(path);
  std::size_t missing = 0;
  for (std::size_t p = 0; p < image.pixels(); ++p) missing += image.missing(p) ? 1 : 0;
  return {counted("rows", image.rows),
          counted("columns", image.columns),
          {.name = "form", .text = image.form},
          counted("missing", missing, "wholly transparent pixels")};
}

std::vector<FileFact> image_set_facts(const std::string& path) {
  const ImageSet set = read_image_set(path);
  const auto missing = static_cast<std::size_t>(std::count(set.missing.begin(), set.missing.end(), true));
  return {counted("images", set.count, set.labels.empty() ? "" : "labelled"),
          counted("rows", set.rows),
          counted("columns", set.columns),
          {.name = "form", .text = set.form},
          counted("missing", missing, "wholly transparent pixels")};
}

}  // namespace

NativeForm native_form(const std::string& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return is_image_set(path) ? NativeForm::image_set : NativeForm::none;
  if (!fs::is_regular_file(path, ignored)) return NativeForm::none;  // a pipe would be waited for
  const std::string ending = lower(fs::path(path).extension().string());
  const std::string head = head_of(path);
  if (head.starts_with("CDF") || head.starts_with("\x89HDF")) return NativeForm::none;
  if (head.starts_with("SIMPLE") || ending == ".fits") return NativeForm::healpix;
  if (head.starts_with("\x89PNG\r\n\x1a\n") || ending == ".png") return NativeForm::image;
  for (const char* mesh : {".ply", ".off", ".obj", ".stl"})
    if (ending == mesh) return NativeForm::mesh;
  if (is_image_set(path)) return NativeForm::image_set;
  return head.starts_with("ply\n") || head.starts_with("ply\r") || head.starts_with("OFF") ? NativeForm::mesh
                                                                                           : NativeForm::none;
}

bool is_native_output(const std::string& path) {
  const std::string ending = lower(fs::path(path).extension().string());
  return ending == ".fits" || ending == ".ply" || ending == ".png";
}

std::vector<std::string> variable_names(const std::vector<std::string>& columns) {
  std::set<std::string> taken = kOwnNames;
  std::vector<std::string> out;
  for (const auto& label : columns) {
    std::string name;
    for (const char c : label) {
      const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                         c == '_' || c == '-' || c == '+' || c == '.';
      name += plain ? c : '_';
    }
    if (name.empty() ||
        !((name[0] >= 'a' && name[0] <= 'z') || (name[0] >= 'A' && name[0] <= 'Z') || name[0] == '_'))
      name = std::string("_").append(name);
    const std::string base = name;
    for (int k = 2; !taken.insert(name).second; ++k) name = base + "_" + std::to_string(k);
    out.push_back(name);
  }
  return out;
}

OpenedFields open_fields(const std::string& path, bool repair) {
  switch (native_form(path)) {
    case NativeForm::healpix:
      return open_healpix(path);
    case NativeForm::mesh: {
      MeshFile mesh = read_mesh(path);
      OpenedFields out{.file = NetcdfHandle::in_memory(path, false), .form = NativeForm::mesh};
      if (repair) repair_mesh(mesh, out, path);
      lay_out_mesh(path, mesh, out);
      return out;
    }
    case NativeForm::image:
      return open_image(path);
    case NativeForm::image_set:
      return open_image_set(path);
    default:
      return {.file = NetcdfHandle::open(path)};
  }
}

std::vector<FileFact> native_facts(const std::string& path) {
  switch (native_form(path)) {
    case NativeForm::healpix:
      return healpix_facts(path);
    case NativeForm::mesh:
      return mesh_facts(path);
    case NativeForm::image:
      return image_facts(path);
    case NativeForm::image_set:
      return image_set_facts(path);
    default:
      return {};
  }
}

}  // namespace manifill::io
