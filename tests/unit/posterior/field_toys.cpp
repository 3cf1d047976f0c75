#include "unit/posterior/field_toys.hpp"

namespace toys {

manifill::domain::Domain globe_by(double step) {
  std::vector<double> latitude;
  std::vector<double> longitude;
  for (double v = 90.0 - 0.5 * step; v > -90.0; v -= step) latitude.push_back(v);
  for (double v = 0.0; v < 360.0 - 0.5 * step; v += step) longitude.push_back(v);
  return manifill::domain::Domain::lat_lon(latitude, longitude);
}

std::vector<std::pair<std::string, manifill::domain::Domain>> every_domain() {
  using manifill::domain::Domain;
  std::vector<double> latitude;
  std::vector<double> longitude;
  for (int r = 0; r < 9; ++r)
    for (int c = 0; c < 12; ++c) {
      latitude.push_back(30.0 + 2.0 * r + 0.3 * c);
      longitude.push_back(-20.0 + 2.5 * c + 0.4 * r);
    }
  auto mesh = manifill::domain::icosphere(2);
  for (auto& v : mesh.vertices) v[2] *= 0.6;  // no sphere
  return {{"globe", globe_by(15.0)},
          {"globe with poles",
           Domain::lat_lon({90, 60, 30, 0, -30, -60, -90}, {0, 45, 90, 135, 180, 225, 270, 315})},
          {"region", Domain::lat_lon({60, 57, 54, 51, 48, 45, 42, 39}, {0, 3, 6, 9, 12, 15, 18, 21, 24, 27})},
          {"curvilinear", Domain::curvilinear(latitude, longitude, 12, false)},
          {"HEALPix", Domain::healpix(4, manifill::domain::healpix::Ordering::ring)},
          {"mesh", Domain::surface(std::move(mesh))},
          {"plane", Domain::plane(10, 14)}};
}

Eigen::VectorXd smooth(const manifill::domain::Domain& d) {
  Eigen::VectorXd out(static_cast<Eigen::Index>(d.size()));
  for (std::size_t i = 0; i < d.size(); ++i) {
    const auto& p = d.points()[i];
    out[static_cast<Eigen::Index>(i)] = p[0] + 2.0 * p[1] + 3.0 * p[2];
  }
  return out;
}

std::vector<bool> random_mask(std::size_t points, double share, std::uint64_t seed) {
  manifill::RandomStream random({.seed = seed, .purpose = manifill::RandomPurpose::mask});
  std::vector<bool> out(points);
  for (std::size_t i = 0; i < points; ++i) out[i] = random.uniform() < share;
  return out;
}

}  // namespace toys
