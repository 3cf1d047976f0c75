#include "manifill/posterior/windows.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "manifill/measurement/measurement.hpp"

namespace manifill::posterior {

Window window_around(const std::vector<std::int64_t>& index, std::size_t entry, std::int64_t half,
                     double season, const std::function<StepObservation(std::size_t entry)>& step) {
  Window out;
  for (std::int64_t k = -half; k <= half; ++k) {
    const std::int64_t wanted = index[entry] + k;
    const auto found = std::lower_bound(index.begin(), index.end(), wanted);
    if (found != index.end() && *found == wanted)
      out.steps.push_back(step(static_cast<std::size_t>(found - index.begin())));
    else
      out.steps.push_back({.time = wanted, .season = season});
  }
  return out;
}

StepObservation observe_cells(const prior::TrainingFields& fields, std::size_t time,
                              measurement::ObservedCells cells, double noise_sigma) {
  const auto column = static_cast<Eigen::Index>(time);
  std::vector<double> y;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const float v = fields.values(static_cast<Eigen::Index>(i), column);
    cells[i] = cells[i] && !std::isnan(v);
    if (cells[i]) y.push_back(v);
  }
  return {.time = fields.index[time],
          .season = fields.season[time],
          .measurement = std::make_shared<measurement::Measurement>(
              measurement::mask(cells, Eigen::VectorXd::Constant(fields.values.rows(), noise_sigma))),
          .y = Eigen::Map<const Eigen::VectorXd>(y.data(), static_cast<Eigen::Index>(y.size()))};
}

Window simulate_window(const prior::TrainingFields& fields, Eigen::Index time, std::int64_t half,
                       const std::vector<measurement::ObservedCells>& observed, double noise_sigma,
                       RandomStream& random) {
  const auto centre = static_cast<std::size_t>(time);
  return window_around(fields.index, centre, half, fields.season[centre], [&](std::size_t entry) {
    const std::int64_t step = fields.index[entry] - fields.index[centre] + half;
    StepObservation out = observe_cells(fields, entry, observed[static_cast<std::size_t>(step)], noise_sigma);
    for (double& v : out.y) v += noise_sigma * random.normal();
    return out;
  });
}

Window simulate_measured_window(const prior::TrainingFields& fields, Eigen::Index time, std::int64_t half,
                                const measurement::Operator& measured_by, std::int64_t step,
                                double noise_sigma, RandomStream& random) {
  const auto centre = static_cast<std::size_t>(time);
  return window_around(fields.index, centre, half, fields.season[centre], [&](std::size_t entry) {
    Eigen::VectorXd field = fields.values.col(static_cast<Eigen::Index>(entry)).cast<double>();
    std::vector<bool> present(static_cast<std::size_t>(field.size()));
    for (Eigen::Index i = 0; i < field.size(); ++i) {
      present[static_cast<std::size_t>(i)] = !std::isnan(field[i]);
      if (std::isnan(field[i])) field[i] = 0.0;
    }
    const auto [matrix, measured] = measured_by.rows(present, step);
    auto a = measurement::select_rows(matrix, measured);
    const Eigen::Index count = a.rows();
    StepObservation out{.time = fields.index[entry],
                        .season = fields.season[entry],
                        .measurement = std::make_shared<measurement::Measurement>(
                            std::move(a), Eigen::VectorXd::Constant(count, noise_sigma))};
    out.y = out.measurement->apply(field);
    for (double& v : out.y) v += noise_sigma * random.normal();
    return out;
  });
}

}  // namespace manifill::posterior
