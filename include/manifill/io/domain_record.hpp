#pragma once
/// \file
/// \brief A domain among the arrays of a model file.

#include "manifill/domain/domain.hpp"
#include "manifill/io/model_file.hpp"

namespace manifill::io {

/// \brief Writes "domain/kind" and what the kind is made of. Lat-lon grids have coordinates alone.
void put_domain(const domain::Domain& domain, ModelFile& file);

/// \brief Reads it back; everything is checked as the domain's maker does.
/// \throws Error(input) naming the file when something is absent, of a wrong shape, or makes no domain
domain::Domain get_domain(const ModelFile& file);

}  // namespace manifill::io
