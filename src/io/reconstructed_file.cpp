#include "manifill/io/reconstructed_file.hpp"

#include <optional>

#include "domain_axes.hpp"
#include "ensemble_variables.hpp"
#include "kept_axes.hpp"
#include "manifill/base/atomic_file.hpp"
#include "manifill/base/error.hpp"
#include "native_file.hpp"

namespace manifill::io {

struct ReconstructedFileWriter::Impl {
  Impl(const std::string& path, const GriddedVariable& source, const domain::Domain& domain,
       const ReconstructedFile& what)
      : temporary(path),
        from(open_fields(source.path()).file),
        file(NetcdfHandle::create(temporary.path(), NC_NETCDF4)),
        writer(file),
        others(other_dimensions(source)),
        axes(from, *find_variable(from, source.summary().name), others.positions) {
    axes.define(writer);
    places.emplace(writer, domain);
    variables.emplace(writer, *places, axes.dimensions(), what.about, what.members, what.spread_comment,
                      axes.auxiliary());
    writer.text(file, "Conventions", "CF-1.11");
    writer.text(file, "history", what.about.history);
    for (const auto& [key, value] : what.about.attributes) writer.text(file, key, value);
    writer.done([&] { file.enddef(); }, "header");
    axes.put(writer);
    places->put();
    variables->put();
  }

  TemporaryFile temporary;
  NetcdfHandle from;
  NetcdfHandle file;
  Writer writer;
  OtherDimensions others;
  KeptAxes axes;
  std::optional<DomainAxes> places{};
  std::optional<EnsembleVariables> variables{};
};

ReconstructedFileWriter::ReconstructedFileWriter(const std::string& path, const GriddedVariable& source,
                                                 const domain::Domain& domain, const ReconstructedFile& what)
    : impl_(std::make_unique<Impl>(path, source, domain, what)) {}

ReconstructedFileWriter::~ReconstructedFileWriter() = default;

void ReconstructedFileWriter::write(std::size_t extra, std::size_t time, const std::vector<float>& mean,
                                    const std::vector<float>& spread, const std::vector<std::int8_t>& status,
                                    const std::vector<float>& members) {
  Impl& m = *impl_;
  m.variables->write(m.others.index(m.axes, extra, time), mean, spread, status, members);
}

void ReconstructedFileWriter::commit() {
  Impl& m = *impl_;
  m.file.close();
  m.variables->verify(m.temporary.path(), m.temporary.target());
  m.temporary.commit();
}

}  // namespace manifill::io
