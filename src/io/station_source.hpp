#pragma once
// The forms of files of stations, private to io.

#include "manifill/io/stations.hpp"

namespace manifill::io {

/// Whether the name of a file says that it is a table in text.
bool is_station_table(const std::string& path);

/// \throws Error(input) with line and column
Stations read_station_table(const std::string& path, const StationOptions& options);

/// \throws Error(input) with variable and index
Stations read_station_netcdf(const std::string& path, const StationOptions& options);

/// \throws Error(input) for a place that is none; `index` says where it stands
void check_place(const std::string& path, double latitude, double longitude, const std::string& index);

}  // namespace manifill::io
