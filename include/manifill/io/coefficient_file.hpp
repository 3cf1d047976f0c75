#pragma once
/// \file
/// \brief Spherical harmonic coefficients of variables, from and to NetCDF files.
///
/// `V(<other axes>, coefficient)`, double, with `degree(coefficient)` and `order(coefficient)`: the order is
/// negative where the harmonic goes with the sine. The attribute `spherical_harmonics` of V says which
/// harmonics are meant; no convention of CF does.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace manifill::io {

/// \brief The harmonics that coefficients in files belong to, as the attribute `spherical_harmonics` has it:
/// those of operators/spherical_harmonics.hpp.
inline constexpr const char* kHarmonics = "real, orthonormal on the unit sphere, no Condon-Shortley phase";

/// \brief Degree and order of each coefficient, in the order of the file.
struct CoefficientAxis {
  std::vector<std::int64_t> degree{};
  std::vector<std::int64_t> order{};
};

/// \brief Coefficients of one variable, open for reading. One thread at a time, over all NetCDF files.
class CoefficientVariable {
 public:
  /// \brief Opens a variable. An empty name picks the only one with coefficients.
  /// \throws Error(input) naming file, variable and remedy: no such variable, several, other harmonics, or
  /// coefficients that are not each of those up to some degree once; Error(io)
  static CoefficientVariable open(const std::string& path, const std::string& variable);
  CoefficientVariable(CoefficientVariable&&) noexcept;
  CoefficientVariable& operator=(CoefficientVariable&&) noexcept;
  ~CoefficientVariable();

  [[nodiscard]] const std::string& path() const;
  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] std::string text(const std::string& attribute) const;  ///< empty when absent
  [[nodiscard]] const CoefficientAxis& axis() const;
  [[nodiscard]] std::int64_t lmax() const;
  [[nodiscard]] std::size_t fields() const;  ///< product of the other dimensions, 1 without
  /// \brief One field, numbered over the other dimensions row-major: [coefficient], in the order of the file.
  /// \throws Error(input) at a coefficient that is missing or not finite; Error(io)
  [[nodiscard]] std::vector<double> read(std::size_t field) const;

 private:
  friend class DerivedFileWriter;
  struct Impl;
  explicit CoefficientVariable(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace manifill::io
