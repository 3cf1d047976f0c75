#include "manifill/base/progress.hpp"

#include <cstdio>
#include <string>

#include "catch.hpp"
#include "manifill/base/log.hpp"

using namespace manifill;

namespace {

/// All that a file holds, which is closed.
std::string text_of(std::FILE* file) {
  std::rewind(file);
  std::string text(10000, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

/// What a progress of three steps writes.
std::string written(ProgressStyle style, std::chrono::milliseconds interval, std::uint64_t total = 3) {
  std::FILE* file = std::tmpfile();
  {
    Progress progress("imputing", total, "fields", style, file, interval);
    progress.note("loss 0.5");
    for (int i = 0; i < 3; ++i) progress.advance();
    progress.finish();
    progress.advance();
  }
  return text_of(file);
}

}  // namespace

TEST_CASE("a log gets whole lines at the interval", "[base]") {
  const std::string text = written(ProgressStyle::automatic, std::chrono::milliseconds(0));
  CHECK(text.find("manifill: imputing: 1 of 3 fields") == 0);
  CHECK(text.find("imputing: 3 of 3 fields, 0 s, loss 0.5\n") != std::string::npos);
  CHECK(text.find('\r') == std::string::npos);
  CHECK(text.back() == '\n');
}

TEST_CASE("a short job leaves nothing in a log", "[base]") {
  CHECK(written(ProgressStyle::automatic, std::chrono::minutes(1)).empty());
}

TEST_CASE("a terminal gets a bar that ends in a line", "[base]") {
  const std::string text = written(ProgressStyle::bar, std::chrono::minutes(1));
  CHECK(text.find("\r[") == 0);
  CHECK(text.find("##] imputing: 3 of 3 fields") != std::string::npos);
  CHECK(text.back() == '\n');
  CHECK(written(ProgressStyle::bar, std::chrono::minutes(1), 0).find("imputing: 3 fields") !=
        std::string::npos);
}

TEST_CASE("quiet is silent", "[base]") {
  log::set_level(log::Level::quiet);
  CHECK(written(ProgressStyle::automatic, std::chrono::milliseconds(0)).empty());
  log::set_level(log::Level::normal);
  CHECK(written(ProgressStyle::silent, std::chrono::milliseconds(0)).empty());
}

TEST_CASE("a unit of work that takes long is told of by the progress around it", "[base]") {
  note_within("of nothing");  // no progress runs
  std::FILE* file = std::tmpfile();
  {
    Progress outer("evaluating", 2, "cases", ProgressStyle::lines, file, std::chrono::milliseconds(0));
    note_within("5 evaluations");
    {
      Progress inner("filling", 1, "gaps", ProgressStyle::lines, file, std::chrono::milliseconds(0));
      note_within("6 evaluations");
    }
    outer.advance();
    note_within("7 evaluations");
  }
  note_within("after the end");
  const std::string text = text_of(file);
  CHECK(text.find("manifill: evaluating: 0 of 2 cases, 5 evaluations\n") == 0);
  CHECK(text.find("filling: 0 of 1 gaps, 6 evaluations\n") != std::string::npos);
  // Gone with the unit.
  CHECK(text.find("left\n") != std::string::npos);
  CHECK(text.find("left, 7 evaluations\n") != std::string::npos);
  CHECK(text.find("the end") == std::string::npos);
  CHECK(text.find("nothing") == std::string::npos);
}

TEST_CASE("durations read like durations", "[base]") {
  CHECK(duration_text(-1) == "0 s");
  CHECK(duration_text(59.4) == "59 s");
  CHECK(duration_text(60) == "1 min 0 s");
  CHECK(duration_text(11520) == "3 h 12 min");
}
