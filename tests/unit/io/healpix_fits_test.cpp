#include "manifill/io/healpix_fits.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "netcdf_fixture.hpp"
#include "tests/unit/domain/healpy.hpp"

using namespace manifill;
using namespace manifill::io;
using Catch::Matchers::ContainsSubstring;
using domain::healpix::Ordering;
using manifill::test::Folder;

namespace {

constexpr float kUnseen = -1.6375e30F;
const double kNan = std::numeric_limits<double>::quiet_NaN();

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

bool same(const std::vector<double>& a, const std::vector<double>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](double x, double y) { return same(x, y); });
}

template <typename T>
std::string raw(T value) {
  auto bytes = std::bit_cast<std::array<char, sizeof(T)>>(value);
  if (std::endian::native == std::endian::little) std::reverse(bytes.begin(), bytes.end());
  return {bytes.begin(), bytes.end()};
}

/// A FITS file made card by card: the code under test has no part in it.
struct Fits {
  std::vector<std::pair<std::string, std::string>> keys{};  ///< values as FITS writes them
  std::string data{};

  static std::string padded(std::string text, char fill) {
    text.resize((text.size() + 2879) / 2880 * 2880, fill);
    return text;
  }
  static std::string card(const std::string& key, const std::string& value) {
    std::string out = key;
    out.resize(8, ' ');
    out += "= " + value;
    out.resize(80, ' ');
    return out;
  }
  static std::string end() {
    std::string out = "END";
    out.resize(80, ' ');
    return out;
  }
  [[nodiscard]] std::string bytes() const {
    std::string table;
    for (const auto& [key, value] : keys) table += card(key, value);
    return padded(card("SIMPLE", "                   T") + card("BITPIX", "8") + card("NAXIS", "0") + end(),
                  ' ') +
           padded(table + end(), ' ') + padded(data, '\0');
  }
  Fits& set(const std::string& key, const std::string& value) {
    const auto found = std::find_if(keys.begin(), keys.end(), [&](const auto& k) { return k.first == key; });
    if (found == keys.end())
      keys.emplace_back(key, value);
    else
      found->second = value;
    return *this;
  }
  Fits& drop(const std::string& key) {
    keys.erase(std::remove_if(keys.begin(), keys.end(), [&](const auto& k) { return k.first == key; }),
               keys.end());
    return *this;
  }
};

struct Column {
  std::string name{};
  std::string form{};
};

Fits table(std::size_t rows, std::size_t row_bytes, const std::vector<Column>& columns, int nside,
           std::string data) {
  Fits f;
  f.data = std::move(data);
  f.set("XTENSION", "'BINTABLE'").set("BITPIX", "8").set("NAXIS", "2");
  f.set("NAXIS1", std::to_string(row_bytes)).set("NAXIS2", std::to_string(rows));
  f.set("PCOUNT", "0").set("GCOUNT", "1").set("TFIELDS", std::to_string(columns.size()));
  for (std::size_t c = 0; c < columns.size(); ++c) {
    f.set("TTYPE" + std::to_string(c + 1), "'" + columns[c].name + "'");
    f.set("TFORM" + std::to_string(c + 1), "'" + columns[c].form + "'");
  }
  f.set("PIXTYPE", "'HEALPIX '").set("ORDERING", "'RING    '").set("NSIDE", std::to_string(nside));
  return f.set("INDXSCHM", "'IMPLICIT'");
}

/// Twelve pixels of nside 1 in single precision: 0, 1.5, 3, ...
Fits twelve() {
  std::string data;
  for (int p = 0; p < 12; ++p) data += raw(1.5F * static_cast<float>(p));
  return table(12, 4, {{"TEMPERATURE", "E"}}, 1, data).set("TUNIT1", "'mK,thermodynamic'");
}

/// Three pixels of nside 8192 named by number.
Fits explicit_three(const std::array<std::int32_t, 3>& pixels) {
  std::string data;
  for (std::size_t k = 0; k < 3; ++k) data += raw(pixels[k]) + raw(0.5 + static_cast<double>(k));
  return table(3, 12, {{"PIXEL", "J"}, {"SIGNAL", "1D"}}, 8192, data)
      .set("INDXSCHM", "'EXPLICIT'")
      .set("OBJECT", "'PARTIAL'");
}

HealpixMaps read(const std::string& bytes) {
  const Folder folder;
  std::ofstream(folder / "m[1].fits", std::ios::binary) << bytes;  // a name that CFITSIO might parse
  return read_healpix(folder / "m[1].fits");
}
HealpixMaps read(const Fits& fits) { return read(fits.bytes()); }

std::string refusal(const std::string& bytes) {
  try {
    read(bytes);
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::input);
    CHECK_THAT(e.context().file, ContainsSubstring("m[1].fits"));
    CHECK_FALSE(e.context().remedy.empty());
    return e.what();
  }
  FAIL("nothing was thrown");
  return {};
}
std::string refusal(const Fits& fits) { return refusal(fits.bytes()); }

HealpixMaps some(std::int64_t nside, Ordering ordering) {
  HealpixMaps out{
      .nside = nside, .ordering = ordering, .coordinate_system = "G", .polarisation_convention = "COSMO"};
  out.maps = {{"TEMPERATURE", "K_CMB", {}}, {"Q_POLARISATION", "", {}}};
  for (std::int64_t p = 0; p < domain::healpix::pixel_count(nside); ++p) {
    out.maps[0].values.push_back(p % 5 == 2 ? kNan : 1.0 / 3.0 + static_cast<double>(p));
    out.maps[1].values.push_back(std::sin(static_cast<double>(p)) * 1e-12);
  }
  return out;
}

void check_same(const HealpixMaps& a, const HealpixMaps& b) {
  CHECK(a.nside == b.nside);
  CHECK(a.ordering == b.ordering);
  CHECK(a.pixels == b.pixels);
  CHECK(a.coordinate_system == b.coordinate_system);
  CHECK(a.polarisation_convention == b.polarisation_convention);
  REQUIRE(a.maps.size() == b.maps.size());
  for (std::size_t m = 0; m < a.maps.size(); ++m) {
    CHECK(a.maps[m].name == b.maps[m].name);
    CHECK(a.maps[m].units == b.maps[m].units);
    CHECK(same(a.maps[m].values, b.maps[m].values));
  }
}

}  // namespace

TEST_CASE("a plain map with names and units", "[io]") {
  const auto maps = read(twelve().set("COORDSYS", "'G       '"));
  CHECK(maps.nside == 1);
  CHECK(maps.ordering == Ordering::ring);
  CHECK(maps.pixels.empty());
  CHECK(maps.coordinate_system == "G");
  REQUIRE(maps.maps.size() == 1);
  CHECK(maps.maps[0].name == "TEMPERATURE");
  CHECK(maps.maps[0].units == "mK,thermodynamic");
  for (std::size_t p = 0; p < 12; ++p) CHECK(maps.maps[0].values[p] == 1.5 * static_cast<double>(p));
  CHECK(read(twelve().set("ORDERING", "'NESTED'")).ordering == Ordering::nested);
  CHECK(read(twelve().set("ORDERING", "'nest'")).ordering == Ordering::nested);
  CHECK(read(twelve().drop("INDXSCHM").drop("PIXTYPE")).nside == 1);
  CHECK(read(twelve().drop("TTYPE1")).maps[0].name == "COLUMN1");
}

TEST_CASE("vectors of 1024 pixels a row, several maps", "[io]") {
  // nside 16: three rows of 1024 single and 1024 double numbers.
  std::string data;
  for (int row = 0; row < 3; ++row) {
    for (int k = 0; k < 1024; ++k) data += raw(static_cast<float>(1024 * row + k));
    for (int k = 0; k < 1024; ++k) data += raw(0.1 * (1024 * row + k));
  }
  const auto maps = read(table(3, 12288, {{"I_STOKES", "1024E"}, {"Q_STOKES", "1024D"}}, 16, data));
  REQUIRE(maps.maps.size() == 2);
  REQUIRE(maps.maps[0].values.size() == 3072);
  for (int p = 0; p < 3072; ++p) {
    REQUIRE(maps.maps[0].values[static_cast<std::size_t>(p)] == p);
    REQUIRE(maps.maps[1].values[static_cast<std::size_t>(p)] == 0.1 * p);
  }
}

TEST_CASE("integers, scaled and with a missing value, of every width", "[io]") {
  std::string data;
  for (int p = 0; p < 12; ++p)
    data += raw(static_cast<std::uint8_t>(p == 3 ? 255 : p)) +
            raw(static_cast<std::int16_t>(p == 4 ? -9 : p)) + raw(p == 5 ? std::int32_t{-1} : 1000 * p) +
            raw(std::int64_t{1} << (p + 30));
  auto f = table(12, 15, {{"A", "B"}, {"B", "I"}, {"C", "J"}, {"D", "K"}}, 1, data);
  f.set("TNULL1", "255").set("TNULL2", "-9").set("TSCAL2", "0.25").set("TZERO2", "100.0").set("TNULL3", "-1");
  const auto maps = read(f);
  REQUIRE(maps.maps.size() == 4);
  for (std::size_t p = 0; p < 12; ++p) {
    const auto d = static_cast<double>(p);
    CHECK(same(maps.maps[0].values[p], p == 3 ? kNan : d));
    CHECK(same(maps.maps[1].values[p], p == 4 ? kNan : 100.0 + 0.25 * d));
    CHECK(same(maps.maps[2].values[p], p == 5 ? kNan : 1000 * d));
    CHECK(maps.maps[3].values[p] == std::ldexp(1.0, static_cast<int>(p) + 30));
  }
}

TEST_CASE("missing values in floating-point columns", "[io]") {
  const std::array<float, 12> stored{0,           kUnseen,  std::numeric_limits<float>::quiet_NaN(),
                                     -1.6376e30F, -1.7e30F, std::numeric_limits<float>::infinity(),
                                     -32768,      5,        6,
                                     7,           8,        9};
  std::string data;
  for (const float x : stored) data += raw(x);
  const auto f = table(12, 4, {{"T", "E"}}, 1, data);
  for (const bool own : {false, true}) {
    const auto values = read(own ? Fits(f).set("BAD_DATA", "-32768.0") : f).maps[0].values;
    for (std::size_t p = 0; p < 12; ++p) {
      const bool missing = p == 1 || p == 2 || p == 5 || (own && p == 6);
      CHECK(same(values[p], missing ? kNan : static_cast<double>(stored[p])));
    }
  }
}

TEST_CASE("partial sky: by number or by range, without room for the whole sphere", "[io]") {
  const auto maps = read(explicit_three({805306367, 0, 12345}));
  CHECK(maps.nside == 8192);
  CHECK(maps.pixels == std::vector<std::int64_t>{805306367, 0, 12345});
  REQUIRE(maps.maps.size() == 1);
  CHECK(maps.maps[0].name == "SIGNAL");
  CHECK(maps.maps[0].values == std::vector<double>{0.5, 1.5, 2.5});
  CHECK(read(explicit_three({1, 2, 3}).drop("INDXSCHM")).pixels.size() == 3);
  CHECK(read(explicit_three({1, 2, 3}).set("TTYPE1", "'NUMBER'")).pixels.size() == 3);
  const auto range = read(twelve().set("NSIDE", "4").set("FIRSTPIX", "90").set("LASTPIX", "101"));
  REQUIRE(range.pixels.size() == 12);
  CHECK(range.pixels.front() == 90);
  CHECK(range.pixels.back() == 101);
}

TEST_CASE("other extensions before the map are passed over", "[io]") {
  const std::string whole = twelve().bytes();
  const std::string other =
      table(2, 3, {{"NAME", "3A"}}, 1, "abcdef").drop("PIXTYPE").drop("NSIDE").bytes().substr(2880);
  CHECK(read(whole.substr(0, 2880) + other + whole.substr(2880)).maps[0].name == "TEMPERATURE");
}

TEST_CASE("maps that are written are read bit for bit", "[io]") {
  const Folder folder;
  for (const Ordering ordering : {Ordering::ring, Ordering::nested})
    for (const std::int64_t nside : {1, 4, 16, 32}) {
      const auto maps = some(nside, ordering);
      write_healpix(folder / "out[x]!.fits", maps);
      check_same(read_healpix(folder / "out[x]!.fits"), maps);
    }
  auto part = some(1, Ordering::nested);
  part.nside = 16384;  // more pixels than 32 bits count
  part.pixels = {3221225471, 7, 5, 4000, 1, 2, 3, 100, 200, 300, 400, 500};
  write_healpix(folder / "part.fits", part);
  check_same(read_healpix(folder / "part.fits"), part);
  part.nside = 64;
  part.pixels.front() = 6;
  write_healpix(folder / "part.fits", part);
  check_same(read_healpix(folder / "part.fits"), part);
  CHECK(folder.entries() == 2);
}

TEST_CASE("maps that cannot be written leave the old file", "[io]") {
  const Folder folder;
  const std::string path = folder / "old.fits";
  std::ofstream(path) << "old";
  const auto kind = [&](const auto& change, const std::string& to) {
    auto maps = some(4, Ordering::ring);
    change(maps);
    try {
      write_healpix(to, maps);
    } catch (const Error& e) {
      return e.kind();
    }
    FAIL("nothing was thrown");
    return ErrorKind::stopped;
  };
  CHECK(kind([](auto& m) { m.maps[0].name = ""; }, path) == ErrorKind::usage);
  CHECK(kind([](auto& m) { m.maps[0].name = "q_polarisation"; }, path) == ErrorKind::usage);
  CHECK(kind([](auto& m) { m.maps[0].name = "two\nlines"; }, path) == ErrorKind::usage);
  CHECK(kind([](auto& m) { m.maps[0].units = std::string(69, 'm'); }, path) == ErrorKind::usage);
  CHECK(kind([](auto& m) { m.coordinate_system = "\xc3\xa9"; }, path) == ErrorKind::usage);
  CHECK(kind([](auto& m) { m.maps[1].values.pop_back(); }, path) == ErrorKind::internal);
  CHECK(kind([](auto& m) { m.maps.clear(); }, path) == ErrorKind::internal);
  CHECK(kind([](auto& m) { m.nside = 0; }, path) == ErrorKind::input);
  CHECK(kind(
            [](auto& m) {
              m.nside = 3;
              m.ordering = Ordering::nested;
            },
            path) == ErrorKind::input);
  CHECK(kind([](auto& m) { m.pixels = {1, 1}; }, path) == ErrorKind::input);
  CHECK(kind([](auto& m) { m.pixels = {192}; }, path) == ErrorKind::input);
  CHECK(kind([](auto& /*m*/) {}, folder / "no/such/folder.fits") == ErrorKind::io);
  CHECK(kind([](auto& /*m*/) {}, folder.path()) == ErrorKind::io);
  std::ifstream in(path);
  CHECK(std::string(std::istreambuf_iterator<char>(in), {}) == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("maps for which the disk is full leave the old file", "[io]") {
  const Folder folder;
  std::ofstream(folder / "old.fits") << "old";
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit less{20000, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &less);
  std::string message;
  try {
    write_healpix(folder / "old.fits", some(64, Ordering::ring));
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::io);
    message = e.what();
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK_THAT(message, ContainsSubstring("old.fits") && ContainsSubstring("disk"));
  CHECK(std::filesystem::file_size(folder / "old.fits") == 3);
  CHECK(folder.entries() == 1);
}

TEST_CASE("what is no map is refused by what it is", "[io]") {
  const Folder folder;
  const auto message = [](const std::string& path) {
    try {
      read_healpix(path);
    } catch (const Error& e) {
      CHECK(e.context().file == path);
      CHECK_FALSE(e.context().remedy.empty());
      return std::string(e.what());
    }
    FAIL("nothing was thrown");
    return std::string();
  };
  CHECK_THAT(message(folder / "missing.fits"), ContainsSubstring("no such file"));
  CHECK_THAT(message(folder.path()), ContainsSubstring("directory, not a FITS file"));
  CHECK_THAT(refusal(""), ContainsSubstring("empty"));
  CHECK_THAT(refusal("OFF\n"), ContainsSubstring("not a FITS file"));
  CHECK_THAT(refusal("\x1f\x8b\x08 and so on"), ContainsSubstring("compressed"));
  CHECK_THAT(refusal("SIMPLE  = and nothing else"), ContainsSubstring("m[1].fits"));
  CHECK_THAT(refusal(twelve().bytes().substr(0, 2880)), ContainsSubstring("no HEALPix table"));
  CHECK_THAT(refusal(twelve().set("PIXTYPE", "'CAR'")), ContainsSubstring("no HEALPix table"));
}

TEST_CASE("keywords and columns that do not fit are refused by name", "[io]") {
  CHECK_THAT(refusal(twelve().drop("NSIDE")), ContainsSubstring("'NSIDE'") && ContainsSubstring("missing"));
  CHECK_THAT(refusal(twelve().drop("ORDERING")), ContainsSubstring("'ORDERING'"));
  CHECK_THAT(refusal(twelve().set("ORDERING", "'SPIRAL'")), ContainsSubstring("'SPIRAL'"));
  CHECK_THAT(refusal(twelve().set("INDXSCHM", "'HASHED'")), ContainsSubstring("'HASHED'"));
  CHECK_THAT(refusal(twelve().set("NSIDE", "'many'")), ContainsSubstring("'NSIDE'"));
  CHECK_THAT(refusal(twelve().set("BAD_DATA", "'none'")), ContainsSubstring("'BAD_DATA'"));
  CHECK_THAT(refusal(twelve().set("NSIDE", "0")), ContainsSubstring("nside 0 is out of range"));
  CHECK_THAT(refusal(twelve().set("NSIDE", "99999999999")), ContainsSubstring("out of range"));
  CHECK_THAT(refusal(twelve().set("NSIDE", "3").set("ORDERING", "'NESTED'")),
             ContainsSubstring("power of two"));
  CHECK_THAT(refusal(twelve().set("NSIDE", "2")), ContainsSubstring("holds 12 pixels, nside 2 has 48"));
  CHECK_THAT(refusal(twelve().set("NSIDE", "2").set("FIRSTPIX", "40").set("LASTPIX", "51")),
             ContainsSubstring("holds 12"));
  CHECK_THAT(refusal(twelve().set("INDXSCHM", "'EXPLICIT'")), ContainsSubstring("no whole numbers"));
  CHECK_THAT(refusal(explicit_three({0, 7, 805306368})), ContainsSubstring("[pixel 805306368]"));
  CHECK_THAT(refusal(explicit_three({0, -1, 3})), ContainsSubstring("[pixel -1]"));
  CHECK_THAT(refusal(explicit_three({5, 6, 5})),
             ContainsSubstring("[pixel 5]") && ContainsSubstring("twice"));
  CHECK_THAT(refusal(twelve().set("TFORM1", "'4A'")),
             ContainsSubstring("'TEMPERATURE'") && ContainsSubstring("not a column of numbers"));
  CHECK_THAT(refusal(twelve().set("TFORM1", "'4X'").set("NAXIS1", "1")),
             ContainsSubstring("not a column of numbers"));
  CHECK_THAT(refusal(table(12, 8, {{"A", "1PE(3)"}}, 1, std::string(96, '\0'))),
             ContainsSubstring("not a column of numbers"));
  CHECK_THAT(refusal(table(6, 12, {{"A", "2E"}, {"B", "1E"}}, 1, std::string(72, '\0'))),
             ContainsSubstring("'B'"));
  CHECK_THAT(refusal(table(12, 4, {{"PIXEL", "J"}}, 1, std::string(48, '\0')).set("INDXSCHM", "'EXPLICIT'")),
             ContainsSubstring("pixel"));
}

TEST_CASE("truncated files and hostile counts are refused before memory is taken", "[io]") {
  const std::string whole = twelve().bytes();
  for (const std::size_t length : {2900, 5700, 5761, 5760 + 48, 8639})
    CHECK_THAT(refusal(whole.substr(0, length)), ContainsSubstring("truncated"));
  CHECK_THAT(refusal(whole.substr(0, 5760)), ContainsSubstring("headers promise 8640"));
  for (const char* rows : {"1000000000000", "9000000000000000000", "-1", "0"}) {
    CAPTURE(rows);
    CHECK_THAT(refusal(twelve().set("NAXIS2", rows)), ContainsSubstring("m[1].fits"));
  }
  refusal(twelve().set("NAXIS1", "1000000000000").set("TFORM1", "'250000000000E'"));
  refusal(twelve().set("NAXIS1", "0").set("TFORM1", "'0E'"));
  refusal(twelve().set("TFIELDS", "1000000"));
  refusal(twelve().set("TFIELDS", "0"));
  refusal(twelve().set("TFORM1", "'99999999999999999999E'"));
}

TEST_CASE("damaged maps are read or refused, never worse", "[io]") {
  const Folder folder;
  std::uint32_t state = 7;
  const auto next = [&] { return state = state * 1664525U + 1013904223U, state >> 8U; };
  std::size_t refused = 0;
  for (const auto& bytes : {twelve().bytes(), explicit_three({1, 2, 3}).bytes()})
    for (int k = 0; k < 600; ++k) {
      std::string damaged = bytes;
      for (std::uint32_t n = next() % 3 + 1; n > 0; --n) {
        // Headers are mostly blank: aim at the first 30 columns of the table's cards.
        const std::size_t at = 2880 + next() % 22 * 80 + next() % 30;
        damaged[at] = "0123456789 EDJKBPAX'-+.=T\0\xff\n"[next() % 28];
      }
      std::ofstream(folder / "m.fits", std::ios::binary) << damaged;
      try {
        const auto maps = read_healpix(folder / "m.fits");
        for (const auto& m : maps.maps)
          REQUIRE(m.values.size() == (maps.pixels.empty()
                                          ? static_cast<std::size_t>(domain::healpix::pixel_count(maps.nside))
                                          : maps.pixels.size()));
      } catch (const Error& e) {
        if (e.kind() == ErrorKind::internal) throw;
        ++refused;
      }
    }
  CHECK(refused > 100);
}

TEST_CASE("healpy's maps are read, and healpy reads ours", "[io]") {
  const Folder folder;
  auto ours = some(8, Ordering::nested);
  write_healpix(folder / "ours.fits", ours);
  auto part = some(1, Ordering::ring);
  part.nside = 4;
  part.pixels = {0, 5, 9, 191, 17, 18, 19, 20, 21, 22, 23, 24};
  write_healpix(folder / "part.fits", part);
  const auto lines = healpy::run("folder = '" + folder.path() + "/'" + R"(
import numpy as np, healpy as hp
def say(a): print(' '.join('nan' if x != x or x == hp.UNSEEN else repr(float(x)) for x in a))
m, header = hp.read_map(folder + 'ours.fits', field=(0, 1), nest=True, h=True, dtype=np.float64)
header = dict(header)
assert header['ORDERING'] == 'NESTED' and header['NSIDE'] == 8 and header['COORDSYS'] == 'G'
assert header['TTYPE2'] == 'Q_POLARISATION' and header['TUNIT1'] == 'K_CMB'
say(m[0]); say(m[1])
p = hp.read_map(folder + 'part.fits', partial=True, dtype=np.float64)
print(sum(x != hp.UNSEEN for x in p)); say(p)
full = np.arange(192.0) / 7; full[5] = hp.UNSEEN
hp.write_map(folder + 'ring.fits', [full, 2 * full], column_names=['T', 'Q'], column_units='mK', dtype=np.float64)
hp.write_map(folder + 'float.fits', full, nest=True, dtype=np.float32)
hp.write_map(folder + 'cut.fits', full, partial=True, dtype=np.float64)
hp.write_map(folder + 'rows.fits', np.arange(3072.0), fits_IDL=True, dtype=np.float32)
)");
  if (!lines) {
    WARN("skipped: /usr/bin/python3 has no healpy");
    return;
  }
  const auto values = [&](std::size_t line) {
    std::vector<double> out;
    std::istringstream in(lines->at(line));
    for (std::string word; in >> word;) out.push_back(word == "nan" ? kNan : std::stod(word));
    return out;
  };
  const std::size_t first = lines->size() - 4;
  CHECK(same(values(first), ours.maps[0].values));
  CHECK(same(values(first + 1), ours.maps[1].values));
  CHECK(lines->at(first + 2) == "10");  // of twelve pixels two are missing
  const auto sphere = values(first + 3);
  REQUIRE(sphere.size() == 192);
  for (std::size_t k = 0; k < part.pixels.size(); ++k)
    CHECK(same(sphere[static_cast<std::size_t>(part.pixels[k])], part.maps[0].values[k]));

  const auto ring = read_healpix(folder / "ring.fits");
  REQUIRE(ring.maps.size() == 2);
  CHECK(ring.maps[1].name == "Q");
  CHECK(ring.maps[1].units == "mK");
  const auto single = read_healpix(folder / "float.fits");
  CHECK(single.ordering == Ordering::nested);
  for (std::size_t p = 0; p < 192; ++p) {
    const double x = static_cast<double>(p) / 7;
    CHECK(same(ring.maps[0].values[p], p == 5 ? kNan : x));
    CHECK(same(single.maps[0].values[p], p == 5 ? kNan : static_cast<double>(static_cast<float>(x))));
  }
  const auto cut = read_healpix(folder / "cut.fits");
  CHECK(cut.pixels.size() == 191);
  for (std::size_t k = 0; k < cut.pixels.size(); ++k)
    CHECK(cut.maps[0].values[k] == static_cast<double>(cut.pixels[k]) / 7);
  const auto rows = read_healpix(folder / "rows.fits");
  for (std::size_t p = 0; p < 3072; ++p) REQUIRE(rows.maps[0].values[p] == static_cast<double>(p));
}

TEST_CASE("WMAP's maps are those that healpy reads", "[io]") {
  const std::string begin = "/usr/share/healpy/test/data/wmap_band_iqumap_r9_7yr_";
  for (const char* end : {"W_v4_udgraded32.fits", "V_v4_udgraded32_masked.fits"}) {
    const std::string path = begin + end;
    if (!std::ifstream(path)) {
      WARN("skipped: there is no map " << path);
      return;
    }
    const auto maps = read_healpix(path);
    CHECK(maps.nside == 32);
    REQUIRE(maps.maps.size() == 3);
    CHECK(maps.maps[0].name == "I_STOKES");
    const auto lines = healpy::run(
        "import numpy as np, healpy as hp\nfor f in range(3): print(' '.join('nan' if x == hp.UNSEEN "
        "else repr(float(x)) for x in hp.read_map('" +
        path + "', field=f, dtype=np.float64)))");
    if (!lines) {
      WARN("skipped: /usr/bin/python3 has no healpy");
      return;
    }
    for (std::size_t m = 0; m < 3; ++m) {
      std::vector<double> expected;
      std::istringstream in(lines->at(lines->size() - 3 + m));
      for (std::string word; in >> word;) expected.push_back(word == "nan" ? kNan : std::stod(word));
      REQUIRE(expected.size() == 12288);
      CHECK(same(maps.maps[m].values, expected));
    }
  }
}
