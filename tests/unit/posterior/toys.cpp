#include "unit/posterior/toys.hpp"

#include <memory>

namespace toys {

manifill::posterior::StepObservation observe(const Eigen::VectorXd& field,
                                             const manifill::measurement::ObservedCells& seen, double sigma,
                                             std::int64_t time, manifill::RandomStream& random) {
  manifill::posterior::StepObservation step{.time = time};
  step.measurement = std::make_shared<manifill::measurement::Measurement>(
      manifill::measurement::mask(seen, Eigen::VectorXd::Constant(field.size(), sigma)));
  step.y = step.measurement->apply(field);
  for (auto& v : step.y) v += sigma * random.normal();
  return step;
}

}  // namespace toys
