#include "unit/prior/toys.hpp"

#include <span>
#include <vector>

namespace toys {

domain::Domain globe(std::size_t rows, std::size_t columns) {
  std::vector<double> latitude(rows);
  std::vector<double> longitude(columns);
  for (std::size_t i = 0; i < rows; ++i)
    latitude[i] = 90.0 - 180.0 * (static_cast<double>(i) + 0.5) / static_cast<double>(rows);
  for (std::size_t j = 0; j < columns; ++j)
    longitude[j] = 360.0 * static_cast<double>(j) / static_cast<double>(columns);
  return domain::Domain::lat_lon(latitude, longitude);
}

std::pair<prior::Backbone, Eigen::MatrixXd> oracle(std::size_t rows, std::size_t columns) {
  const auto domain = globe(rows, columns);
  Eigen::MatrixXd c = 0.95 * covariance_by_distance(domain, 4000.0, 0.0);
  c.diagonal().array() += 0.05;
  prior::BackboneOptions options;
  options.rank = c.rows();
  options.residual_floor = 1e-6;
  return {prior::Backbone::from_covariance(domain, c, 0.0, options), c};
}

prior::Backbone seasonal_backbone() {
  const auto domain = globe(6, 8);
  const Eigen::Index times = 200;
  prior::TrainingFields fields{.domain = domain, .step = prior::StepKind::day};
  const Eigen::MatrixXd patterns = normals(48, 6, 21);
  const Eigen::MatrixXd amplitude = normals(6, times, 22);
  fields.values = (0.2 * normals(48, times, 23)).cast<float>();
  for (Eigen::Index t = 0; t < times; ++t) {
    fields.index.push_back(t);
    fields.season.push_back((static_cast<double>(t % 20) + 0.5) / 20.0);
    const bool early = fields.season.back() < 0.5;
    fields.values.col(t) += (patterns.middleCols(early ? 0 : 3, 3) * amplitude.col(t).head(3)).cast<float>();
  }
  prior::BackboneOptions options;
  options.mean_harmonics = 1;
  options.season_bins = 2;
  options.rank = 20;
  return prior::Backbone::fit(std::move(fields), options);
}

prior::StandardFields standard_fields(const domain::Domain& domain, const Eigen::MatrixXd& x) {
  return {.domain = domain,
          .values = x.cast<float>(),
          .known = Eigen::MatrixXf::Ones(x.rows(), x.cols()),
          .weight = Eigen::VectorXd::Ones(x.cols())};
}

}  // namespace toys
