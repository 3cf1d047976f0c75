#include "manifill/io/domain_record.hpp"

#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"

using namespace manifill;
using domain::Domain;

namespace {

void check_back(const Domain& d) {
  CAPTURE(d.describe());
  io::ModelFile file;
  io::put_domain(d, file);
  const Domain back = io::get_domain(file);
  CHECK(back.kind() == d.kind());
  CHECK(back.hash() == d.hash());
  CHECK(back.describe() == d.describe());
  CHECK(back.columns() == d.columns());
  REQUIRE(back.size() == d.size());
  for (std::size_t i = 0; i < d.size(); ++i) {
    CHECK(back.weights()[i] == Approx(d.weights()[i]).epsilon(1e-14));
    CHECK(back.neighbours(i).size() == d.neighbours(i).size());
  }
}

}  // namespace

TEST_CASE("every kind of domain comes back from a model file", "[io]") {
  check_back(Domain::lat_lon({10, 20, 30}, {0, 5, 10, 15}));
  check_back(
      Domain::cells({.latitude = {0, 5, 50, -20, 7}, .longitude = {1, 8, 60, 200, 40}, .name = "buoys"}));
  check_back(Domain::curvilinear({0, 0.1, 5, 5.2, 10, 10.1}, {0, 5, 0.2, 5.2, 0.1, 5.1}, 2, false));
  check_back(Domain::curvilinear({0, 0, 5, 5}, {0, 5, 0, 5}, 2, false, {1, 2, 3, 4}));
  check_back(Domain::surface(domain::icosphere(2)));
  check_back(Domain::plane(4, 6));
}

TEST_CASE("domains of hostile files are refused", "[io]") {
  io::ModelFile file;
  file.put_text("domain/kind", "torus");
  CHECK_THROWS_WITH(io::get_domain(file), Catch::Contains("'torus'"));
  io::ModelFile mesh;
  io::put_domain(Domain::surface(domain::icosphere(1)), mesh);
  mesh.put_integers("domain/triangles", {1, 3}, {0, 1, -7});
  CHECK_THROWS_WITH(io::get_domain(mesh), Catch::Contains("out of range"));
  mesh.put_integers("domain/triangles", {1, 3}, {0, 1, 900});
  CHECK_THROWS_WITH(io::get_domain(mesh), Catch::Contains("not a usable model"));
  io::ModelFile plane;
  io::put_domain(Domain::plane(2, 2), plane);
  plane.put_integers("domain/shape", {2}, {-2, 1});
  CHECK_THROWS_AS(io::get_domain(plane), Error);
  io::ModelFile curved;
  io::put_domain(Domain::curvilinear({0, 1, 2, 3}, {0, 1, 0, 1}, 2, false), curved);
  curved.put_doubles("domain/longitude", {4}, {0, 1, 0, 1});
  CHECK_THROWS_AS(io::get_domain(curved), Error);
}
