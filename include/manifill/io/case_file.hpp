#pragma once
/// \file
/// \brief Fields that methods were scored on, out: truth, what was observed, weights, members of each method.

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "manifill/domain/domain.hpp"
#include "manifill/io/field_file.hpp"

namespace manifill::io {

/// \brief A method of a file of cases.
struct CaseMethod {
  std::string name{};
  std::size_t members = 0;
};

/// \brief Writes NetCDF-4, classic model, under a temporary name; `commit` syncs and renames. truth, observed
/// and weight are double over (case, places), V_NAME of each method float over (case, realization_NAME,
/// places). Missing values are NaN, which is their _FillValue.
class CaseFileWriter {
 public:
  /// \param what names and attributes of V \throws Error(io)
  CaseFileWriter(const std::string& path, const domain::Domain& domain, std::size_t cases,
                 const std::vector<CaseMethod>& methods, const FieldFile& what);
  ~CaseFileWriter();
  CaseFileWriter(const CaseFileWriter&) = delete;
  CaseFileWriter& operator=(const CaseFileWriter&) = delete;

  /// \param truth, observed units of V, NaN where there is none; weight, 0 where not scored: [point]
  /// \throws Error(internal) where a size does not fit; Error(io)
  void write(std::size_t index, const Eigen::VectorXd& truth, const Eigen::VectorXd& observed,
             const Eigen::VectorXd& weight);
  /// \param members [member][point] \throws as `write`
  void write_members(std::size_t index, std::size_t method, const std::vector<float>& members);
  /// \throws Error(io)
  void commit();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace manifill::io
