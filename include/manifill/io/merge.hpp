#pragma once
/// \file
/// \brief The shards of an imputation run put together again.

#include <string>
#include <vector>

namespace manifill::io {

/// \brief Writes the file that the run without shards would have written, up to its history and the rounding
/// of sums: times in order, everything else as in the first shard. Under a temporary name, verified bit by
/// bit, then renamed. \param shards all shards of one run, in any order: files with the attribute
/// manifill_shard "I/N" \return "I/N" of every shard in order of time, for a report \throws Error(usage) when
/// the output exists without `overwrite` or is a shard; Error(input) when a file is not a shard, a shard is
/// missing or given twice, or they come from different runs (model, seed, version, method, input's layout);
/// Error(io)
std::vector<std::string> merge_shards(const std::string& output, const std::vector<std::string>& shards,
                                      bool overwrite);

}  // namespace manifill::io
