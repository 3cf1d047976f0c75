#pragma once
/// \file
/// \brief Orderly stops: signals and a time limit set a flag that long loops look at between two units of
/// work.

#include <string>

namespace manifill {

/// \brief From now on SIGINT and SIGTERM ask for a stop; a second one of either ends the process at once. A
/// SIGTERM within half a second of the first signal does not count: it is often the same request sent twice.
void install_stop_handlers();

/// \brief Asks for a stop after so many seconds from now; 0 or less: no limit.
void set_time_limit(double seconds);

/// \brief Whether a signal came or the time limit passed. Cheap, callable from any thread.
[[nodiscard]] bool stop_requested();

/// \brief "SIGTERM", "time limit", ... or empty.
[[nodiscard]] std::string stop_reason();

/// \brief For loops that keep no checkpoint. \throws Error(stopped), "...; nothing was written", where a stop
/// is asked for \param file that the message names
void check_stop(const std::string& file = {});

/// \brief Asks for a stop from inside the program, as a signal would.
void request_stop();

/// \brief Takes back a stop and the time limit; for tests and for programs that go on after one.
void clear_stop();

}  // namespace manifill
