#pragma once
/// \file
/// \brief Messages for the person who runs the program, on standard error. Thin over spdlog.

#include <string>

namespace manifill::log {

/// \brief How much is said: quiet keeps warnings; verbose adds debug messages.
enum class Level { quiet, normal, verbose };

void set_level(Level level);
[[nodiscard]] Level level();

void debug(const std::string& message);
void info(const std::string& message);
void warning(const std::string& message);
void error(const std::string& message);

/// \brief While true, a progress bar stands on the terminal's last line; messages clear it before they print.
void set_bar_on_screen(bool on);

}  // namespace manifill::log
