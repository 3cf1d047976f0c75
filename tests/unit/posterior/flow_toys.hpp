#pragma once
// What trainings of flows on small fields share.

#include <string>

#include "manifill/posterior/flow_training.hpp"

namespace toys {

/// Times first to last - 1 with a backbone, which must outlive the fold.
manifill::posterior::Fold fold_of(Eigen::Index first, Eigen::Index last,
                                  const manifill::prior::Backbone& backbone);

/// Training by forward KL alone that steps end, not the load of the machine.
manifill::posterior::FlowTrainingOptions forward_kl(const std::string& base);

}  // namespace toys
