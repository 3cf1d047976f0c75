#include "manifill/io/merge.hpp"

#include <string>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/signals.hpp"
#include "netcdf_fixture.hpp"

using namespace manifill;
using namespace manifill::io;
using namespace manifill::test;
using Catch::Matchers::ContainsSubstring;

namespace {

void write_shard(const std::string& path, const std::string& number, std::vector<double> times) {
  Grid g{.times = std::move(times)};
  g.more = [&](File& f, int) {
    f.text(NC_GLOBAL, "manifill_shard", number);
    f.text(NC_GLOBAL, "manifill_shard_dimension", "time");
  };
  g.write(path);
}

}  // namespace

TEST_CASE("a stopped merge leaves nothing") {
  const Folder folder;
  write_shard(folder / "1.nc", "1/2", {0, 31});
  write_shard(folder / "2.nc", "2/2", {59});
  request_stop();
  const auto stopped = error_of([&] {
    merge_shards(folder / "out.nc", {folder / "1.nc", folder / "2.nc"}, false);
  });
  clear_stop();
  CHECK(stopped.kind() == ErrorKind::stopped);
  CHECK_THAT(stopped.what(), ContainsSubstring("stopped by request; nothing was written"));
  CHECK(folder.entries() == 2);
  CHECK(merge_shards(folder / "out.nc", {folder / "2.nc", folder / "1.nc"}, false).size() == 2);
  CHECK(folder.entries() == 3);
}
