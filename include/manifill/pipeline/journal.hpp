#pragma once
/// \file
/// \brief Results of a job, field by field, on disk: what survives a kill, and what --resume goes on from.

#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace manifill::pipeline {

/// \brief One finished field. Float32, units of the output.
struct FieldRecord {
  std::uint64_t extra = 0;
  std::uint64_t time = 0;
  std::vector<float> mean{};          ///< [cell]
  std::vector<float> spread{};        ///< [cell]
  std::vector<std::int8_t> status{};  ///< [cell]
  std::vector<float> members{};       ///< [member][cell], empty when members are not written
  std::vector<float> diagnostics{};   ///< log-densities and log-weights [2 * member], empty unless asked for
  std::vector<double> scores{};       ///< of an evaluated field; empty elsewhere
  float chi_square = 0.0F;
  float effective_size = 0.0F;
};

/// \brief Append-only file of records, each with a checksum. A record cut off by a kill is dropped on resume.
class Journal {
 public:
  /// \brief Opens `path`. \param identity text that must be equal to go on with an earlier journal
  /// \throws Error(usage) when `resume` meets a journal of another job; Error(io)
  Journal(const std::string& path, const std::string& identity, bool resume);

  [[nodiscard]] std::size_t size() const { return offsets_.size(); }
  [[nodiscard]] bool has(std::uint64_t extra, std::uint64_t time) const;
  void append(const FieldRecord& record);
  /// \brief Forces everything to disk. \throws Error(io) when the disk is full
  void sync();
  [[nodiscard]] FieldRecord read(std::size_t which) const;
  /// \brief Deletes the file; the job is done.
  void remove();

 private:
  struct Place {
    std::uint64_t extra, time;
    long offset;
  };
  [[nodiscard]] std::optional<FieldRecord> read_here() const;
  struct Close {
    void operator()(std::FILE* f) const { std::fclose(f); }
  };
  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::vector<Place> offsets_{};
};

/// \brief Makes a record and appends it. \param total fields of the job \param output that the message names
/// \throws Error(stopped), with all records so far on disk, where a stop is asked for before the record is
/// made or while it is
void append_unless_stopped(Journal& journal, std::size_t total, const std::string& output,
                           const std::function<FieldRecord()>& make);

}  // namespace manifill::pipeline
