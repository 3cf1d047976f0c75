#include "ensemble_variables.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <numeric>

#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"

namespace manifill::io {
namespace {

/// NaN as the fill value of CF.
std::vector<float> filled(std::vector<float> values) {
  for (float& x : values)
    if (std::isnan(x)) x = NC_FILL_FLOAT;
  return values;
}

std::uint64_t hash_of(const std::vector<float>& values) {
  return hash_bytes(values.data(), values.size() * sizeof(float));
}

}  // namespace

EnsembleVariables::EnsembleVariables(const Writer& writer, const DomainAxes& places,
                                     const std::vector<netCDF::NcDim>& outer, const FieldFile& about,
                                     std::size_t members, const std::string& spread_comment,
                                     const std::string& coordinates)
    : writer_(writer),
      places_(places),
      outer_(outer),
      name_(about.variable),
      coordinates_(coordinates),
      members_(members) {
  for (const auto& d : places.dimensions()) {
    place_lengths_.push_back(d.getSize());
    points_ *= d.getSize();
  }
  for (const auto& d : outer) fields_ *= d.getSize();
  const std::string label = about.long_name.empty() ? name_ : about.long_name;
  mean_ = define("", netCDF::ncFloat, false);
  writer_.text(mean_, "units", about.units);
  writer_.text(mean_, "standard_name", about.standard_name);
  writer_.text(mean_, "long_name", about.long_name);
  writer_.text(
      mean_, "ancillary_variables",
      fmt::format("{0}_spread {0}_status{1}", name_, members > 0 ? fmt::format(" {}_member", name_) : ""));
  spread_ = define("_spread", netCDF::ncFloat, false);
  writer_.text(spread_, "units", about.units);
  writer_.text(spread_, "long_name", "standard deviation of the ensemble of " + label);
  if (!about.standard_name.empty())
    writer_.text(spread_, "standard_name", about.standard_name + " standard_error");
  writer_.text(spread_, "cell_methods", "realization: standard_deviation");
  writer_.text(spread_, "comment", spread_comment);
  status_ = define("_status", netCDF::ncByte, false);
  writer_.text(status_, "long_name", "provenance of " + label);
  writer_.text(status_, "standard_name", "status_flag");
  const std::array<signed char, 4> flags{0, 1, 2, 3};
  writer_.done([&] { status_.putAtt("flag_values", netCDF::ncByte, flags.size(), flags.data()); }, "flags");
  writer_.text(status_, "flag_meanings", "observed infilled not_filled masked");
  if (members == 0) return;
  const std::string dimension = writer_.unused("realization");
  realization_ = writer_.dimension(dimension, members);
  numbers_ = writer_.coordinate(dimension, netCDF::ncInt, {realization_}, "realization", "1");
  writer_.text(numbers_, "long_name", "member of the ensemble");
  member_ = define("_member", netCDF::ncFloat, true);
  writer_.text(member_, "units", about.units);
  writer_.text(member_, "standard_name", about.standard_name);
  writer_.text(member_, "long_name", "members of the ensemble of " + label);
}

netCDF::NcVar EnsembleVariables::define(const std::string& tail, const netCDF::NcType& type,
                                        bool of_members) {
  const std::string name = name_ + tail;
  std::vector<netCDF::NcDim> own;
  if (of_members) own.push_back(realization_);
  own.insert(own.end(), outer_.begin(), outer_.end());
  std::vector<std::size_t> chunks(own.size(), 1);
  own.insert(own.end(), places_.dimensions().begin(), places_.dimensions().end());
  chunks.insert(chunks.end(), place_lengths_.begin(), place_lengths_.end());
  const auto v = writer_.variable(name, type, own);
  writer_.done([&] { v.setChunking(netCDF::NcVar::nc_CHUNKED, chunks); }, name);
  writer_.done([&] { v.setCompression(true, true, 1); }, name);
  if (type == netCDF::ncFloat)
    writer_.done([&] { v.putAtt("_FillValue", netCDF::ncFloat, NC_FILL_FLOAT); }, name);
  places_.describe(v, coordinates_);
  return v;
}

void EnsembleVariables::put() const {
  if (members_ == 0) return;
  std::vector<int> numbers(members_);
  std::iota(numbers.begin(), numbers.end(), 1);
  writer_.done([&] { numbers_.putVar(numbers.data()); }, "realization");
}

void EnsembleVariables::put_slab(const netCDF::NcVar& v, const std::vector<std::size_t>& at, bool of_members,
                                 const void* values) const {
  std::vector<std::size_t> start = at;
  std::vector<std::size_t> count(at.size(), 1);
  start.resize(at.size() + place_lengths_.size(), 0);
  count.insert(count.end(), place_lengths_.begin(), place_lengths_.end());
  if (of_members) {
    start.insert(start.begin(), 0);
    count.insert(count.begin(), members_);
  }
  writer_.done([&] { v.putVar(start, count, values); }, name_);
}

std::string EnsembleVariables::index_text(const std::vector<std::size_t>& at) const {
  std::string out;
  for (std::size_t k = 0; k < at.size(); ++k) out += fmt::format("[{} {}]", outer_[k].getName(), at[k]);
  return out;
}

void EnsembleVariables::write(const std::vector<std::size_t>& at, const std::vector<float>& mean,
                              const std::vector<float>& spread, const std::vector<std::int8_t>& status,
                              const std::vector<float>& members) {
  bool inside = at.size() == outer_.size();
  for (std::size_t k = 0; inside && k < at.size(); ++k) inside = at[k] < outer_[k].getSize();
  if (!inside || mean.size() != points_ || spread.size() != points_ || status.size() != points_ ||
      members.size() != points_ * members_)
    throw Error(ErrorKind::internal, "a field to write has the wrong size or lies outside the output",
                {.file = writer_.file().path(), .variable = name_});
  const auto values = filled(mean);
  put_slab(mean_, at, false, values.data());
  put_slab(spread_, at, false, filled(spread).data());
  put_slab(status_, at, false, status.data());
  if (members_ > 0) put_slab(member_, at, true, filled(members).data());
  written_[at] = hash_of(values);
}

void EnsembleVariables::verify(const std::string& path, const std::string& target) const {
  if (written_.size() != fields_)
    throw Error(ErrorKind::internal, "a field was not written before the commit",
                {.file = target, .variable = name_});
  const auto in = NetcdfHandle::open(path);
  const netCDF::NcVar v = in.getVar(name_);
  for (const auto& [at, hash] : written_) {
    std::vector<std::size_t> start = at;
    std::vector<std::size_t> count(at.size(), 1);
    start.resize(at.size() + place_lengths_.size(), 0);
    count.insert(count.end(), place_lengths_.begin(), place_lengths_.end());
    std::vector<float> values(points_);
    if (!v.isNull()) check([&] { v.getVar(start, count, values.data()); }, in.path(), "verifying failed");
    if (v.isNull() || hash_of(values) != hash)
      throw Error(ErrorKind::io, "verification failed: a field reads back differently",
                  {.file = target,
                   .variable = name_,
                   .index = index_text(at),
                   .remedy = "The output was not put in place; check that the disk is sound"});
  }
}

}  // namespace manifill::io
