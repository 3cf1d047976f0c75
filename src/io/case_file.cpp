#include "manifill/io/case_file.hpp"

#include <array>
#include <cctype>
#include <limits>

#include "domain_axes.hpp"
#include "manifill/base/atomic_file.hpp"
#include "manifill/base/error.hpp"

namespace manifill::io {
namespace {

/// A name that NetCDF takes.
std::string plain(std::string name) {
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
}

}  // namespace

struct CaseFileWriter::Impl {
  Impl(const std::string& path, std::size_t count)
      : temporary(path),
        file(NetcdfHandle::create(temporary.path(), NC_NETCDF4 | NC_CLASSIC_MODEL)),
        points(count) {}
  TemporaryFile temporary;
  NetcdfHandle file;
  std::size_t points;
  std::array<netCDF::NcVar, 3> fields{};  // truth, observed, weight
  std::vector<netCDF::NcVar> members{};   // [method]
  std::vector<std::size_t> extent{};      // of the places

  void put(const netCDF::NcVar& v, std::vector<std::size_t> start, std::size_t members_count,
           const auto* values) {
    std::vector<std::size_t> count(start.size(), 1);
    if (members_count > 0) count.back() = members_count;
    start.resize(start.size() + extent.size(), 0);
    count.insert(count.end(), extent.begin(), extent.end());
    check_write([&] { v.putVar(start, count, values); }, file.path(), "writing a case failed", v.getName());
  }
};

CaseFileWriter::CaseFileWriter(const std::string& path, const domain::Domain& domain, std::size_t cases,
                               const std::vector<CaseMethod>& methods, const FieldFile& what)
    : impl_(std::make_unique<Impl>(path, domain.size())) {
  const Writer w(impl_->file);
  const auto axis = w.dimension("case", cases);
  const DomainAxes places(w, domain);
  const auto over = [&](std::vector<netCDF::NcDim> dimensions) {
    dimensions.insert(dimensions.end(), places.dimensions().begin(), places.dimensions().end());
    return dimensions;
  };
  const auto define = [&](const std::string& name, const netCDF::NcType& type,
                          const std::vector<netCDF::NcDim>& dimensions, const std::string& long_name) {
    auto v = w.variable(name, type, dimensions);
    w.done([&] { v.setCompression(true, true, 1); }, name);
    // A field each: chunks of several cases, NetCDF's own choice, are packed anew for every case.
    std::vector<std::size_t> chunks(dimensions.size() - places.dimensions().size(), 1);
    for (const auto& d : places.dimensions()) chunks.push_back(d.getSize());
    w.done([&] { v.setChunking(netCDF::NcVar::nc_CHUNKED, chunks); }, name);
    w.text(v, "long_name", long_name);
    places.describe(v);
    return v;
  };
  const auto fill = [&](netCDF::NcVar& v) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const bool single = v.getType() == netCDF::ncFloat;
    w.done([&] { single ? v.setFill(true, static_cast<float>(nan)) : v.setFill(true, nan); }, v.getName());
    w.text(v, "units", what.units);
  };
  impl_->fields[0] = define("truth", netCDF::ncDouble, over({axis}), "truth: " + what.long_name);
  impl_->fields[1] = define("observed", netCDF::ncDouble, over({axis}), "what was not withheld, with noise");
  impl_->fields[2] = define("weight", netCDF::ncDouble, over({axis}), "area of the cells that are scored");
  fill(impl_->fields[0]);
  fill(impl_->fields[1]);
  for (const auto& method : methods) {
    const auto realization = w.dimension("realization_" + plain(method.name), method.members);
    impl_->members.push_back(define(what.variable + "_" + plain(method.name), netCDF::ncFloat,
                                    over({axis, realization}), "members of " + method.name));
    fill(impl_->members.back());
  }
  w.text(impl_->file, "Conventions", "CF-1.11");
  w.text(impl_->file, "history", what.history);
  for (const auto& [key, value] : what.attributes) w.text(impl_->file, key, value);
  w.done([&] { impl_->file.enddef(); }, "header");
  places.put();
  for (const auto& d : places.dimensions()) impl_->extent.push_back(d.getSize());
}

CaseFileWriter::~CaseFileWriter() = default;

void CaseFileWriter::write(std::size_t index, const Eigen::VectorXd& truth, const Eigen::VectorXd& observed,
                           const Eigen::VectorXd& weight) {
  const std::array<const Eigen::VectorXd*, 3> fields{&truth, &observed, &weight};
  for (std::size_t k = 0; k < fields.size(); ++k) {
    if (static_cast<std::size_t>(fields[k]->size()) != impl_->points)
      throw Error(ErrorKind::internal, "a field of a case and its domain differ in size");
    impl_->put(impl_->fields[k], {index}, 0, fields[k]->data());
  }
}

void CaseFileWriter::write_members(std::size_t index, std::size_t method, const std::vector<float>& members) {
  if (members.empty() || members.size() % impl_->points != 0)
    throw Error(ErrorKind::internal, "members of a case and their domain differ in size");
  impl_->put(impl_->members[method], {index, 0}, members.size() / impl_->points, members.data());
}

void CaseFileWriter::commit() {
  impl_->file.close();
  impl_->temporary.commit();
}

}  // namespace manifill::io
