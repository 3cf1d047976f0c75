#include "manifill/io/healpix_fits.hpp"

#include <fitsio.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

#include "fits_layout.hpp"
#include "manifill/base/atomic_file.hpp"
#include "manifill/base/error.hpp"
#include "netcdf.hpp"

namespace manifill::io {
namespace healpix = domain::healpix;
namespace {

constexpr double kUnseen = -1.6375e30;
constexpr double kUnseenTolerance = 1e-5;  // of itself: single precision, and text of five digits
constexpr std::int64_t kPixelsPerRow = 1024;
constexpr std::size_t kLongestText = 68;  // of a keyword's value

Error map_refusal(const std::string& path, const std::string& variable, const std::string& what,
                  const std::string& remedy = "Fetch or write the file again") {
  return {ErrorKind::input, what, {.file = path, .variable = variable, .remedy = remedy}};
}

/// What CFITSIO says about a status, its stack of messages emptied.
std::string reason(int status) {
  std::array<char, FLEN_STATUS> text{};
  fits_get_errstatus(status, text.data());
  std::string out = text.data();
  std::array<char, FLEN_ERRMSG> message{};
  for (int k = 0; fits_read_errmsg(message.data()) != 0; ++k)
    if (k < 3) out += std::string("; ") + message.data();
  return out;
}

/// A file that CFITSIO has open; its interface wants every call's status looked at.
class Fits {
 public:
  Fits(std::string path, const std::string& opened, int mode)
      : path_(std::move(path)), writes_(mode == READWRITE) {
    fits_clear_errmsg();
    int status = 0;
    // Of a "disk file" brackets and exclamation marks are part of the name.
    check(fits_open_diskfile(&file_, opened.c_str(), mode, &status), "opening the file failed");
  }
  Fits(const Fits&) = delete;
  Fits& operator=(const Fits&) = delete;
  ~Fits() {
    int status = 0;
    if (file_ != nullptr) fits_close_file(file_, &status);
  }
  void close() {
    int status = 0;
    check(fits_close_file(std::exchange(file_, nullptr), &status), "closing the file failed");
  }

  [[nodiscard]] fitsfile* get() const { return file_; }
  [[nodiscard]] const std::string& path() const { return path_; }

  void check(int status, const std::string& what, const std::string& variable = {}) const {
    if (status == 0) return;
    const std::string whole = what + " (" + reason(status) + ")";
    if (writes_)
      throw Error(
          ErrorKind::io, whole,
          {.file = path_,
           .variable = variable,
           .remedy = "Check that the disk has room and its quota is not used up, or write elsewhere"});
    if (status == READ_ERROR || status == FILE_NOT_OPENED)
      throw Error(
          ErrorKind::io, whole,
          {.file = path_, .variable = variable, .remedy = "Check the disk and the file's permissions"});
    throw map_refusal(path_, variable, whole);
  }

  /// A keyword of the table at hand, trimmed; nothing where there is none.
  [[nodiscard]] std::optional<std::string> text(const std::string& key) const {
    std::array<char, FLEN_VALUE> value{};
    int status = 0;
    fits_read_key_str(file_, key.c_str(), value.data(), nullptr, &status);
    if (absent(status)) return std::nullopt;
    check(status, "the keyword cannot be read", key);
    std::string out = value.data();
    out.erase(out.find_last_not_of(' ') + 1);
    out.erase(0, out.find_first_not_of(' '));
    return out;
  }
  [[nodiscard]] std::optional<std::int64_t> integer(const std::string& key) const {
    LONGLONG value = 0;
    int status = 0;
    fits_read_key_lnglng(file_, key.c_str(), &value, nullptr, &status);
    if (absent(status)) return std::nullopt;
    check(status, "the keyword is not a whole number", key);
    return value;
  }
  [[nodiscard]] std::optional<double> number(const std::string& key) const {
    double value = 0.0;
    int status = 0;
    fits_read_key_dbl(file_, key.c_str(), &value, nullptr, &status);
    if (absent(status)) return std::nullopt;
    check(status, "the keyword is not a number", key);
    return value;
  }

 private:
  static bool absent(int status) {
    if (status != KEY_NO_EXIST && status != VALUE_UNDEFINED) return false;
    fits_clear_errmsg();
    return true;
  }

  std::string path_;
  bool writes_;
  fitsfile* file_ = nullptr;
};

std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

/// Goes to the first table of pixels.
void find_table(const Fits& file) {
  for (int k = 2;; ++k) {
    int kind = 0;
    int status = 0;
    fits_movabs_hdu(file.get(), k, &kind, &status);
    if (status == END_OF_FILE)
      throw map_refusal(file.path(), {},
                        "has no HEALPix table: none with PIXTYPE 'HEALPIX', or NSIDE and ORDERING",
                        "Check that it holds maps, and is complete");
    file.check(status, "extension " + std::to_string(k - 1) + " cannot be read");
    if (kind != BINARY_TBL) continue;
    const auto pixels = file.text("PIXTYPE");
    if (pixels ? upper(*pixels) == "HEALPIX" : file.text("NSIDE") && file.text("ORDERING")) return;
  }
}

/// Rows and columns of a table.
struct Table {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t per_row = 0;  ///< elements of each column
};

bool is_numeric_column(int type) {
  return type == TBYTE || type == TSHORT || type == TLONG || type == TLONGLONG || type == TFLOAT ||
         type == TDOUBLE;
}

std::string column_name(const Fits& file, std::int64_t column) {
  const std::string number = std::to_string(column);
  const auto name = file.text("TTYPE" + number);
  return name && !name->empty() ? *name : "COLUMN" + number;
}

Table check_table(const Fits& file) {
  const std::int64_t row_bytes = file.integer("NAXIS1").value_or(0);
  Table out{.rows = file.integer("NAXIS2").value_or(0)};
  if (row_bytes < 1 || out.rows < 1) throw map_refusal(file.path(), "NAXIS2", "the table is empty");
  int status = 0;
  int columns = 0;
  fits_get_num_cols(file.get(), &columns, &status);
  file.check(status, "the columns cannot be counted");
  out.columns = columns;
  for (int c = 1; c <= columns; ++c) {
    const std::string name = column_name(file, c);
    int type = 0;
    LONGLONG repeat = 0;
    LONGLONG width = 0;
    fits_get_coltypell(file.get(), c, &type, &repeat, &width, &status);
    file.check(status, "the column has no type", name);
    if (!is_numeric_column(type))
      throw map_refusal(file.path(), name, "is not a column of numbers, of the same count in each row",
                        "Write the map again as numbers, one or a vector a row, not compressed");
    if (c == 1) out.per_row = repeat;
    if (repeat != out.per_row || repeat < 1 || repeat > row_bytes)
      throw map_refusal(
          file.path(), name,
          "has " + std::to_string(repeat) + " pixels a row, the first column " + std::to_string(out.per_row));
  }
  return out;
}

void check_nside_of(const std::string& path, const HealpixMaps& maps) {
  try {
    healpix::check_nside(maps.nside, maps.ordering);
  } catch (const Error& e) {
    throw map_refusal(path, "NSIDE", bare_message(e), e.context().remedy);
  }
}

void check_pixels(const std::string& path, const HealpixMaps& maps) {
  std::vector<std::int64_t> sorted = maps.pixels;
  std::sort(sorted.begin(), sorted.end());
  const auto refuse = [&](std::int64_t pixel, const std::string& what) {
    throw Error(ErrorKind::input, what,
                {.file = path,
                 .index = "[pixel " + std::to_string(pixel) + "]",
                 .remedy = "Check NSIDE, and that pixels are counted from zero and named once"});
  };
  if (sorted.front() < 0) refuse(sorted.front(), "there is no such pixel");
  if (sorted.back() >= healpix::pixel_count(maps.nside))
    refuse(sorted.back(), "there is no such pixel: nside " + std::to_string(maps.nside) + " has " +
                              std::to_string(healpix::pixel_count(maps.nside)));
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) refuse(*twice, "the pixel is there twice");
}

healpix::Ordering ordering_of(const Fits& file) {
  const std::string text = upper(file.text("ORDERING").value_or(""));
  if (text == "RING") return healpix::Ordering::ring;
  if (text == "NESTED" || text == "NEST") return healpix::Ordering::nested;
  throw map_refusal(file.path(), "ORDERING", text.empty() ? "the keyword is missing" : "is '" + text + "'",
                    "Write RING or NESTED there");
}

/// The column of pixel numbers, or nothing where they are implied.
std::optional<int> pixel_column(const Fits& file, const Table& table) {
  int named = 1;
  while (named <= table.columns && upper(column_name(file, named)) != "PIXEL") ++named;
  const bool has_name = named <= table.columns;
  const std::string scheme = upper(file.text("INDXSCHM").value_or(has_name ? "EXPLICIT" : "IMPLICIT"));
  if (scheme == "IMPLICIT") return std::nullopt;
  if (scheme != "EXPLICIT")
    throw map_refusal(file.path(), "INDXSCHM", "is '" + scheme + "'", "Write IMPLICIT or EXPLICIT there");
  const int column = has_name ? named : 1;
  int type = 0;
  int status = 0;
  fits_get_coltypell(file.get(), column, &type, nullptr, nullptr, &status);
  file.check(status, "the column has no type", column_name(file, column));
  if (type == TFLOAT || type == TDOUBLE)
    throw map_refusal(file.path(), column_name(file, column),
                      "holds no whole numbers, where INDXSCHM EXPLICIT promises those of pixels",
                      "Put a column PIXEL of integers first");
  return column;
}

/// Pixels that no column names: all, or those from FIRSTPIX to LASTPIX.
std::vector<std::int64_t> implied_pixels(const Fits& file, std::int64_t nside, std::int64_t count) {
  const std::int64_t all = healpix::pixel_count(nside);
  if (count == all) return {};
  const auto first = file.integer("FIRSTPIX");
  const auto last = file.integer("LASTPIX");
  if (!first || !last || *first < 0 || *last >= all || *last - *first + 1 != count)
    throw map_refusal(file.path(), "NSIDE",
                      "the table holds " + std::to_string(count) + " pixels, nside " + std::to_string(nside) +
                          " has " + std::to_string(all),
                      "Check NSIDE, FIRSTPIX, LASTPIX and INDXSCHM");
  std::vector<std::int64_t> out(static_cast<std::size_t>(count));
  std::iota(out.begin(), out.end(), *first);
  return out;
}

bool near(double x, double missing) { return std::abs(x - missing) <= kUnseenTolerance * std::abs(missing); }

HealpixMap read_map(const Fits& file, int column, std::int64_t count, double bad) {
  HealpixMap map{.name = column_name(file, column),
                 .units = file.text("TUNIT" + std::to_string(column)).value_or(""),
                 .values = std::vector<double>(static_cast<std::size_t>(count))};
  constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
  int any = 0;  // CFITSIO writes it where there are integers, asked or not
  int status = 0;
  fits_read_col_dbl(file.get(), column, 1, 1, count, kMissing, map.values.data(), &any, &status);
  file.check(status, "the column cannot be read", map.name);
  for (double& x : map.values)
    if (near(x, kUnseen) || near(x, bad) || std::isinf(x)) x = kMissing;
  return map;
}

void check_text(const std::string& path, const std::string& name, const std::string& text) {
  const bool proper = text.size() <= kLongestText &&
                      std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (!proper)
    throw Error(ErrorKind::usage,
                "a text of FITS is of " + std::to_string(kLongestText) + " letters at most, in ASCII",
                {.file = path, .variable = name, .remedy = "Shorten or rename it"});
}

void check_maps(const std::string& path, const HealpixMaps& maps) {
  check_nside_of(path, maps);
  if (!maps.pixels.empty()) check_pixels(path, maps);
  const std::size_t count =
      maps.pixels.empty() ? static_cast<std::size_t>(healpix::pixel_count(maps.nside)) : maps.pixels.size();
  if (maps.maps.empty()) throw Error(ErrorKind::internal, "no maps to write", {.file = path});
  check_text(path, "COORDSYS", maps.coordinate_system);
  check_text(path, "POLCCONV", maps.polarisation_convention);
  std::set<std::string> taken{"PIXEL"};
  for (const HealpixMap& map : maps.maps) {
    check_text(path, map.name, map.name);
    check_text(path, map.name, map.units);
    if (map.name.find_first_not_of(' ') == std::string::npos || !taken.insert(upper(map.name)).second)
      throw Error(ErrorKind::usage, "is no name for a map, or another column's too",
                  {.file = path, .variable = map.name, .remedy = "Give each map a name of its own"});
    if (map.values.size() != count)
      throw Error(ErrorKind::internal,
                  "a map of " + std::to_string(map.values.size()) + " values for " + std::to_string(count) +
                      " pixels",
                  {.file = path, .variable = map.name});
  }
}

/// The head of a file for tables to follow: CFITSIO begins no file under a name that is there.
std::string primary_header() {
  std::string out;
  for (const char* card : {"SIMPLE  =                    T", "BITPIX  =                    8",
                           "NAXIS   =                    0", "EXTEND  =                    T", "END"}) {
    out += card;
    out.resize((out.size() + kFitsCard - 1) / kFitsCard * kFitsCard, ' ');
  }
  out.resize(kFitsBlock, ' ');
  return out;
}

class TableWriter {
 public:
  explicit TableWriter(const Fits& file) : file_(file) {}

  void text(const char* key, const std::string& value, const char* comment) {
    if (value.empty()) return;
    fits_update_key_str(file_.get(), key, value.c_str(), comment, &status_);
    check(key);
  }
  void integer(const char* key, std::int64_t value, const char* comment) {
    fits_update_key_lng(file_.get(), key, value, comment, &status_);
    check(key);
  }
  void number(const char* key, double value, const char* comment) {
    constexpr int kDigits = 5;
    fits_update_key_dbl(file_.get(), key, value, -kDigits, comment, &status_);
    check(key);
  }
  void create(const HealpixMaps& maps, std::int64_t rows, std::int64_t per_row) {
    std::vector<std::string> names;
    std::vector<std::string> forms;
    std::vector<std::string> units;
    if (!maps.pixels.empty()) {
      const bool wide = healpix::pixel_count(maps.nside) > std::numeric_limits<std::int32_t>::max();
      names.emplace_back("PIXEL");
      forms.emplace_back(wide ? "1K" : "1J");
      units.emplace_back();
    }
    for (const HealpixMap& map : maps.maps) {
      names.push_back(map.name);
      forms.push_back(std::to_string(per_row) + "D");
      units.push_back(map.units);
    }
    fits_create_tbl(file_.get(), BINARY_TBL, rows, static_cast<int>(names.size()), pointers(names).data(),
                    pointers(forms).data(), pointers(units).data(), "HEALPIX", &status_);
    check("the table");
  }
  void pixels(const std::vector<std::int64_t>& values) {
    std::vector<LONGLONG> out(values.begin(), values.end());
    fits_write_col_lnglng(file_.get(), 1, 1, 1, static_cast<LONGLONG>(out.size()), out.data(), &status_);
    check("PIXEL");
  }
  void map(int column, const HealpixMap& map) {
    std::vector<double> out = map.values;
    for (double& x : out)
      if (!std::isfinite(x)) x = kUnseen;
    fits_write_col_dbl(file_.get(), column, 1, 1, static_cast<LONGLONG>(out.size()), out.data(), &status_);
    check(map.name);
  }

 private:
  static std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> out(texts.size());
    std::transform(texts.begin(), texts.end(), out.begin(), [](std::string& text) { return text.data(); });
    return out;
  }
  void check(const std::string& variable) const { file_.check(status_, "writing failed", variable); }

  const Fits& file_;
  int status_ = 0;
};

/// Numbers of a run of pixels, or of a column that is added.
void put_numbers(const Fits& file, int column, const Table& table, std::size_t first,
                 std::vector<double> numbers) {
  const auto at = static_cast<std::int64_t>(first);
  int status = 0;
  for (double& x : numbers)
    if (!std::isfinite(x)) x = kUnseen;
  fits_write_col_dbl(file.get(), column, at / table.per_row + 1, at % table.per_row + 1,
                     static_cast<LONGLONG>(numbers.size()), numbers.data(), &status);
  file.check(status, "writing failed", column_name(file, column));
}

void put_filled(const Fits& file, int column, const Table& table, const HealpixFill& fill) {
  for (std::size_t k = 0; k < fill.filled.size();) {
    if (!fill.filled[k]) {
      ++k;
      continue;
    }
    std::size_t end = k;
    while (end < fill.filled.size() && fill.filled[end]) ++end;
    put_numbers(file, column, table, k,
                {fill.values.begin() + static_cast<std::ptrdiff_t>(k),
                 fill.values.begin() + static_cast<std::ptrdiff_t>(end)});
    k = end;
  }
}

void add_column(const Fits& file, const Table& table, int column, const HealpixMap& map) {
  int status = 0;
  std::string name = map.name;
  std::string form = std::to_string(table.per_row) + "E";
  fits_insert_col(file.get(), column, name.data(), form.data(), &status);
  file.check(status, "a column cannot be added", map.name);
  if (!map.units.empty()) {
    const std::string key = "TUNIT" + std::to_string(column);
    fits_update_key_str(file.get(), key.c_str(), map.units.c_str(), nullptr, &status);
    file.check(status, "writing failed", key);
  }
  put_numbers(file, column, table, 0, map.values);
}

void put_history(const Fits& file, const std::string& text) {
  int status = 0;
  for (std::size_t k = 0; k < text.size();) {
    const std::size_t end = std::min(text.find('\n', k), text.size());
    std::string line = text.substr(k, end - k);
    for (char& c : line)
      if (c < ' ' || c > '~') c = '?';
    if (!line.empty()) fits_write_history(file.get(), line.c_str(), &status);
    k = end + 1;
  }
  file.check(status, "writing failed", "HISTORY");
}

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

/// What stands on disk is read again.
void verify_copy(const std::string& path, const std::string& target, const HealpixMaps& before,
                 const HealpixFill& fill) {
  const HealpixMaps after = read_healpix(path);
  const auto refuse = [&](const std::string& name, std::size_t pixel) {
    throw Error(ErrorKind::io, "verification failed: a number reads back differently",
                {.file = target,
                 .variable = name,
                 .index = "[pixel " + std::to_string(pixel) + "]",
                 .remedy = "The output was not put in place; check that the disk is sound"});
  };
  for (std::size_t m = 0; m < before.maps.size(); ++m)
    for (std::size_t k = 0; k < before.maps[m].values.size(); ++k) {
      const double x = after.maps.at(m).values[k];
      const bool filled = m == fill.map && fill.filled[k];
      if (filled ? std::isnan(x) : !same(x, before.maps[m].values[k])) refuse(before.maps[m].name, k);
    }
}

void check_fill(const std::string& to, const HealpixMaps& before, const HealpixFill& fill) {
  const std::size_t count = before.maps.at(0).values.size();
  bool fits = fill.map < before.maps.size() && fill.values.size() == count && fill.filled.size() == count;
  std::set<std::string> taken{"PIXEL"};
  for (const HealpixMap& m : before.maps) taken.insert(upper(m.name));
  for (const HealpixMap& m : fill.columns) {
    fits = fits && m.values.size() == count;
    check_text(to, m.name, m.name);
    if (!taken.insert(upper(m.name)).second)
      throw Error(
          ErrorKind::usage, "the map has a column of that name already",
          {.file = to, .variable = m.name, .remedy = "Start from the original file, or name the output .nc"});
  }
  if (!fits)
    throw Error(ErrorKind::internal, "what fills a map does not fit its " + std::to_string(count) + " pixels",
                {.file = to});
}

}  // namespace

HealpixMaps read_healpix(const std::string& path) {
  check_fits_layout(path);
  const Fits file(path, path, READONLY);
  find_table(file);
  HealpixMaps out;
  out.ordering = ordering_of(file);
  const auto nside = file.integer("NSIDE");
  if (!nside)
    throw map_refusal(path, "NSIDE", "the keyword is missing",
                      "Write the number of pixels along a face there");
  out.nside = *nside;
  check_nside_of(path, out);
  out.coordinate_system = file.text("COORDSYS").value_or("");
  out.polarisation_convention = file.text("POLCCONV").value_or("");
  const Table table = check_table(file);
  const std::int64_t count = table.rows * table.per_row;
  const auto pixels = pixel_column(file, table);
  if (pixels) {
    std::vector<LONGLONG> numbers(static_cast<std::size_t>(count));
    int any = 0;
    int status = 0;
    fits_read_col_lnglng(file.get(), *pixels, 1, 1, count, 0, numbers.data(), &any, &status);
    file.check(status, "the pixels cannot be read", column_name(file, *pixels));
    out.pixels.assign(numbers.begin(), numbers.end());
    check_pixels(path, out);
  } else {
    out.pixels = implied_pixels(file, out.nside, count);
  }
  const double bad = file.number("BAD_DATA").value_or(kUnseen);
  for (int c = 1; c <= table.columns; ++c)
    if (c != pixels) out.maps.push_back(read_map(file, c, count, bad));
  if (out.maps.empty())
    throw map_refusal(path, {}, "the table has pixels and no map", "Check that it holds maps");
  return out;
}

void write_healpix(const std::string& path, const HealpixMaps& maps) {
  check_maps(path, maps);
  const bool whole = maps.pixels.empty();
  const std::int64_t all = healpix::pixel_count(maps.nside);
  const std::int64_t count = whole ? all : static_cast<std::int64_t>(maps.pixels.size());
  const std::int64_t per_row = whole && count % kPixelsPerRow == 0 ? kPixelsPerRow : 1;
  TemporaryFile temporary(path);
  std::ofstream(temporary.path(), std::ios::binary) << primary_header();
  Fits file(path, temporary.path(), READWRITE);
  TableWriter out(file);
  out.create(maps, count / per_row, per_row);
  out.text("PIXTYPE", "HEALPIX", "HEALPix pixelisation");
  out.text("ORDERING", maps.ordering == healpix::Ordering::ring ? "RING" : "NESTED", "order of pixels");
  out.integer("NSIDE", maps.nside, "pixels along the side of a face");
  if (whole) {
    out.integer("FIRSTPIX", 0, "first pixel, from 0");
    out.integer("LASTPIX", all - 1, "last pixel");
  }
  out.text("INDXSCHM", whole ? "IMPLICIT" : "EXPLICIT", "pixels are all in order, or named");
  out.text("OBJECT", whole ? "FULLSKY" : "PARTIAL", "part of the sphere");
  out.number("BAD_DATA", kUnseen, "value of missing pixels");
  out.text("COORDSYS", maps.coordinate_system, "coordinate system");
  out.text("POLCCONV", maps.polarisation_convention, "convention of polarisation");
  if (!whole) out.pixels(maps.pixels);
  for (std::size_t m = 0; m < maps.maps.size(); ++m)
    out.map(static_cast<int>(m) + (whole ? 1 : 2), maps.maps[m]);
  file.close();
  temporary.commit();
}

void copy_healpix(const std::string& from, const std::string& to, const HealpixFill& fill) {
  const HealpixMaps before = read_healpix(from);
  check_fill(to, before, fill);
  TemporaryFile temporary(to);
  std::error_code failed;
  std::filesystem::copy_file(from, temporary.path(), std::filesystem::copy_options::overwrite_existing,
                             failed);
  if (failed) throw_io_error(to, "copying the map failed", failed.value());
  // The copy takes the permissions too, and a read-only map is to be filled as well.
  std::filesystem::permissions(temporary.path(), std::filesystem::perms::owner_write,
                               std::filesystem::perm_options::add, failed);
  Fits file(to, temporary.path(), READWRITE);
  find_table(file);
  const Table table = check_table(file);
  // Maps are the columns but that of the pixels.
  const auto pixels = pixel_column(file, table);
  int column = static_cast<int>(fill.map) + 1;
  if (pixels && *pixels <= column) ++column;
  put_filled(file, column, table, fill);
  for (std::size_t k = 0; k < fill.columns.size(); ++k)
    add_column(file, table, static_cast<int>(table.columns) + static_cast<int>(k) + 1, fill.columns[k]);
  for (const auto& text : fill.history) put_history(file, text);
  if (file.text("CHECKSUM") || file.text("DATASUM")) {
    int status = 0;
    fits_write_chksum(file.get(), &status);
    file.check(status, "writing failed", "CHECKSUM");
  }
  file.close();
  verify_copy(temporary.path(), to, before, fill);
  temporary.commit();
}

}  // namespace manifill::io
