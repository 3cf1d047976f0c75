#include "manifill/base/random.hpp"

#include <cmath>
#include <set>
#include <vector>

#include "catch.hpp"

using namespace manifill;

TEST_CASE("a stream depends on its key alone", "[base]") {
  const RandomKey key{.seed = 42, .purpose = RandomPurpose::flow_latent, .time = 1000000, .member = 3};
  RandomStream a(key);
  RandomStream b(key);
  std::vector<double> one(101);
  a.fill_normal(std::span<double>(one));
  for (const double v : one) REQUIRE(v == b.normal());
}

TEST_CASE("keys that differ in one part give other streams", "[base]") {
  std::set<std::uint64_t> firsts;
  const auto add = [&](const RandomKey& key) {
    RandomStream s(key);
    const std::uint64_t high = s.next_u32();
    firsts.insert((high << 32U) | s.next_u32());
  };
  std::size_t count = 0;
  for (std::uint64_t seed : {0ULL, 1ULL, 2ULL, 1ULL << 40U, ~0ULL})
    for (const auto purpose :
         {RandomPurpose::prior_innovation, RandomPurpose::training, RandomPurpose::importance})
      for (std::int64_t time : {-1LL, 0LL, 1LL, 1LL << 33U})
        for (std::uint32_t member : {0U, 1U, 31U}) {
          add({seed, purpose, time, member});
          ++count;
        }
  CHECK(firsts.size() == count);
}

TEST_CASE("uniform and normal numbers have their moments", "[base]") {
  RandomStream s(RandomKey{.seed = 7});
  constexpr int n = 200000;
  double mean = 0;
  double square = 0;
  double fourth = 0;
  double uniform = 0;
  for (int i = 0; i < n; ++i) {
    const double u = s.uniform();
    REQUIRE(u > 0.0);
    REQUIRE(u < 1.0);
    uniform += u / n;
  }
  for (int i = 0; i < n; ++i) {
    const double z = s.normal();
    mean += z / n;
    square += z * z / n;
    fourth += z * z * z * z / n;
  }
  // Five standard errors each.
  CHECK(uniform == Approx(0.5).margin(5 * 0.2887 / std::sqrt(n)));
  CHECK(mean == Approx(0).margin(5 / std::sqrt(n)));
  CHECK(square == Approx(1).margin(5 * std::sqrt(2.0 / n)));
  CHECK(fourth == Approx(3).margin(5 * std::sqrt(96.0 / n)));
}

TEST_CASE("integers cover their closed range evenly", "[base]") {
  RandomStream s(RandomKey{.seed = 3});
  std::vector<int> counts(7);
  for (int i = 0; i < 70000; ++i) ++counts[static_cast<std::size_t>(s.integer(-3, 3) + 3)];
  for (const int c : counts) CHECK(c == Approx(10000).margin(500));
  CHECK(s.integer(5, 5) == 5);
}

TEST_CASE("FNV-1a matches the published values", "[base]") {
  CHECK(hash_bytes("", 0) == 0xcbf29ce484222325ULL);
  CHECK(hash_bytes("a", 1) == 0xaf63dc4c8601ec8cULL);
  CHECK(hash_bytes("foobar", 6) == 0x85944171f73967e8ULL);
}
