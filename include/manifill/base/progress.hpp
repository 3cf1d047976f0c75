#pragma once
/// \file
/// \brief Progress of a long loop: a bar on a terminal, a line a minute in a log, nothing when quiet.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>

namespace manifill {

enum class ProgressStyle { automatic, bar, lines, silent };

/// \brief Counts units of work done and shows them. `advance` may be called from any thread.
class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  /// \param label what is done, "imputing"; \param total number of units, 0 when unknown; \param unit
  /// "fields" \param style automatic: silent under --quiet, a bar when `out` is a terminal, lines otherwise
  Progress(std::string label, std::uint64_t total, std::string unit = "",
           ProgressStyle style = ProgressStyle::automatic, std::FILE* out = stderr,
           std::chrono::milliseconds line_interval = std::chrono::minutes(1));
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance(std::uint64_t units = 1);
  void set(std::uint64_t done);
  /// \brief Text behind the figures, such as the loss.
  void note(const std::string& text);
  /// \brief How far the unit of work is that is being done: shown at the next interval, gone with the unit.
  void within(const std::string& text);
  /// \brief Shows the final state; further calls do nothing. The destructor calls it.
  void finish();

 private:
  void show(bool last);
  [[nodiscard]] std::string line(bool last) const;
  std::string label_;
  std::uint64_t total_;
  std::string unit_;
  ProgressStyle style_;
  std::FILE* out_;
  Clock::duration interval_;
  Clock::time_point start_;
  Clock::time_point shown_;
  std::uint64_t done_ = 0;
  std::string note_{};
  std::string within_{};
  Progress* outer_ = nullptr;
  bool finished_ = false;
  bool printed_ = false;
  std::mutex mutex_{};
};

/// \brief Says of a unit of work that takes long how far it is, to the Progress that was made last and is not
/// finished; without one, nothing. From any thread while no Progress is made or finished, which one thread
/// does.
void note_within(const std::string& text);

/// \brief "4 s", "2 min 5 s", "3 h 12 min".
std::string duration_text(double seconds);

}  // namespace manifill
