#include "manifill/io/imputed_file.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstring>
#include <string>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "netcdf_fixture.hpp"

using namespace manifill;
using namespace manifill::io;
using namespace manifill::test;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

/// What a run fills in: 500 + cell in gaps, spread 1.5, member r is the mean + r.
void write_field(ImputedFileWriter& w, const GriddedVariable& v, std::size_t e, std::size_t t,
                 std::size_t members, double base = 500.0) {
  const auto field = v.read(e, t, 1);
  const std::size_t n = v.domain().size();
  std::vector<double> mean(n);
  std::vector<double> spread(n);
  std::vector<CellStatus> status(n);
  xt::xtensor<double, 2> member = xt::xtensor<double, 2>::from_shape({members, n});
  for (std::size_t c = 0; c < n; ++c) {
    const bool gap = std::isnan(field(0, c));
    status[c] = gap ? CellStatus::infilled : CellStatus::observed;
    mean[c] = gap ? base + static_cast<double>(c) : field(0, c);
    spread[c] = gap ? 1.5 : 0.0;
    for (std::size_t r = 0; r < members; ++r) member(r, c) = mean[c] + static_cast<double>(r);
  }
  w.write(e, t, mean, spread, status, member);
}

void impute(const GriddedVariable& v, ImputedFileOptions o, bool unpacked = false, double base = 500.0) {
  if (o.times == 0) o.times = v.times() - o.first_time;
  ImputedFileWriter w(v, o, unpacked);
  for (std::size_t e = 0; e < v.extras(); ++e)
    for (std::size_t t = o.first_time; t < o.first_time + o.times; ++t)
      write_field(w, v, e, t, o.members, base);
  w.commit();
}

GriddedVariable impute_grid(const Grid& g, const Folder& folder, ImputedFileOptions o = {},
                            double base = 500.0) {
  g.write(folder / "in.nc");
  auto v = GriddedVariable::open(folder / "in.nc", "t");
  o.path = folder / "out.nc";
  impute(v, o, false, base);
  return v;
}

/// Bits of the variable in both files, compared where the input has no gap; values of the gaps.
std::vector<double> compare_bits(const Folder& folder, const std::string& name, double fill) {
  const File in = File::open(folder / "in.nc");
  const File out = File::open(folder / "out.nc");
  const auto before = in.bits(name);
  const auto after = out.bits(name);
  const auto numbers = in.get(name);
  const auto filled = out.get(name);
  const std::size_t width = before.size() / numbers.size();
  REQUIRE(before.size() == after.size());
  std::vector<double> gaps;
  for (std::size_t k = 0; k < numbers.size(); ++k) {
    if (numbers[k] == fill || std::isnan(numbers[k]))
      gaps.push_back(filled[k]);
    else if (std::memcmp(&before[k * width], &after[k * width], width) != 0)
      FAIL("bits changed at " << k);
  }
  return gaps;
}

int inside(const File& f, const std::string& path) {
  int group = -1;
  ok(nc_inq_grp_full_ncid(f.id(), path.c_str(), &group));
  return group;
}

}  // namespace

TEST_CASE("observed bits are kept and gaps filled, in every order of dimensions") {
  const auto order = GENERATE(values<std::vector<std::string>>({{"time", "lat", "lon"},
                                                                {"lon", "lat", "time"},
                                                                {"lat", "time", "lon"},
                                                                {"lev", "lon", "time", "ens", "lat"},
                                                                {"lat", "lon"}}));
  const std::size_t members = GENERATE(0U, 3U);
  const Folder folder;
  const auto v = impute_grid({.order = order}, folder, {.members = members});
  const auto gaps = compare_bits(folder, "t", -999);
  CHECK(gaps.size() == (order.size() == 2 ? 1U : 9U * v.extras()));
  CHECK(std::all_of(gaps.begin(), gaps.end(), [](double x) { return x >= 500 && x < 524; }));
  const File out = File::open(folder / "out.nc");
  CHECK(out.shape("t_spread") == out.shape("t"));
  CHECK(out.shape("t_status") == out.shape("t"));
  const auto status = out.get("t_status");
  CHECK(std::count(status.begin(), status.end(), 1.0) == static_cast<long>(gaps.size()));
  CHECK(std::count(status.begin(), status.end(), 0.0) == static_cast<long>(status.size() - gaps.size()));
  if (members == 0) return;
  auto shape = out.shape("t");
  shape.insert(shape.begin(), members);
  CHECK(out.shape("t_member") == shape);
  CHECK(out.get("realization") == std::vector<double>{1, 2, 3});
  const auto t = out.get("t");
  const auto member = out.get("t_member");
  for (std::size_t r = 0; r < members; ++r)
    for (std::size_t k = 0; k < t.size(); ++k)
      REQUIRE(member[r * t.size() + k] == t[k] + (status[k] == 1.0 ? static_cast<double>(r) : 0.0));
}

TEST_CASE("attributes follow the contract and CF") {
  const Folder folder;
  Grid g;
  g.more = [](File& f, int v) {
    f.text(v, "standard_name", "sea_surface_temperature");
    f.text(v, "long_name", "sea surface temperature");
    f.text(v, "cell_methods", "time: mean");
    f.text(v, "ancillary_variables", "quality");
    f.text(v, "coordinates", "height");
    f.var("height", NC_FLOAT, {});
    f.text(NC_GLOBAL, "history", "made by hand");
    f.text(NC_GLOBAL, "title", "a test");
  };
  impute_grid(g, folder,
              {.members = 2,
               .attributes = {{"manifill_version", "9"}, {"manifill_seed", "1"}},
               .history = "today: filled",
               .spread_comment = "of two members"});
  const File out = File::open(folder / "out.nc");
  CHECK(out.text_of("t", "ancillary_variables") == "quality t_spread t_status t_member");
  CHECK(out.text_of("t", "units") == "K");
  CHECK(out.text_of("t", "cell_methods") == "time: mean");
  CHECK(out.text_of("t_spread", "standard_name") == "sea_surface_temperature standard_error");
  CHECK(out.text_of("t_spread", "units") == "K");
  CHECK(out.text_of("t_spread", "units_metadata") == "temperature: difference");
  CHECK(out.text_of("t_spread", "comment") == "of two members");
  CHECK(out.text_of("t_spread", "cell_methods") == "time: mean realization: standard_deviation");
  CHECK(out.text_of("t_spread", "coordinates") == "height");
  CHECK(out.text_of("t_status", "flag_meanings") == "observed infilled not_filled masked");
  std::vector<double> flags(4);
  ok(nc_get_att_double(out.id(), out.find("t_status"), "flag_values", flags.data()));
  CHECK(flags == std::vector<double>{0, 1, 2, 3});
  CHECK(out.type_of("t_status") == NC_BYTE);
  CHECK(out.type_of("t_spread") == NC_FLOAT);
  CHECK(out.text_of("t_member", "standard_name") == "sea_surface_temperature");
  CHECK(out.text_of("realization", "standard_name") == "realization");
  CHECK(out.text_of("realization", "units") == "1");
  CHECK(out.text_of("", "history") == "today: filled\nmade by hand");
  CHECK(out.text_of("", "title") == "a test");
  CHECK(out.text_of("", "manifill_version") == "9");
  CHECK(out.text_of("", "Conventions") == "CF-1.11");
}

TEST_CASE("Conventions are kept, or CF is added") {
  const auto before =
      GENERATE(as<std::string>(), "CF-1.6", "CF-1.6, ACDD-1.3", "COARDS", "ACDD-1.3, UGRID-1.0");
  const Folder folder;
  Grid g;
  g.more = [&](File& f, int) { f.text(NC_GLOBAL, "Conventions", before); };
  impute_grid(g, folder);
  const std::string after = File::open(folder / "out.nc").text_of("", "Conventions");
  if (before.find("CF-") != std::string::npos)
    CHECK(after == before);
  else
    CHECK(after == before + (before.find(',') == std::string::npos ? " CF-1.11" : ", CF-1.11"));
}

TEST_CASE("packed integers of every type keep their bits, and fills are rounded to the packing") {
  const nc_type type =
      GENERATE(as<nc_type>(), NC_BYTE, NC_UBYTE, NC_SHORT, NC_USHORT, NC_INT, NC_UINT, NC_INT64, NC_UINT64);
  const Folder folder;
  Grid g{.type = type, .fill = 99};
  g.value = [](auto, auto t, auto i, auto j) {
    return i == 1 && j == 2 ? kGap : static_cast<double>(t * 24 + i * 6 + j);
  };
  g.more = [](File& f, int v) {
    f.number(v, "scale_factor", NC_DOUBLE, {0.25});
    f.number(v, "add_offset", NC_DOUBLE, {270});
  };
  const auto v = impute_grid(g, folder, {}, 282.06);  // cell 8: 290.06, number 80.24
  CHECK(compare_bits(folder, "t", 99) == std::vector<double>{80, 80, 80});
  CHECK(ImputedFileWriter::fits_packing(v, 270, 295));
  const bool narrow = type == NC_BYTE || type == NC_UBYTE;
  CHECK(ImputedFileWriter::fits_packing(v, 270, 400) == !narrow);
  const bool is_unsigned = type == NC_UBYTE || type == NC_USHORT || type == NC_UINT || type == NC_UINT64;
  CHECK(ImputedFileWriter::fits_packing(v, 260, 280) == !is_unsigned);
}

TEST_CASE("_Unsigned bytes are filled as unsigned numbers") {
  const Folder folder;
  Grid g{.type = NC_BYTE, .fill = -1};  // 255
  g.value = [](auto, auto, auto i, auto j) { return i == 1 && j == 2 ? kGap : i == 0 ? -6.0 : 3.0; };
  g.more = [](File& f, int v) { f.text(v, "_Unsigned", "true"); };
  const auto v = impute_grid(g, folder, {}, 200);  // cell 8: 208, stored -48
  CHECK(compare_bits(folder, "t", -1) == std::vector<double>{-48, -48, -48});
  CHECK(ImputedFileWriter::fits_packing(v, 0, 254));
  CHECK_FALSE(ImputedFileWriter::fits_packing(v, 0, 256));
}

TEST_CASE("a fill that would read as missing is moved to the next valid number") {
  const Folder folder;
  Grid g{.type = NC_SHORT, .fill = 0};
  g.value = [](auto, auto, auto i, auto j) { return i == 1 && j == 2 ? kGap : 5.0; };
  g.more = [](File& f, int v) {
    f.number(v, "scale_factor", NC_DOUBLE, {0.1});
    f.number(v, "valid_range", NC_SHORT, {-50, 7});
  };
  const auto v = impute_grid(g, folder, {}, -8.0);  // cell 8: exactly 0, the fill value
  const auto gaps = compare_bits(folder, "t", 0);
  CHECK(std::abs(gaps.at(0)) == 1.0);
  CHECK_FALSE(ImputedFileWriter::fits_packing(v, -5, 0.8));
  // Single precision: a mean beyond the valid range is clamped to it.
  Grid real;
  real.more = [](File& f, int variable) { f.number(variable, "valid_max", NC_FLOAT, {400}); };
  const Folder other;
  impute_grid(real, other);
  for (const double x : compare_bits(other, "t", -999)) CHECK(x == 400);
}

TEST_CASE("a fill beyond the packing: unpacked, with the packed input beside") {
  const Folder folder;
  Grid g{.type = NC_SHORT, .fill = -32768};
  g.more = [](File& f, int v) {
    f.number(v, "scale_factor", NC_DOUBLE, {0.01});
    f.number(v, "add_offset", NC_FLOAT, {270});
    f.text(v, "standard_name", "air_temperature");
  };
  g.write(folder / "in.nc");
  const auto v = GriddedVariable::open(folder / "in.nc", "t");
  CHECK_FALSE(ImputedFileWriter::fits_packing(v, 0, 1000));
  impute(v, {.path = folder / "out.nc", .members = 2}, true, 5000);
  const File in = File::open(folder / "in.nc");
  const File out = File::open(folder / "out.nc");
  CHECK(out.type_of("t") == NC_FLOAT);
  CHECK(out.type_of("t_packed") == NC_SHORT);
  CHECK(out.bits("t_packed") == in.bits("t"));
  CHECK(out.text_of("t", "standard_name") == "air_temperature");
  CHECK(out.text_of("t", "scale_factor") == "(absent)");
  CHECK(out.text_of("t", "ancillary_variables") == "t_spread t_status t_member t_packed");
  const auto values = out.get("t");
  const auto stored = in.get("t");
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (stored[k] == -32768)
      CHECK(values[k] >= 5000);
    else
      CHECK(values[k] == static_cast<float>(270 + 0.01 * stored[k]));
  }
  // The output opens again, and only V is there to be filled.
  CHECK(GriddedVariable::open(folder / "out.nc", "").summary().name == "t");
}

TEST_CASE("not filled and masked cells keep the bits that stood there, NaN payloads too") {
  const Folder folder;
  Grid g;
  g.write(folder / "in.nc");
  {
    int id = -1;
    ok(nc_open((folder / "in.nc").c_str(), NC_WRITE, &id));
    int variable = -1;
    ok(nc_inq_varid(id, "t", &variable));
    const std::uint32_t odd = 0x7fc12345;
    float value = 0;
    std::memcpy(&value, &odd, sizeof value);
    const std::size_t at[3] = {0, 0, 0};
    ok(nc_put_var1(id, variable, at, &value));
    ok(nc_close(id));
  }
  const auto v = GriddedVariable::open(folder / "in.nc", "t");
  {
    ImputedFileWriter w(v, {.path = folder / "out.nc", .members = 1}, false);
    for (std::size_t t = 0; t < 3; ++t) {
      const auto field = v.read(0, t, 1);
      std::vector<CellStatus> status(24);
      for (std::size_t c = 0; c < 24; ++c)
        status[c] = !std::isnan(field(0, c)) ? CellStatus::observed
                    : c == 0                 ? CellStatus::masked
                                             : CellStatus::not_filled;
      w.write(0, t, std::vector<double>(24, 7), std::vector<double>(24, 1), status,
              xt::zeros<double>({1, 24}));
    }
    w.commit();
  }
  const File in = File::open(folder / "in.nc");
  const File out = File::open(folder / "out.nc");
  CHECK(in.bits("t") == out.bits("t"));
  CHECK(out.get("t_status")[0] == 3);
  CHECK(out.get("t_status")[8] == 2);
  CHECK(out.get("t_spread")[8] == static_cast<double>(NC_FILL_FLOAT));
  CHECK(out.get("t_member")[8] == static_cast<double>(NC_FILL_FLOAT));
}

TEST_CASE("cyclic duplicate columns are filled from the column they repeat") {
  const Folder folder;
  Grid g{.longitude = {0, 90, 180, 270, 360, 450}};
  g.value = [](auto, auto t, auto i, auto j) {
    if (i == 0 && j % 4 == 0) return kGap;  // both missing
    if (i == 1 && j == 4) return kGap;      // the duplicate alone
    if (i == 2 && j == 0) return kGap;      // the original alone
    return static_cast<double>(100 * t + 10 * i + j % 4);
  };
  impute_grid(g, folder, {.members = 2});
  compare_bits(folder, "t", -999);
  const File out = File::open(folder / "out.nc");
  const auto t = out.get("t");
  const auto status = out.get("t_status");
  const auto member = out.get("t_member");
  const auto at = [](std::size_t row, std::size_t column) { return row * 6 + column; };
  CHECK(t[at(0, 4)] == t[at(0, 0)]);
  CHECK(t[at(0, 0)] == 500);
  CHECK(status[at(0, 4)] == 1);
  CHECK(t[at(1, 4)] == t[at(1, 0)]);  // the observation
  CHECK(status[at(1, 4)] == 1);
  CHECK(t[at(2, 4)] == 20);  // its own observation stays
  CHECK(status[at(2, 4)] == 0);
  CHECK(status[at(2, 0)] == 1);
  CHECK(member[72 + at(0, 4)] == member[72 + at(0, 0)]);
  CHECK(member[72 + at(1, 4)] == 10);
  CHECK(member[72 + at(2, 4)] == 20);
}

TEST_CASE("the input's format is kept, with and without a record dimension") {
  const int flags = GENERATE(0, NC_64BIT_OFFSET, NC_64BIT_DATA, NC_NETCDF4, NC_NETCDF4 | NC_CLASSIC_MODEL);
  const bool unlimited = GENERATE(false, true);
  const std::size_t members = GENERATE(0U, 2U);
  CAPTURE(flags, unlimited, members);
  const Folder folder;
  Grid g{.flags = flags, .unlimited = unlimited};
  impute_grid(g, folder, {.members = members});
  compare_bits(folder, "t", -999);
  const int before = File::open(folder / "in.nc").format();
  const File out = File::open(folder / "out.nc");
  const bool classic = before != NC_FORMAT_NETCDF4 && before != NC_FORMAT_NETCDF4_CLASSIC;
  // Members cannot follow a realization dimension in records: the file becomes NetCDF-4, time stays
  // unlimited.
  CHECK(out.format() == (classic && unlimited && members > 0 ? NC_FORMAT_NETCDF4_CLASSIC : before));
  int record = -1;
  ok(nc_inq_unlimdim(out.id(), &record));
  CHECK((record >= 0) == unlimited);
  if (members > 0) CHECK(out.shape("t_member") == std::vector<std::size_t>{2, 3, 4, 6});
}

TEST_CASE("chunks, compression, checksums and byte order are kept, and given to the new variables") {
  const Folder folder;
  Grid g{.chunks = {2, 4, 3}, .deflate = true};
  g.more = [](File& f, int v) {
    ok(nc_def_var_fletcher32(f.id(), v, NC_FLETCHER32));
    ok(nc_def_var_endian(f.id(), v, NC_ENDIAN_BIG));
    int lat = -1;
    ok(nc_inq_dimid(f.id(), "lat", &lat));
    const int other = f.var("other", NC_SHORT, {lat});
    ok(nc_def_var_fill(f.id(), other, NC_NOFILL, nullptr));
    ok(nc_def_var_endian(f.id(), other, NC_ENDIAN_BIG));
    ok(nc_enddef(f.id()));
    f.put(other, {1, 2, 3, 4});
    ok(nc_redef(f.id()));
  };
  impute_grid(g, folder, {.members = 2});
  compare_bits(folder, "t", -999);
  const File out = File::open(folder / "out.nc");
  for (const std::string name : {"t", "t_spread", "t_status", "t_member"}) {
    CAPTURE(name);
    const int v = out.find(name);
    int storage = -1;
    std::vector<std::size_t> chunks(out.shape(name).size());
    ok(nc_inq_var_chunking(out.id(), v, &storage, chunks.data()));
    CHECK(storage == NC_CHUNKED);
    CHECK(chunks ==
          (name == "t_member" ? std::vector<std::size_t>{1, 2, 4, 3} : std::vector<std::size_t>{2, 4, 3}));
    int shuffle = 0;
    int deflate = 0;
    int level = 0;
    ok(nc_inq_var_deflate(out.id(), v, &shuffle, &deflate, &level));
    CHECK(shuffle == 1);
    CHECK(level == 4);
    int checksum = 0;
    ok(nc_inq_var_fletcher32(out.id(), v, &checksum));
    CHECK(checksum == NC_FLETCHER32);
    int endian = 0;
    if (name != "t_status") {
      ok(nc_inq_var_endian(out.id(), v, &endian));
      CHECK(endian == NC_ENDIAN_BIG);
    }
  }
  int no_fill = 0;
  ok(nc_inq_var_fill(out.id(), out.find("other"), &no_fill, nullptr));
  CHECK(no_fill == 1);
  CHECK(out.get("other") == std::vector<double>{1, 2, 3, 4});
}

TEST_CASE("groups, user types, strings and unrelated variables are carried over") {
  const Folder folder;
  struct Pair {
    int a;
    double b;
  };
  Grid g;
  g.more = [](File& f, int) {
    int group = -1;
    ok(nc_def_grp(f.id(), "extra", &group));
    f.text(NC_GLOBAL, "note", "in the group", group);
    const int n = f.dim("n", 2, group);
    nc_type pair = NC_NAT;
    ok(nc_def_compound(f.id(), sizeof(Pair), "pair", &pair));
    ok(nc_insert_compound(f.id(), pair, "a", offsetof(Pair, a), NC_INT));
    ok(nc_insert_compound(f.id(), pair, "b", offsetof(Pair, b), NC_DOUBLE));
    nc_type ragged = NC_NAT;
    ok(nc_def_vlen(f.id(), "ragged", NC_INT, &ragged));
    nc_type colour = NC_NAT;
    ok(nc_def_enum(f.id(), NC_UBYTE, "colour", &colour));
    const unsigned char red = 1;
    const unsigned char blue = 2;
    ok(nc_insert_enum(f.id(), colour, "red", &red));
    ok(nc_insert_enum(f.id(), colour, "blue", &blue));
    nc_type blob = NC_NAT;
    ok(nc_def_opaque(f.id(), 3, "blob", &blob));
    const int pairs = f.var("pairs", pair, {n}, group);
    const int rows = f.var("rows", ragged, {n}, group);
    const int colours = f.var("colours", colour, {n}, group);
    const int blobs = f.var("blobs", blob, {n}, group);
    const int names = f.var("names", NC_STRING, {n}, group);
    const char* list[2] = {"one", "two"};
    ok(nc_put_att_string(group, names, "labels", 2, list));
    const Pair attribute{5, 0.5};
    ok(nc_put_att(group, pairs, "first", pair, 1, &attribute));
    ok(nc_enddef(f.id()));
    const Pair both[2] = {{1, 1.5}, {2, 2.5}};
    ok(nc_put_var(group, pairs, both));
    int numbers[3] = {7, 8, 9};
    const nc_vlen_t lists[2] = {{1, numbers}, {3, numbers}};
    ok(nc_put_var(group, rows, lists));
    const unsigned char shades[2] = {blue, red};
    ok(nc_put_var(group, colours, shades));
    ok(nc_put_var(group, blobs, "abcdef"));
    ok(nc_put_var_string(group, names, list));
    ok(nc_redef(f.id()));
  };
  impute_grid(g, folder);
  const File out = File::open(folder / "out.nc");
  const int group = inside(out, "/extra");
  CHECK(out.text_of("", "note", group) == "in the group");
  Pair both[2];
  ok(nc_get_var(group, out.find("pairs", group), both));
  CHECK(both[1].b == 2.5);
  Pair attribute{};
  ok(nc_get_att(group, out.find("pairs", group), "first", &attribute));
  CHECK(attribute.a == 5);
  nc_vlen_t lists[2];
  ok(nc_get_var(group, out.find("rows", group), lists));
  CHECK(lists[1].len == 3);
  CHECK(static_cast<int*>(lists[1].p)[2] == 9);
  ok(nc_free_vlens(2, lists));
  unsigned char shades[2];
  ok(nc_get_var(group, out.find("colours", group), shades));
  CHECK(shades[0] == 2);
  char blobs[6];
  ok(nc_get_var(group, out.find("blobs", group), blobs));
  CHECK(std::string(blobs, 6) == "abcdef");
  char* names[2];
  ok(nc_get_var_string(group, out.find("names", group), names));
  CHECK(std::string(names[1]) == "two");
  ok(nc_free_string(2, names));
}

TEST_CASE("a variable in a group is filled there, over dimensions of the root") {
  const Folder folder;
  {
    File f(folder / "in.nc");
    const int lat = f.dim("lat", 2);
    const int lon = f.dim("lon", 2);
    const int latitude = f.var("lat", NC_FLOAT, {lat});
    const int longitude = f.var("lon", NC_FLOAT, {lon});
    int group = -1;
    ok(nc_def_grp(f.id(), "sea", &group));
    const int v = f.var("sst", NC_FLOAT, {lat, lon}, group);
    f.number(v, "_FillValue", NC_FLOAT, {-1}, group);
    f.end();
    f.put(latitude, {0, 1});
    f.put(longitude, {0, 1});
    f.put(v, {1, -1, 3, 4}, group);
  }
  impute(GriddedVariable::open(folder / "in.nc", "sea/sst"), {.path = folder / "out.nc", .members = 2});
  const File out = File::open(folder / "out.nc");
  const int group = inside(out, "/sea");
  CHECK(out.get("sst", group) == std::vector<double>{1, 501, 3, 4});
  CHECK(out.get("sst_status", group) == std::vector<double>{0, 1, 0, 0});
  CHECK(out.get("sst_member", group)[5] == 502);
  CHECK_FALSE(out.has("sst_status"));
}

TEST_CASE("a shard holds its own times in every variable that depends on them") {
  const bool unlimited = GENERATE(false, true);
  const int flags = GENERATE(0, static_cast<int>(NC_NETCDF4));
  const Folder folder;
  Grid g{.times = {0, 31, 59, 90, 120}, .flags = flags, .unlimited = unlimited};
  g.more = [](File& f, int) {
    int time = -1;
    int lat = -1;
    ok(nc_inq_dimid(f.id(), "time", &time));
    ok(nc_inq_dimid(f.id(), "lat", &lat));
    const int index = f.var("index", NC_INT, {time, lat});
    const int still = f.var("still", NC_INT, {lat});
    ok(nc_enddef(f.id()));
    std::vector<double> values;
    for (int k = 0; k < 20; ++k) values.push_back(k);
    const std::size_t start[2] = {0, 0};
    const std::size_t count[2] = {5, 4};
    ok(nc_put_vara_double(f.id(), index, start, count, values.data()));
    f.put(still, {1, 2, 3, 4});
    ok(nc_redef(f.id()));
  };
  g.write(folder / "in.nc");
  const auto v = GriddedVariable::open(folder / "in.nc", "t");
  impute(v, {.path = folder / "shard.nc", .members = 2, .first_time = 1, .times = 3});
  const File whole = File::open(folder / "in.nc");
  const File shard = File::open(folder / "shard.nc");
  CHECK(shard.get("time") == std::vector<double>{31, 59, 90});
  CHECK(shard.shape("t") == std::vector<std::size_t>{3, 4, 6});
  CHECK(shard.shape("t_member") == std::vector<std::size_t>{2, 3, 4, 6});
  CHECK(shard.get("index") == std::vector<double>{4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15});
  CHECK(shard.get("still") == std::vector<double>{1, 2, 3, 4});
  const auto all = whole.get("t");
  const auto part = shard.get("t");
  for (std::size_t k = 0; k < part.size(); ++k)
    if (all[24 + k] != -999) REQUIRE(part[k] == all[24 + k]);
  for (const auto& [first, times] : {std::pair{5U, 0U}, std::pair{3U, 3U}}) {
    const Error e = error_of([&] {
      ImputedFileWriter w(v, {.path = folder / "x.nc", .first_time = first, .times = times}, false);
    });
    CHECK(e.kind() == ErrorKind::usage);
    CHECK_THAT(e.what(), ContainsSubstring("outside the file's 5 times"));
  }
}

TEST_CASE("double data keep double members") {
  const Folder folder;
  Grid g{.type = NC_DOUBLE};
  g.value = [](auto, auto, auto i, auto j) {
    return i == 1 && j == 2 ? kGap : 0.1 * static_cast<double>(i + j);
  };
  impute_grid(g, folder, {.members = 2});
  const File out = File::open(folder / "out.nc");
  CHECK(out.type_of("t_member") == NC_DOUBLE);
  CHECK(out.get("t_member")[3] == out.get("t")[3]);
}

TEST_CASE("realization: shared when it fits, another name when not") {
  const std::size_t there = GENERATE(2U, 3U);
  const Folder folder;
  Grid g;
  g.more = [&](File& f, int) {
    const int d = f.dim("realization", there);
    f.text(f.var("realization", NC_INT, {d}), "standard_name", "realization");
  };
  impute_grid(g, folder, {.members = 2});
  const File out = File::open(folder / "out.nc");
  CHECK(out.shape("t_member") == std::vector<std::size_t>{2, 3, 4, 6});
  CHECK(out.has("t_realization") == (there == 3));
}

TEST_CASE("a file imputed before is refused") {
  const Folder folder;
  impute_grid({}, folder);
  const auto again = GriddedVariable::open(folder / "out.nc", "t");
  const Error e = error_of([&] { ImputedFileWriter w(again, {.path = folder / "twice.nc"}, false); });
  CHECK(e.kind() == ErrorKind::input);
  CHECK_THAT(e.what(), ContainsSubstring("'t_spread' already: it was imputed before"));
  CHECK(folder.entries() == 2);
}

TEST_CASE("nothing but the finished file appears, and only at the commit") {
  const Folder folder;
  Grid{}.write(folder / "in.nc");
  write_bytes(folder / "out.nc", "old content");
  const auto v = GriddedVariable::open(folder / "in.nc", "t");
  {
    ImputedFileWriter w(v, {.path = folder / "out.nc", .overwrite = true}, false);
    write_field(w, v, 0, 0, 0);
    CHECK(folder.entries() == 3);
    CHECK(bytes_of(folder / "out.nc") == "old content");
    const Error e = error_of([&] { w.commit(); });
    CHECK(e.kind() == ErrorKind::internal);
    CHECK_THAT(e.what(), ContainsSubstring("not written before the commit") && ContainsSubstring("[time 1]"));
  }
  CHECK(folder.entries() == 2);
  CHECK(bytes_of(folder / "out.nc") == "old content");
  impute(v, {.path = folder / "out.nc", .overwrite = true});
  CHECK(folder.entries() == 2);
  CHECK(File::open(folder / "out.nc").has("t_status"));
}

TEST_CASE("an input that changes while it is read is noticed") {
  const Folder folder;
  Grid g{.flags = 0};
  g.write(folder / "in.nc");
  const auto v = GriddedVariable::open(folder / "in.nc", "t");
  ImputedFileWriter w(v, {.path = folder / "out.nc"}, false);
  for (std::size_t t = 0; t < 3; ++t) write_field(w, v, 0, t, 0);
  // Another program rewrites an observation in place.
  std::string bytes = bytes_of(folder / "in.nc");
  bytes.back() = static_cast<char>(bytes.back() ^ 0x10);
  const int fd = ::open((folder / "in.nc").c_str(), O_WRONLY);
  REQUIRE(::pwrite(fd, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  ::close(fd);
  try {
    w.commit();  // the library may still hold the old page
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::io);
    CHECK_THAT(e.what(),
               ContainsSubstring("verification failed") && ContainsSubstring("[time 2][lat 3][lon 5]"));
    CHECK_FALSE(fs::exists(folder / "out.nc"));
  }
}

TEST_CASE("contradictory and unfinished fields are refused") {
  const Folder folder;
  Grid{}.write(folder / "in.nc");
  const auto v = GriddedVariable::open(folder / "in.nc", "t");
  const auto attempt = [&](CellStatus everywhere, double mean) {
    return error_of([&] {
      ImputedFileWriter w(v, {.path = folder / "out.nc"}, false);
      w.write(0, 0, std::vector<double>(24, mean), std::vector<double>(24, 0),
              std::vector<CellStatus>(24, everywhere), {});
      w.write(0, 1, std::vector<double>(24, mean), std::vector<double>(24, 0),
              std::vector<CellStatus>(24, everywhere), {});
      w.commit();
    });
  };
  CHECK_THAT(attempt(CellStatus::observed, 1).what(),
             ContainsSubstring("[time 0][lat 1][lon 2]: a missing cell is called observed"));
  CHECK_THAT(attempt(CellStatus::infilled, 1).what(),
             ContainsSubstring("[time 0][lat 0][lon 0]: an observed cell is to be overwritten"));
  const Error size = error_of([&] {
    ImputedFileWriter w(v, {.path = folder / "out.nc"}, false);
    w.write(0, 0, std::vector<double>(23), std::vector<double>(24), std::vector<CellStatus>(24), {});
  });
  CHECK(size.kind() == ErrorKind::internal);
  const Error nan = error_of([&] {
    ImputedFileWriter w(v, {.path = folder / "out.nc"}, false);
    std::vector<CellStatus> status(24, CellStatus::observed);
    status[8] = CellStatus::infilled;
    w.write(0, 0, std::vector<double>(24, std::nan("")), std::vector<double>(24), status, {});
    w.commit();
  });
  CHECK(nan.kind() == ErrorKind::numerical);
  CHECK(folder.entries() == 1);
}

TEST_CASE("outputs that may not be written are refused before anything is done") {
  const Folder folder;
  Grid{}.write(folder / "in.nc");
  const std::string in = folder / "in.nc";
  const auto refusal = [&](const std::string& output, bool overwrite) {
    return error_of([&] { check_output(output, {in}, overwrite); });
  };
  CHECK(refusal("", true).kind() == ErrorKind::usage);
  CHECK_THAT(refusal(in, true).what(), ContainsSubstring("the output is the input"));
  ::symlink(in.c_str(), (folder / "link.nc").c_str());
  CHECK_THAT(refusal(folder / "link.nc", true).what(), ContainsSubstring("the output is the input"));
  CHECK_THAT(refusal(folder.path(), true).what(), ContainsSubstring("is a directory"));
  write_bytes(folder / "old.nc", "x");
  CHECK_THAT(refusal(folder / "old.nc", false).what(),
             ContainsSubstring("exists already") && ContainsSubstring("--overwrite"));
  CHECK_NOTHROW(check_output(folder / "old.nc", {in}, true));
  const Error absent = refusal(folder / "none/out.nc", false);
  CHECK(absent.kind() == ErrorKind::io);
  CHECK_THAT(absent.what(), ContainsSubstring("directory does not exist") && ContainsSubstring("Create"));
  if (::geteuid() != 0) {
    fs::create_directory(folder / "locked");
    ::chmod((folder / "locked").c_str(), 0555);
    CHECK(refusal(folder / "locked/out.nc", false).kind() == ErrorKind::io);
  }
  CHECK(bytes_of(folder / "old.nc") == "x");
}

TEST_CASE("a write that fails leaves nothing behind") {
  const int flags = GENERATE(0, static_cast<int>(NC_NETCDF4));
  const Folder folder;
  Grid g{.latitude = {}, .longitude = {}, .flags = flags};
  for (int i = 0; i < 60; ++i) g.latitude.push_back(-59 + 2 * i);
  for (int j = 0; j < 120; ++j) g.longitude.push_back(3 * j);
  g.write(folder / "in.nc");
  const auto v = GriddedVariable::open(folder / "in.nc", "t");
  // A file size limit stands for the full disk: errors come from the same calls.
  struct rlimit before {};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto old = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit small = before;
  small.rlim_cur = 120000;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  std::optional<Error> error;
  try {
    impute(v, {.path = folder / "out.nc", .members = 4});
  } catch (const Error& e) {
    error = e;
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old);
  REQUIRE(error.has_value());
  CHECK(error->kind() == ErrorKind::io);
  CHECK_THAT(error->what(), ContainsSubstring("disk has room"));
  CHECK(folder.entries() == 1);
  // The process is none the worse.
  impute(v, {.path = folder / "out.nc", .members = 4});
  CHECK(folder.entries() == 2);
}
