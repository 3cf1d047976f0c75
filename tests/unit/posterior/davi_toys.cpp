#include "unit/posterior/davi_toys.hpp"

#include <Eigen/Cholesky>
#include <vector>

#include "unit/posterior/flow_toys.hpp"
#include "unit/prior/toys.hpp"

namespace toys {

DaviCases davi_cases(const manifill::posterior::DaviTrainingOptions& options, std::size_t rows,
                     std::size_t columns) {
  using namespace manifill;
  const auto [backbone, c] = oracle(rows, columns);
  const auto n = c.rows();
  const auto drawn = [&](Eigen::Index count, std::uint64_t seed) {
    prior::TrainingFields fields{.domain = backbone.domain()};
    fields.values = (Eigen::LLT<Eigen::MatrixXd>(c).matrixL() * normals(n, count, seed)).cast<float>();
    for (Eigen::Index t = 0; t < count; ++t) {
      fields.index.push_back(t);
      fields.season.push_back(0.0);
    }
    return fields;
  };
  auto o = options.cases;
  o.keep_windows = true;
  o.gaps_share = 1.0;
  o.protocol_share = 0.0;
  o.noise_lowest = o.noise_highest = 0.1 / backbone.unit_scale();
  std::vector<measurement::ObservedCells> masks(200, measurement::ObservedCells(static_cast<std::size_t>(n)));
  RandomStream random({.seed = 7});
  for (auto& mask : masks)
    for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = random.uniform() < 0.5;
  const measurement::MaskBank bank(backbone.domain(), masks, {"gaps"});
  const auto simulated = [&, &own = backbone](std::int64_t count, std::uint64_t seed) {
    const auto fields = drawn(count, seed);
    return posterior::simulate_cases(fields, {fold_of(0, count, own)}, 0, bank, o, count, seed, {});
  };
  return {.backbone = backbone,
          .training = simulated(o.cases, 31),
          .validation = simulated(o.validation_cases, 32)};
}

Tally davi_tally(const manifill::prior::ScoreNetwork& generator, double noise, std::uint64_t fields,
                 std::uint32_t members) {
  return tally("davi", {}, fields, members, [&](manifill::posterior::Model& model) {
    model.davi = generator.ptr();
    model.davi_noise = noise;
  });
}

}  // namespace toys
