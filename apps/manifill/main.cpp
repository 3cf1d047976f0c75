/// \file
/// \brief Entry of both programs: `manifill` (light, no LibTorch) and `manifill-compute` (MANIFILL_COMPUTE).

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "command_line.hpp"
#include "manifill/base/allocation.hpp"
#include "manifill/base/blas.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/signals.hpp"
#include "manifill/base/version.hpp"
#ifdef MANIFILL_COMPUTE
#include <torch/version.h>
#else
#include "launch.hpp"
#endif

namespace {

using namespace manifill;
using namespace manifill::app;

std::string overview() {
  std::string text =
      "manifill fills the gaps of gridded climate fields, and reconstructs blurred, coarse or noisy ones,\n"
      "with a calibrated ensemble.\n\nUsage: manifill COMMAND [arguments]\n\nCommands:\n";
  for (const auto& c : commands()) text += help_row("  " + c.name, c.summary, 16);
  text +=
      "\n`manifill COMMAND --help` explains a command; `manifill --version` shows the libraries and BLAS "
      "kernel.\n"
      "\nExit codes: 0 done, 1 internal error, 2 usage or configuration, 3 input data refused,\n"
      "4 input/output failed, 5 numerical failure or out of memory, 75 stopped by a signal or "
      "time limit\n(--resume goes on where a checkpoint was kept).\n";
  return text;
}

[[noreturn]] void refuse_command(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& c : commands()) names.push_back(c.name);
  const auto near = nearest_name(name, names.data(), names.data() + names.size());
  throw Error(ErrorKind::usage,
              fmt::format("unknown {} '{}'", name.starts_with('-') ? "option" : "command", name),
              {.remedy = near ? fmt::format("Did you mean '{}'?", *near) : "See manifill --help"});
}

#ifdef MANIFILL_COMPUTE
std::string linked_version_text() { return version_text(TORCH_VERSION); }
void hand_over(char** /*argv*/) {}  // this is the program that has every command
#else
std::string linked_version_text() { return version_text(); }
void hand_over(char** argv) { execute_compute(argv); }
#endif

int run_command(const std::string& name, const std::vector<std::string>& args, char** argv) {
  bool listed = false;
  for (const auto& c : commands()) listed = listed || c.name == name;
  if (!listed) refuse_command(name);
  if (find_command(name) == nullptr) hand_over(argv);
  const CommandFunction run = find_command(name);
  if (run == nullptr)
    throw Error(ErrorKind::internal, fmt::format("command '{}' is not part of this build", name),
                {.remedy = "Build manifill from its complete source"});
  install_stop_handlers();
  return run(args);
}

int run(int argc, char** argv) {
#ifdef MANIFILL_COMPUTE
  restart_with_chosen_blas(argv);
  keep_freed_memory();
#endif
  const std::vector<std::string> args(argv + 1, argv + argc);
  if (args.empty()) {
    std::fputs(overview().c_str(), stderr);
    return static_cast<int>(ErrorKind::usage);
  }
  if (args[0] == "--help" || args[0] == "-h" || (args[0] == "help" && args.size() == 1)) {
    std::fputs(overview().c_str(), stdout);
    return 0;
  }
  if (args[0] == "--version") {
    // Only the program that computes knows which kernels really run.
    hand_over(argv);
    std::fputs(linked_version_text().c_str(), stdout);
    return 0;
  }
  if (args[0] == "help") return run_command(args[1], {"--help"}, argv);
  return run_command(args[0], {args.begin() + 1, args.end()}, argv);
}

/// As run, with errors said and told by the exit code.
int run_to_the_end(int argc, char** argv) {
  try {
    const int code = argc > 0 ? run(argc, argv) : static_cast<int>(ErrorKind::usage);
    // A full disk or closed pipe on standard output is a failure too.
    if (std::fflush(stdout) != 0 && code == 0) throw Error(ErrorKind::io, "cannot write to standard output");
    return code;
  } catch (const Error& e) {
    std::fprintf(stderr, "manifill: error: %s\n", e.what());
    if (e.kind() == ErrorKind::internal)
      std::fputs("manifill: this is a defect; please report it with the command and the input\n", stderr);
    return e.exit_code();
  } catch (const std::bad_alloc&) {
    std::fputs(
        "manifill: error: out of memory. Lower --max-memory or the number of members, or use a larger "
        "machine\n",
        stderr);
    return static_cast<int>(ErrorKind::numerical);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "manifill: internal error: %s\n", e.what());
    std::fputs("manifill: this is a defect; please report it with the command and the input\n", stderr);
    return static_cast<int>(ErrorKind::internal);
  } catch (...) {
    std::fputs("manifill: internal error of unknown kind\n", stderr);
    return static_cast<int>(ErrorKind::internal);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int code = run_to_the_end(argc, argv);
#if defined(MANIFILL_COMPUTE) && !defined(__SANITIZE_ADDRESS__)
  // LibTorch takes a tenth of a second to take its operators down one by one, for memory that goes anyway.
  // What is written has been closed by then.
  std::fflush(nullptr);
  std::_Exit(code);
#else
  return code;
#endif
}
