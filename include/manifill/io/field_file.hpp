#pragma once
/// \file
/// \brief Fields of our own making out: small CF NetCDF files.

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

/// \brief Writes NetCDF-4: variable(realization, lat, lon), float, with CF coordinates; on other domains
/// (realization, y, x) or (realization, cell), cells with their areas, surfaces with their triangles by
/// UGRID. Whole or not at all. \param fields [point][realization], in the units of the file, rows and columns
/// in the order of the domain \throws Error(internal) on a size mismatch, Error(io)
void write_fields(const std::string& path, const domain::Domain& domain, const Eigen::MatrixXd& fields,
                  const FieldFile& what);

/// \brief Writes NetCDF-4: eigenvalue(mode), mass(<places>) and variable(mode, <places>), double, places as
/// write_fields has them. Whole or not at all. \param eigenfunctions [point][mode] \param mass [point]
/// \param eigenvalue_units may be empty \throws Error as write_fields
void write_eigenfunctions(const std::string& path, const domain::Domain& domain,
                          const Eigen::VectorXd& eigenvalues, const Eigen::MatrixXd& eigenfunctions,
                          const Eigen::VectorXd& mass, const std::string& eigenvalue_units,
                          const FieldFile& what);

/// \brief One column of a table.
struct FileColumn {
  std::string name{};
  std::string units{};
  std::string long_name{};
  std::vector<double> values{};  ///< [row]
};

/// \brief Writes NetCDF-4: one double variable a column, over a dimension that the first column is the
/// coordinate of. Whole or not at all. \param what attributes and history alone
/// \throws Error(internal) on columns of unequal length, Error(io)
void write_columns(const std::string& path, const std::vector<FileColumn>& columns, const FieldFile& what);

}  // namespace manifill::io
