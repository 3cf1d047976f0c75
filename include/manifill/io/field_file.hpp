#pragma once
/// \file
/// \brief Fields on a lat-lon grid out: a small CF NetCDF file.

#include <map>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "manifill/domain/domain.hpp"

namespace manifill::io {

/// \brief What a file of fields says.
struct FieldFile {
  std::string variable = "field";
  std::string units{};
  std::string standard_name{};
  std::string long_name{};
  std::map<std::string, std::string> attributes{};  ///< global
  std::string history{};
};

/// \brief Writes NetCDF-4: variable(realization, lat, lon), float, with CF coordinates. Whole or not at all.
/// \param fields [point][realization], in the units of the file, rows and columns in the order of the domain
/// \throws Error(internal) on a size mismatch, Error(io)
void write_fields(const std::string& path, const domain::Domain& domain, const Eigen::MatrixXd& fields,
                  const FieldFile& what);

}  // namespace manifill::io
