#include "manifill/io/case_file.hpp"

#include <netcdf.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"

using namespace manifill;
using namespace manifill::io;
namespace fs = std::filesystem;

TEST_CASE("cases are written field by field, members by method", "[io]") {
  const fs::path path = fs::temp_directory_path() / ("case_file_test_" + std::to_string(::getpid()) + ".nc");
  const auto domain = domain::Domain::lat_lon({10.0, 20.0}, {0.0, 10.0, 20.0});
  const double nan = std::nan("");
  {
    CaseFileWriter writer(path.string(), domain, 2, {{"gaussian", 3}, {"a-b", 1}},
                          {.variable = "t", .units = "K", .long_name = "temperature"});
    CHECK_FALSE(fs::exists(path));
    Eigen::VectorXd truth(6);
    truth << 1.0, 2.0, nan, 4.0, 5.0, 6.0;
    writer.write(1, truth, truth.reverse(), Eigen::VectorXd::Constant(6, 0.25));
    std::vector<float> members(18);
    for (std::size_t k = 0; k < members.size(); ++k) members[k] = static_cast<float>(k);
    writer.write_members(1, 0, members);
    writer.write_members(0, 1, std::vector<float>(6, 7.0F));
    CHECK_THROWS_AS(writer.write_members(0, 1, std::vector<float>(7)), Error);
    CHECK_THROWS_AS(writer.write(0, truth.head(5), truth, truth), Error);
    writer.commit();
  }
  int file = 0;
  REQUIRE(nc_open(path.c_str(), NC_NOWRITE, &file) == NC_NOERR);
  const auto read = [&](const char* name, std::size_t count) {
    int id = 0;
    REQUIRE(nc_inq_varid(file, name, &id) == NC_NOERR);
    std::vector<double> values(count);
    REQUIRE(nc_get_var_double(file, id, values.data()) == NC_NOERR);
    return values;
  };
  const auto truth = read("truth", 12);
  CHECK(std::isnan(truth[0]));  // a case that was not written
  CHECK(truth[6] == 1.0);
  CHECK(std::isnan(truth[8]));
  CHECK(read("observed", 12)[6] == 6.0);
  CHECK(read("weight", 12)[11] == 0.25);
  const auto members = read("t_gaussian", 36);
  CHECK(members[18] == 0.0);
  CHECK(members[35] == 17.0);
  CHECK(read("t_a_b", 12)[5] == 7.0);
  CHECK(read("lat", 2)[1] == 20.0);
  // A field each, so that writing a case packs nothing of another again.
  for (const char* name : {"truth", "t_gaussian"}) {
    int id = 0;
    int storage = 0;
    std::vector<std::size_t> chunks(4, 0);
    REQUIRE(nc_inq_varid(file, name, &id) == NC_NOERR);
    REQUIRE(nc_inq_var_chunking(file, id, &storage, chunks.data()) == NC_NOERR);
    CHECK(storage == NC_CHUNKED);
    const std::vector<std::size_t> field = std::string(name) == "truth"
                                               ? std::vector<std::size_t>{1, 2, 3, 0}
                                               : std::vector<std::size_t>{1, 1, 2, 3};
    CHECK(chunks == field);
  }
  nc_close(file);
  fs::remove(path);
}
