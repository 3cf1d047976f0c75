#pragma once
/// \file
/// \brief Scattered stations in: values at places and times, from CSV files and from discrete sampling
/// geometries in NetCDF (CF conventions, chapter 9 and appendix H).

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "manifill/io/gridded.hpp"
#include "manifill/io/time_axis.hpp"

namespace manifill::io {

/// \brief One value at a place and a time.
struct StationValue {
  double latitude = 0.0;   ///< degrees north
  double longitude = 0.0;  ///< degrees east
  double value = 0.0;
  std::size_t time = 0;     ///< index into the times of the file; 0 where it has none
  std::size_t station = 0;  ///< running number of the station; 0 where the file names none
  std::size_t record = 0;   ///< line of a text file, from 1; else row-major index in the variable, from 0
};

/// \brief What a file of stations holds.
struct Stations {
  std::string path{};
  VariableSummary variable{};          ///< of a text file without dimensions and standard name
  TimeAxis time{};                     ///< in any order; empty where the file has no times
  std::vector<StationValue> values{};  ///< in the order of the file, missing ones left out
  std::size_t missing = 0;             ///< values left out
  /// \brief Where a value is, for messages: "[line 7]", "[station 3][time 12]".
  [[nodiscard]] std::string place(const StationValue& value) const;
};

/// \brief What a file of stations does not say by itself.
struct StationOptions {
  std::string variable{};    ///< column or variable; empty: the only one there is
  std::string time_units{};  ///< of the numbers in a text file's column of times; empty: dates by ISO 8601
  std::string units{};       ///< of the values of a text file; empty: not known
};

/// \brief Whether a file holds stations: its name ends in .csv or .tsv, or it is a NetCDF file whose global
/// attribute `featureType` is point, timeSeries or trajectory. False for what cannot be read.
bool is_station_file(const std::string& path);

/// \brief Reads the values of one variable.
///
/// - Text: a header line, then a record a line, separated by commas, semicolons or tabs; fields may be
/// quoted,
///   lines that begin with '#' and empty ones are passed over. Columns `lat` or `latitude`, `lon` or
///   `longitude`, and perhaps `time` and `station`, `id` or `station_id`, in any case and order. A missing
///   value is an empty field, NA or NaN.
/// - NetCDF: the variable lies over observations, or over stations and times (orthogonal or incomplete
///   arrays); latitudes, longitudes and times over any of its dimensions, scalar, or over the stations that
///   a contiguous (`sample_dimension`) or an indexed (`instance_dimension`) ragged array refers to.
///
/// \throws Error(input) naming line and column, or variable and index, and the remedy; Error(io)
Stations read_stations(const std::string& path, const StationOptions& options);

/// \brief What was seen in one step of a model.
struct StationStep {
  std::int64_t index = 0;              ///< absolute number of the step
  DateTime date{};                     ///< the earliest time of the file in it
  std::vector<StationValue> values{};  ///< by latitude, longitude and station
};

/// \brief Sorts values into the steps of a model, in order of time: every step that a time of the file falls
/// into, whether values are seen in it or not.
///
/// Several values of one station at one place in a step count as one, their mean: they differ by what happens
/// within the step more than by noise. \param step "day" or "month"; anything else: every time that differs
/// from the one before is a step, counted from 0
std::vector<StationStep> station_steps(const Stations& stations, const std::string& step);

}  // namespace manifill::io
