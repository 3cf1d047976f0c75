#pragma once
/// \file
/// \brief The job behind `manifill spectrum`: angular power and cross spectra of fields.

#include <cstddef>
#include <string>
#include <vector>

#include "manifill/base/config.hpp"

namespace manifill::pipeline {

/// \brief Spectra by degree, means over fields: [degree].
struct AngularSpectrum {
  std::string units{};          ///< of power: squared units of the variable
  std::vector<double> power{};  ///< C_l = sum over orders of squared coefficients / (2 l + 1)
  std::vector<double> other{};  ///< the same of the second variable; empty without one
  std::vector<double> cross{};  ///< sum over orders of products / (2 l + 1); empty without one
  std::size_t fields = 0;       ///< that the mean is over

  /// \brief Share of a degree in the mean square: (2 l + 1) C_l / (4 pi).
  [[nodiscard]] static double mean_square(std::size_t degree, double power);
  /// \brief Cross spectrum over the root of both powers, -1 to 1; NaN where a power is 0.
  [[nodiscard]] double correlation(std::size_t degree) const;
  [[nodiscard]] std::string to_csv() const;
};

/// \brief Options, section [spectrum].
std::vector<OptionSpec> spectrum_specs();

/// \brief Computes the spectrum. \throws Error(usage) on bad options; Error(input) on gaps, a grid without
/// rings, two variables whose grids or times do not match
AngularSpectrum angular_spectrum(const Config& config);

/// \brief Computes it and writes it as CSV, NetCDF or picture by the ending of spectrum.output; prints a
/// table on standard output where that is empty. \return notes for the user \throws Error as
/// angular_spectrum, Error(usage) on another ending, Error(io)
std::vector<std::string> run_spectrum(const Config& config);

}  // namespace manifill::pipeline
