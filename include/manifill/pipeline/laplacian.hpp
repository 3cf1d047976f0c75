#pragma once
/// \file
/// \brief The job behind `manifill laplacian`: eigenfunctions of a grid's or surface's Laplacian, filters.

#include <string>
#include <vector>

#include "manifill/base/config.hpp"
#include "manifill/domain/domain.hpp"
#include "manifill/operators/laplacian.hpp"

namespace manifill::pipeline {

/// \brief Options, section [laplacian].
std::vector<OptionSpec> laplacian_specs();

/// \brief The Laplacian of a domain, and in words which one it is.
struct DomainLaplacian {
  operators::Laplacian laplacian{};
  std::string description{};
  std::string eigenvalue_units{};  ///< "1" on the unit sphere, else empty: inverse squared coordinates
};

/// \brief Cotangent weights on the triangles of a surface, heat-kernel weights between near points of any
/// other domain; on a lat-lon grid, whose points crowd at the poles, of one common width. On the sphere
/// lengths are in radii. \throws Error(usage) for too few points
DomainLaplacian domain_laplacian(const domain::Domain& domain, std::size_t neighbours = 24);

/// \brief Writes eigenpairs or a filtered variable. \return notes for the user \throws Error of every kind
std::vector<std::string> run_laplacian(const Config& config);

}  // namespace manifill::pipeline
