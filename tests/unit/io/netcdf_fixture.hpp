#pragma once
// NetCDF files for tests, written through the C library alone: the code under test has no part in them.

#include <netcdf.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "manifill/base/error.hpp"

namespace manifill::test {

/// A directory of its own, removed with the object.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "manifill-io-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
    path_ = pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  [[nodiscard]] std::string path() const { return path_.string(); }
  [[nodiscard]] std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(path_), std::filesystem::directory_iterator()));
  }

 private:
  std::filesystem::path path_;
};

inline void ok(int status) {
  if (status != NC_NOERR) throw std::runtime_error(std::string("fixture: ") + nc_strerror(status));
}

/// A NetCDF file being written, or read back.
class File {
 public:
  explicit File(const std::string& path, int flags = NC_NETCDF4) { ok(nc_create(path.c_str(), flags, &id_)); }
  static File open(const std::string& path) {
    File f;
    ok(nc_open(path.c_str(), NC_NOWRITE, &f.id_));
    return f;
  }
  File(File&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { close(); }
  void close() {
    if (id_ >= 0) ok(nc_close(std::exchange(id_, -1)));
  }
  [[nodiscard]] int id() const { return id_; }

  int dim(const std::string& name, std::size_t length, int group = -1) {
    int d = -1;
    ok(nc_def_dim(in(group), name.c_str(), length, &d));
    return d;
  }
  int var(const std::string& name, nc_type type, const std::vector<int>& dims, int group = -1) {
    int v = -1;
    ok(nc_def_var(in(group), name.c_str(), type, static_cast<int>(dims.size()), dims.data(), &v));
    return v;
  }
  void text(int v, const std::string& name, const std::string& value, int group = -1) {
    ok(nc_put_att_text(in(group), v, name.c_str(), value.size(), value.c_str()));
  }
  void number(int v, const std::string& name, nc_type type, const std::vector<double>& values,
              int group = -1) {
    ok(nc_put_att_double(in(group), v, name.c_str(), type, values.size(), values.data()));
  }
  void end() { ok(nc_enddef(id_)); }
  void put(int v, const std::vector<double>& values, int group = -1) {
    ok(nc_put_var_double(in(group), v, values.data()));
  }

  // Reading back.
  [[nodiscard]] int find(const std::string& name, int group = -1) const {
    int v = -1;
    ok(nc_inq_varid(in(group), name.c_str(), &v));
    return v;
  }
  [[nodiscard]] bool has(const std::string& name, int group = -1) const {
    int v = -1;
    return nc_inq_varid(in(group), name.c_str(), &v) == NC_NOERR;
  }
  [[nodiscard]] std::string text_of(const std::string& variable, const std::string& name,
                                    int group = -1) const {
    const int v = variable.empty() ? NC_GLOBAL : find(variable, group);
    std::size_t length = 0;
    if (nc_inq_attlen(in(group), v, name.c_str(), &length) != NC_NOERR) return "(absent)";
    std::string value(length, ' ');
    ok(nc_get_att_text(in(group), v, name.c_str(), value.data()));
    return value;
  }
  [[nodiscard]] std::size_t size_of(const std::string& variable, int group = -1) const {
    std::size_t n = 1;
    for (const auto length : shape(variable, group)) n *= length;
    return n;
  }
  [[nodiscard]] std::vector<std::size_t> shape(const std::string& variable, int group = -1) const {
    int rank = 0;
    ok(nc_inq_varndims(in(group), find(variable, group), &rank));
    std::vector<int> ids(static_cast<std::size_t>(rank));
    ok(nc_inq_vardimid(in(group), find(variable, group), ids.data()));
    std::vector<std::size_t> out(ids.size());
    for (std::size_t k = 0; k < ids.size(); ++k) ok(nc_inq_dimlen(in(group), ids[k], &out[k]));
    return out;
  }
  [[nodiscard]] std::vector<double> get(const std::string& variable, int group = -1) const {
    std::vector<double> out(size_of(variable, group));
    ok(nc_get_var_double(in(group), find(variable, group), out.data()));
    return out;
  }
  [[nodiscard]] std::vector<unsigned char> bits(const std::string& variable, int group = -1) const {
    nc_type type = NC_NAT;
    ok(nc_inq_vartype(in(group), find(variable, group), &type));
    std::size_t width = 0;
    ok(nc_inq_type(in(group), type, nullptr, &width));
    std::vector<unsigned char> out(size_of(variable, group) * width);
    ok(nc_get_var(in(group), find(variable, group), out.data()));
    return out;
  }
  [[nodiscard]] nc_type type_of(const std::string& variable, int group = -1) const {
    nc_type type = NC_NAT;
    ok(nc_inq_vartype(in(group), find(variable, group), &type));
    return type;
  }
  [[nodiscard]] int format() const {
    int f = 0;
    ok(nc_inq_format(id_, &f));
    return f;
  }

 private:
  File() = default;
  [[nodiscard]] int in(int group) const { return group < 0 ? id_ : group; }
  int id_ = -1;
};

inline constexpr double kGap = -1e30;  ///< stands for "missing" in the values of a Grid

/// A plain field file, to be varied member by member.
struct Grid {
  std::vector<double> latitude{60, 20, -20, -60};
  std::vector<double> longitude{0, 60, 120, 180, 240, 300};
  std::vector<double> times{0, 31, 59};
  std::string time_units = "days since 2001-01-15";
  std::string calendar = "standard";
  std::vector<std::string> order{"time", "lat", "lon"};  ///< may hold "lev" and "ens" too, of length 2 each
  int flags = NC_NETCDF4;
  bool unlimited = false;
  nc_type type = NC_FLOAT;
  std::optional<double> fill = -999.0;
  std::vector<std::size_t> chunks{};
  bool deflate = false;
  /// Stored value at (extra, time, row, column).
  std::function<double(std::size_t, std::size_t, std::size_t, std::size_t)> value =
      [](std::size_t e, std::size_t t, std::size_t i, std::size_t j) {
        return (i == 1 && j == 2) || (t == 1 && i == 3)
                   ? kGap
                   : static_cast<double>(e * 1000 + t * 100 + i * 10 + j);
      };
  std::function<void(File&, int)> more = [](File&, int) {};  ///< attributes of the variable, more variables

  [[nodiscard]] std::size_t length(const std::string& name) const {
    return name == "lat"    ? latitude.size()
           : name == "lon"  ? longitude.size()
           : name == "time" ? times.size()
                            : 2;
  }

  /// Writes variable "t" to a file.
  void write(const std::string& path) const {
    File f(path, flags);
    std::map<std::string, int> dims;
    std::vector<int> own;
    for (const auto& name : order) {
      dims[name] = f.dim(name, name == "time" && unlimited ? NC_UNLIMITED : length(name));
      own.push_back(dims[name]);
    }
    std::map<std::string, int> axes;
    for (const auto& [name, d] : dims)
      if (name == "lat" || name == "lon" || name == "time") axes[name] = f.var(name, NC_DOUBLE, {d});
    f.text(axes["lat"], "units", "degrees_north");
    f.text(axes["lon"], "units", "degrees_east");
    if (axes.count("time") > 0) {
      f.text(axes["time"], "units", time_units);
      f.text(axes["time"], "calendar", calendar);
    }
    const int v = f.var("t", type, own);
    if (fill) f.number(v, "_FillValue", type, {*fill});
    f.text(v, "units", "K");
    if (!chunks.empty()) ok(nc_def_var_chunking(f.id(), v, NC_CHUNKED, chunks.data()));
    if (deflate) ok(nc_def_var_deflate(f.id(), v, 1, 1, 4));
    more(f, v);
    f.end();
    f.put(axes["lat"], latitude);
    f.put(axes["lon"], longitude);
    if (axes.count("time") > 0) put_times(f, axes["time"]);
    put_values(f, v);
  }

 private:
  void put_times(File& f, int v) const {
    const std::size_t start = 0;
    const std::size_t count = times.size();
    if (count > 0) ok(nc_put_vara_double(f.id(), v, &start, &count, times.data()));
  }
  void put_values(File& f, int v) const {
    std::vector<std::size_t> count;
    std::size_t size = 1;
    for (const auto& name : order) {
      count.push_back(length(name));
      size *= count.back();
    }
    if (size == 0) return;
    std::vector<double> all(size);
    for (std::size_t k = 0; k < size; ++k) {
      std::map<std::string, std::size_t> at;
      std::size_t rest = k;
      for (std::size_t d = order.size(); d-- > 0;) {
        at[order[d]] = rest % count[d];
        rest /= count[d];
      }
      std::size_t extra = 0;  // numbered row-major in file order
      for (const auto& name : order)
        if (name == "lev" || name == "ens") extra = extra * 2 + at[name];
      const double x = value(extra, at["time"], at["lat"], at["lon"]);
      all[k] = x == kGap ? fill.value_or(std::nan("")) : x;
    }
    const std::vector<std::size_t> start(order.size(), 0);
    ok(nc_put_vara_double(f.id(), v, start.data(), count.data(), all.data()));
  }
};

/// The Error that something throws; fails the test otherwise by throwing itself.
template <typename F>
Error error_of(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e;
  }
  throw std::runtime_error("no Error was thrown");
}

inline std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

}  // namespace manifill::test
