#include "manifill/operators/symmetric.hpp"

#include "catch.hpp"

using namespace manifill;

TEST_CASE("one triangle is copied to the other, whatever the size", "[operators]") {
  // Around and across the tiles of 64.
  for (const Eigen::Index n : {0, 1, 2, 63, 64, 65, 200}) {
    const Eigen::MatrixXf a = Eigen::MatrixXf::Random(n, n);
    Eigen::MatrixXf lower = a;
    operators::mirror_lower(lower);
    CHECK(lower == Eigen::MatrixXf(a.selfadjointView<Eigen::Lower>()));
    Eigen::MatrixXf upper = a;
    operators::mirror_upper(upper);
    CHECK(upper == Eigen::MatrixXf(a.selfadjointView<Eigen::Upper>()));
  }
}
