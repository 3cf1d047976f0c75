#include "manifill/base/error.hpp"

#include <array>

#include "catch.hpp"

using namespace manifill;

TEST_CASE("an error says where, what and the remedy", "[base]") {
  const Error e(ErrorKind::input, "value is infinite",
                {.file = "a.nc", .variable = "sst", .index = "[time 3]", .remedy = "Mask it"});
  CHECK(std::string(e.what()) == "a.nc: variable 'sst' at [time 3]: value is infinite. Mask it");
  CHECK(e.exit_code() == 3);
  CHECK(std::string(Error(ErrorKind::stopped, "stopped").what()) == "stopped");
  CHECK(Error(ErrorKind::stopped, "stopped").exit_code() == 75);
}

TEST_CASE("the nearest name is near or nothing", "[base]") {
  const std::array<std::string, 3> names{"members", "method", "seed"};
  const auto near = [&](const char* word) {
    return nearest_name(word, names.data(), names.data() + names.size());
  };
  CHECK(near("membres") == "members");
  CHECK(near("seeds") == "seed");
  CHECK(near("members") == "members");
  CHECK_FALSE(near("zzzzzzzzzz").has_value());
  CHECK_FALSE(nearest_name("x", nullptr, nullptr).has_value());
}
