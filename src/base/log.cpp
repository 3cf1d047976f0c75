#include "manifill/base/log.hpp"

#include <atomic>
#include <cstdio>
#include <memory>

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>

namespace manifill::log {
namespace {

std::atomic<Level> current_level{Level::normal};
std::atomic<bool> bar_on_screen{false};

spdlog::logger& logger() {
  // Own logger, not spdlog's default one: an application that links manifill may use that for itself.
  static spdlog::logger instance = [] {
    spdlog::logger made("manifill", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made.set_pattern("manifill: %^%l%$: %v");
    made.set_level(spdlog::level::trace);
    return made;
  }();
  return instance;
}

void write(spdlog::level::level_enum severity, const std::string& message) {
  if (bar_on_screen) std::fputs("\r\x1b[K", stderr);
  logger().log(severity, message);
}

}  // namespace

void set_level(Level chosen) { current_level = chosen; }
Level level() { return current_level; }
void set_bar_on_screen(bool on) { bar_on_screen = on; }

void debug(const std::string& message) {
  if (level() == Level::verbose) write(spdlog::level::debug, message);
}
void info(const std::string& message) {
  if (level() != Level::quiet) write(spdlog::level::info, message);
}
void warning(const std::string& message) { write(spdlog::level::warn, message); }
void error(const std::string& message) { write(spdlog::level::err, message); }

}  // namespace manifill::log
