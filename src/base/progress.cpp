#include "manifill/base/progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "manifill/base/log.hpp"

namespace manifill {
namespace {

constexpr auto kBarInterval = std::chrono::milliseconds(200);

ProgressStyle resolve(ProgressStyle style, std::FILE* out) {
  if (style != ProgressStyle::automatic) return style;
  if (log::level() == log::Level::quiet) return ProgressStyle::silent;
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal == nullptr || std::string_view(terminal) == "dumb";
  return ::isatty(fileno(out)) != 0 && !dumb ? ProgressStyle::bar : ProgressStyle::lines;
}

std::size_t terminal_width(std::FILE* out) {
  winsize size{};
  if (::ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 20) return size.ws_col;
  return 80;
}

/// The last of those that are not finished; each knows the one before it.
Progress* innermost = nullptr;

}  // namespace

void note_within(const std::string& text) {
  if (innermost != nullptr) innermost->within(text);
}

std::string duration_text(double seconds) {
  const auto s = static_cast<std::int64_t>(std::llround(std::max(0.0, seconds)));
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {} s", s / 60, s % 60);
  return fmt::format("{} h {} min", s / 3600, s % 3600 / 60);
}

Progress::Progress(std::string label, std::uint64_t total, std::string unit, ProgressStyle style,
                   std::FILE* out, std::chrono::milliseconds line_interval)
    : label_(std::move(label)),
      total_(total),
      unit_(std::move(unit)),
      style_(resolve(style, out)),
      out_(out),
      interval_(style_ == ProgressStyle::bar ? kBarInterval : line_interval),
      start_(Clock::now()),
      shown_(start_) {
  if (style_ == ProgressStyle::bar) show(false);
  outer_ = std::exchange(innermost, this);
}

Progress::~Progress() {
  try {
    finish();
  } catch (...) {  // a progress line is not worth ending the program
    finished_ = true;
  }
}

void Progress::advance(std::uint64_t units) {
  const std::lock_guard lock(mutex_);
  done_ += units;
  within_.clear();
  if (!finished_ && Clock::now() - shown_ >= interval_) show(false);
}

void Progress::set(std::uint64_t done) {
  const std::lock_guard lock(mutex_);
  done_ = done;
  within_.clear();
  if (!finished_ && Clock::now() - shown_ >= interval_) show(false);
}

void Progress::note(const std::string& text) {
  const std::lock_guard lock(mutex_);
  note_ = text;
}

void Progress::within(const std::string& text) {
  const std::lock_guard lock(mutex_);
  within_ = text;
  if (!finished_ && Clock::now() - shown_ >= interval_) show(false);
}

void Progress::finish() {
  const std::lock_guard lock(mutex_);
  if (finished_) return;
  finished_ = true;
  within_.clear();
  for (Progress** p = &innermost; *p != nullptr; p = &(*p)->outer_)
    if (*p == this) {
      *p = outer_;
      break;
    }
  // A short job leaves no line in a log.
  if (style_ == ProgressStyle::bar || printed_) show(true);
}

std::string Progress::line(bool last) const {
  const double elapsed = std::chrono::duration<double>(Clock::now() - start_).count();
  std::string text = label_ + ": ";
  const std::string unit = unit_.empty() ? "" : " " + unit_;
  if (total_ == 0)
    text += fmt::format("{}{}", done_, unit);
  else
    text += fmt::format("{} of {}{}", done_, total_, unit);
  if (last) {
    text += ", " + duration_text(elapsed);
  } else if (total_ > 0 && done_ > 0 && done_ < total_) {
    text += fmt::format(", {} left", duration_text(elapsed * static_cast<double>(total_ - done_) /
                                                   static_cast<double>(done_)));
  }
  for (const auto& more : {note_, within_})
    if (!more.empty()) text += ", " + more;
  return text;
}

void Progress::show(bool last) {
  if (style_ == ProgressStyle::silent) return;
  shown_ = Clock::now();
  printed_ = true;
  std::string text = line(last);
  if (style_ == ProgressStyle::lines) {
    fmt::print(out_, "manifill: {}\n", text);
    std::fflush(out_);
    return;
  }
  const std::size_t width = terminal_width(out_) - 1;
  const std::size_t room = width > text.size() + 4 ? std::min<std::size_t>(30, width - text.size() - 4) : 0;
  if (total_ > 0 && room >= 8) {
    const double share = std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
    const auto full = static_cast<std::size_t>(share * static_cast<double>(room));
    text = fmt::format("[{}{}] {}", std::string(full, '#'), std::string(room - full, '.'), text);
  }
  text.resize(std::min(text.size(), width));
  fmt::print(out_, "\r{}\x1b[K{}", text, last ? "\n" : "");
  std::fflush(out_);
  log::set_bar_on_screen(!last);
}

}  // namespace manifill
