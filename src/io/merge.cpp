#include "manifill/io/merge.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <set>

#include "manifill/base/atomic_file.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/io/imputed_file.hpp"
#include "netcdf_copy.hpp"

namespace manifill::io {
namespace {

/// What shards of one run have in common.
constexpr const char* kCommon[] = {"manifill_version", "manifill_model", "manifill_seed", "manifill_job"};

struct Shard {
  NetcdfHandle file;
  unsigned long number = 0;
  unsigned long of = 0;
  Dimension time{};
};

Shard open_shard(const std::string& path) {
  Shard s{.file = NetcdfHandle::open(path)};
  const auto refuse = [&](const std::string& what) {
    return Error(ErrorKind::input, what,
                 {.file = path, .remedy = "Give files that 'manifill impute --shard I/N' wrote"});
  };
  const std::string text = text_attribute(globals_of(s.file), "manifill_shard");
  const std::string name = text_attribute(globals_of(s.file), "manifill_shard_dimension");
  if (text.empty() || name.empty()) throw refuse("it is not a shard: it has no attribute manifill_shard");
  if (std::sscanf(text.c_str(), "%lu/%lu", &s.number, &s.of) != 2 || s.number < 1 || s.number > s.of)
    throw refuse("its attribute manifill_shard '" + text + "' is not I/N");
  for (const auto& v : all_variables(s.file))
    for (const auto& d : dimensions_of(s.file, v))
      if (d.name == name) s.time = d;
  if (s.time.id < 0) throw refuse("it has no dimension '" + name + "' to merge along");
  return s;
}

void check_run(const std::vector<Shard>& shards) {
  const Shard& first = shards.front();
  for (const auto& s : shards) {
    for (const char* key : kCommon)
      if (text_attribute(globals_of(s.file), key) != text_attribute(globals_of(first.file), key))
        throw Error(ErrorKind::input,
                    std::string("its attribute ") + key + " differs from that of " + first.file.path(),
                    {.file = s.file.path(), .remedy = "Merge the shards of one run"});
    if (s.of != first.of)
      throw Error(ErrorKind::input,
                  "it is one of " + std::to_string(s.of) + " shards, " + first.file.path() + " one of " +
                      std::to_string(first.of),
                  {.file = s.file.path(), .remedy = "Merge the shards of one run"});
  }
  for (std::size_t k = 0; k + 1 < shards.size(); ++k)
    if (shards[k].number == shards[k + 1].number)
      throw Error(ErrorKind::input, "it is the same shard as " + shards[k].file.path(),
                  {.file = shards[k + 1].file.path(), .remedy = "Name every shard once"});
  std::string absent;
  std::set<unsigned long> there;
  for (const auto& s : shards) there.insert(s.number);
  for (unsigned long k = 1; k <= first.of; ++k)
    if (there.count(k) == 0)
      absent += (absent.empty() ? "" : ", ") + std::to_string(k) + "/" + std::to_string(first.of);
  if (!absent.empty())
    throw Error(
        ErrorKind::input, "shards are missing: " + absent,
        {.file = first.file.path(), .remedy = "Run them, then merge all " + std::to_string(first.of)});
}

int create_flags(const NetcdfHandle& like) {
  switch (like.format()) {
    case NC_FORMAT_64BIT_OFFSET:
      return NC_64BIT_OFFSET;
    case NC_FORMAT_CDF5:
      return NC_64BIT_DATA;
    case NC_FORMAT_NETCDF4:
      return NC_NETCDF4;
    case NC_FORMAT_NETCDF4_CLASSIC:
      return NC_NETCDF4 | NC_CLASSIC_MODEL;
    default:
      return NC_64BIT_OFFSET;  // the whole may be too large for the format of a part
  }
}

}  // namespace

std::vector<std::string> merge_shards(const std::string& output, const std::vector<std::string>& paths,
                                      bool overwrite) {
  if (paths.empty())
    throw Error(ErrorKind::usage, "no shards were named", {.remedy = "Give them after the output"});
  check_output(output, paths, overwrite);
  std::vector<Shard> shards;
  for (const auto& p : paths) {
    check_stop(output);
    shards.push_back(open_shard(p));
  }
  std::sort(shards.begin(), shards.end(), [](const Shard& a, const Shard& b) { return a.number < b.number; });
  check_run(shards);
  std::size_t whole = 0;
  for (const auto& s : shards) whole += s.time.length;
  TemporaryFile temporary(output);
  auto out = NetcdfHandle::create(temporary.path(), create_flags(shards.front().file));
  std::vector<std::unique_ptr<NetcdfCopy>> copies;
  std::size_t at = 0;
  for (const auto& s : shards) {
    copies.push_back(std::make_unique<NetcdfCopy>(
        s.file, out,
        CopyOptions{
            .cut_dimension = s.time.id, .first = 0, .length = s.time.length, .at = at, .whole = whole}));
    at += s.time.length;
  }
  copies.front()->define();
  for (const char* key : {"manifill_shard", "manifill_shard_dimension"})
    check_write([&] { remove_attribute(globals_of(out), key); }, out.path(), "removing an attribute failed");
  check_write([&] { out.enddef(); }, out.path(), "writing the header failed");
  copies.front()->copy_values();
  for (std::size_t k = 1; k < copies.size(); ++k) {
    check_stop(output);
    copies[k]->match();
    copies[k]->copy_cut_values();
  }
  out.close();
  const auto written = NetcdfHandle::open(temporary.path());
  at = 0;
  std::vector<std::string> report;
  for (const auto& s : shards) {
    check_stop(output);
    NetcdfCopy check_copy(
        s.file, written,
        CopyOptions{
            .cut_dimension = s.time.id, .first = 0, .length = s.time.length, .at = at, .whole = whole});
    check_copy.match();
    check_copy.verify_cut_values();
    at += s.time.length;
    report.push_back(std::to_string(s.number) + "/" + std::to_string(s.of) + ": " +
                     std::to_string(s.time.length) + " times");
  }
  check_stop(output);
  temporary.commit();
  return report;
}

}  // namespace manifill::io
