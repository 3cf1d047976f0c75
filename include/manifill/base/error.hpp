#pragma once
/// \file
/// \brief The one exception type of manifill. Only `main` turns it into an exit code.

#include <optional>
#include <stdexcept>
#include <string>

namespace manifill {

/// \brief Families of errors; the value is the exit code of the program (docs/impute.md).
enum class ErrorKind : int {
  internal = 1,   ///< a defect in manifill
  usage = 2,      ///< command line or configuration
  input = 3,      ///< input data refused
  io = 4,         ///< reading or writing failed
  numerical = 5,  ///< no finite result
  stopped = 75,   ///< signal or time limit; a checkpoint allows --resume
};

/// \brief Where an error happened and what the user can do about it. Empty members are left out of the
/// message.
struct ErrorContext {
  std::string file{};
  std::string variable{};
  std::string index{};   ///< e.g. "[time 3][lat 12][lon 40]"
  std::string remedy{};  ///< a full sentence
};

/// \brief Exception carrying kind, file, variable, index and remedy.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& what, ErrorContext context = {});
  [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }
  [[nodiscard]] int exit_code() const noexcept { return static_cast<int>(kind_); }
  [[nodiscard]] const ErrorContext& context() const noexcept { return context_; }

 private:
  ErrorKind kind_;
  ErrorContext context_;
};

/// \brief Candidate nearest to `word` in edit distance, or nothing when none is close.
/// \param candidates any range of strings
std::optional<std::string> nearest_name(const std::string& word, const std::string* first,
                                        const std::string* last);

}  // namespace manifill
