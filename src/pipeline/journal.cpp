#include "manifill/pipeline/journal.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "manifill/base/atomic_file.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "manifill/base/signals.hpp"

namespace manifill::pipeline {
namespace {

constexpr std::uint64_t kMagic = 0x4d46494c4a4e4c32ULL;
constexpr std::uint64_t kMost = std::uint64_t{1} << 31;  // elements of an array; more is damage

template <typename T>
bool put(std::FILE* f, const std::vector<T>& values, std::uint64_t& hash) {
  const std::uint64_t size = values.size();
  hash = hash_bytes(&size, sizeof size, hash);
  hash = hash_bytes(values.data(), values.size() * sizeof(T), hash);
  return std::fwrite(&size, sizeof size, 1, f) == 1 &&
         (size == 0 || std::fwrite(values.data(), sizeof(T), size, f) == size);
}

template <typename T>
bool get(std::FILE* f, std::vector<T>& values, std::uint64_t& hash) {
  std::uint64_t size = 0;
  if (std::fread(&size, sizeof size, 1, f) != 1 || size > kMost) return false;
  values.resize(size);
  if (size > 0 && std::fread(values.data(), sizeof(T), size, f) != size) return false;
  hash = hash_bytes(&size, sizeof size, hash);
  hash = hash_bytes(values.data(), values.size() * sizeof(T), hash);
  return true;
}

struct Head {
  std::uint64_t magic, extra, time;
  float chi_square, effective_size;
};

}  // namespace

Journal::Journal(const std::string& path, const std::string& identity, bool resume) : path_(path) {
  const std::uint64_t key = hash_bytes(identity.data(), identity.size());
  if (resume && std::filesystem::exists(path)) {
    file_.reset(std::fopen(path.c_str(), "r+b"));
    if (file_ == nullptr) throw_io_error(path, "opening the checkpoint failed", errno);
    std::uint64_t stored[2] = {0, 0};
    if (std::fread(stored, sizeof stored, 1, file_.get()) != 1 || stored[0] != kMagic || stored[1] != key) {
      throw Error(
          ErrorKind::usage, "the checkpoint belongs to another job or input",
          {.file = path, .remedy = "Run without --resume to start anew, or with the settings of before"});
    }
    long good = std::ftell(file_.get());
    while (true) {
      const auto record = read_here();
      if (!record) break;
      offsets_.push_back({record->extra, record->time, good});
      good = std::ftell(file_.get());
    }
    if (ftruncate(fileno(file_.get()), good) != 0)
      throw_io_error(path, "cutting the checkpoint failed", errno);
    std::fseek(file_.get(), 0, SEEK_END);
    return;
  }
  file_.reset(std::fopen(path.c_str(), "w+b"));
  if (file_ == nullptr) throw_io_error(path, "creating the checkpoint failed", errno);
  const std::uint64_t head[2] = {kMagic, key};
  if (std::fwrite(head, sizeof head, 1, file_.get()) != 1)
    throw_io_error(path, "writing the checkpoint failed", errno);
  sync();
}

bool Journal::has(std::uint64_t extra, std::uint64_t time) const {
  return std::any_of(offsets_.begin(), offsets_.end(),
                     [&](const Place& p) { return p.extra == extra && p.time == time; });
}

void Journal::append(const FieldRecord& r) {
  std::fseek(file_.get(), 0, SEEK_END);
  const long offset = std::ftell(file_.get());
  const Head head{kMagic, r.extra, r.time, r.chi_square, r.effective_size};
  std::uint64_t hash = hash_bytes(&head, sizeof head);
  const bool ok = std::fwrite(&head, sizeof head, 1, file_.get()) == 1 && put(file_.get(), r.mean, hash) &&
                  put(file_.get(), r.spread, hash) && put(file_.get(), r.status, hash) &&
                  put(file_.get(), r.members, hash) && put(file_.get(), r.diagnostics, hash) &&
                  put(file_.get(), r.scores, hash) && std::fwrite(&hash, sizeof hash, 1, file_.get()) == 1;
  if (!ok) throw_io_error(path_, "writing the checkpoint failed", errno);
  offsets_.push_back({r.extra, r.time, offset});
}

void Journal::sync() {
  if (std::fflush(file_.get()) != 0 || fsync(fileno(file_.get())) != 0)
    throw_io_error(path_, "writing the checkpoint failed", errno);
}

std::optional<FieldRecord> Journal::read_here() const {
  Head head{};
  if (std::fread(&head, sizeof head, 1, file_.get()) != 1 || head.magic != kMagic) return std::nullopt;
  std::uint64_t hash = hash_bytes(&head, sizeof head);
  FieldRecord r{.extra = head.extra, .time = head.time};
  r.chi_square = head.chi_square;
  r.effective_size = head.effective_size;
  std::uint64_t stored = 0;
  if (!get(file_.get(), r.mean, hash) || !get(file_.get(), r.spread, hash) ||
      !get(file_.get(), r.status, hash) || !get(file_.get(), r.members, hash) ||
      !get(file_.get(), r.diagnostics, hash) || !get(file_.get(), r.scores, hash) ||
      std::fread(&stored, sizeof stored, 1, file_.get()) != 1 || stored != hash)
    return std::nullopt;
  return r;
}

FieldRecord Journal::read(std::size_t which) const {
  std::fflush(file_.get());
  std::fseek(file_.get(), offsets_[which].offset, SEEK_SET);
  auto record = read_here();
  if (!record)
    throw Error(ErrorKind::io, "a record of the checkpoint is damaged",
                {.file = path_, .remedy = "Run again without --resume"});
  return *record;
}

void Journal::remove() {
  file_.reset();
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

void append_unless_stopped(Journal& journal, std::size_t total, const std::string& output,
                           const std::function<FieldRecord()>& make) {
  constexpr std::size_t kBetweenSyncs = 64;
  try {
    check_stop(output);
    journal.append(make());
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::stopped) throw;
    journal.sync();
    throw Error(ErrorKind::stopped,
                fmt::format("stopped by {} after {} of {} fields; nothing was written under the final name",
                            stop_reason(), journal.size(), total),
                {.file = output, .remedy = "Run the same command with --resume to go on"});
  }
  if (journal.size() % kBetweenSyncs == 0) journal.sync();
}

}  // namespace manifill::pipeline
