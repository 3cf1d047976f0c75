#include "unit/posterior/flow_toys.hpp"

namespace toys {

manifill::posterior::Fold fold_of(Eigen::Index first, Eigen::Index last,
                                  const manifill::prior::Backbone& backbone) {
  manifill::posterior::Fold fold{.backbone = [&backbone] { return backbone; }};
  for (Eigen::Index t = first; t < last; ++t) fold.times.push_back(t);
  return fold;
}

manifill::posterior::FlowTrainingOptions forward_kl(const std::string& base) {
  manifill::posterior::FlowTrainingOptions o;
  o.base = base;
  o.gaps_share = 1.0;
  o.protocol_share = 0.0;
  o.draws = 2;
  o.weight_crps = 0.0;
  o.weight_energy = 0.0;
  o.weight_forward_kl = 1.0;
  o.average = 0.99;
  o.minutes = 1000.0;
  o.patience = 1000;
  return o;
}

}  // namespace toys
