#pragma once
/// \file
/// \brief Reads from a model file what decides whether it fits an input; needs no LibTorch.

#include <string>

#include "manifill/io/inspection.hpp"

namespace manifill::app {

/// \throws Error(input) when it is not a model file or lacks an entry
io::ModelCard load_model_card(const std::string& path);

}  // namespace manifill::app
