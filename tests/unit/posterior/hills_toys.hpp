#pragma once
// The two hills as fields of two points, for samplers that need a model trained on fields.

#include <Eigen/Core>
#include <cstdint>
#include <string>

#include "manifill/posterior/sampler.hpp"
#include "unit/posterior/diffusion_toys.hpp"

namespace toys {

/// Steps of optimisation; 0: not trained.
struct HillsTraining {
  std::int64_t score = 0;
  std::int64_t flow = 0;
  std::int64_t davi = 0;
  std::int64_t seed = 1;  // of flow and davi
};

class HillsField {
 public:
  explicit HillsField(const HillsTraining& training, Eigen::Index count = 8000);

  /// What a sampler, with steps of refinement, makes of the first point observed.
  [[nodiscard]] Hills of(const std::string& name, std::uint32_t members, std::int64_t refine = 0) const;

 private:
  void train_score(std::int64_t steps);
  void train_flow(std::int64_t steps, std::int64_t seed);
  void train_davi(std::int64_t steps, std::int64_t seed);

  manifill::prior::TrainingFields fields_;
  manifill::posterior::Model model_;
  manifill::posterior::Window window_{};
};

}  // namespace toys
