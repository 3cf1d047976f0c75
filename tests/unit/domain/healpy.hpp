#pragma once
// healpy as a reference, run as a program of its own: its licence (GPL) forbids linking it.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace healpy {

/// What a Python script prints, by lines; nothing where it fails.
inline std::optional<std::vector<std::string>> run(const std::string& script) {
  std::string path = (std::filesystem::temp_directory_path() / "manifill-healpy-XXXXXX").string();
  const int descriptor = ::mkstemp(path.data());
  if (descriptor < 0) throw std::runtime_error("no temporary file");
  ::close(descriptor);
  std::ofstream(path) << script;
  std::FILE* pipe = ::popen(("/usr/bin/python3 " + path + " 2> /dev/null").c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("no shell");
  std::vector<std::string> lines(1);
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) {
    if (c == '\n')
      lines.emplace_back();
    else
      lines.back().push_back(static_cast<char>(c));
  }
  const int status = ::pclose(pipe);
  std::filesystem::remove(path);
  lines.pop_back();
  return status == 0 ? std::optional(lines) : std::nullopt;
}

template <typename T>
std::vector<T> numbers(const std::string& line) {
  std::istringstream in(line);
  std::vector<T> out;
  for (T x{}; in >> x;) out.push_back(x);
  return out;
}

}  // namespace healpy
