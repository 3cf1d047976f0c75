#include "manifill/base/config.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "catch.hpp"
#include "manifill/base/error.hpp"

using manifill::Config;
using manifill::Error;
using manifill::ErrorKind;
using manifill::OptionSpec;

namespace {

std::vector<OptionSpec> specs() {
  return {
      {"seed", "random seed", std::int64_t{1}},
      {"impute.members", "members of the ensemble", std::int64_t{32}, 1, 4096},
      {"impute.method", "sampler", std::string("flow"), -1e300, 1e300, {"flow", "gaussian", "dps"}},
      {"impute.write_members", "write every member", false},
      {"impute.input", "files", std::vector<std::string>{}},
      {"noise.sigma", "standard deviation, K", 0.5, 0, 100},
      {"noise.levels", "levels, K", std::vector<double>{1, 2.5}},
  };
}

class TomlFile {
 public:
  explicit TomlFile(const std::string& text, const std::string& name = "config_test.toml")
      : path_((std::filesystem::temp_directory_path() / name).string()) {
    std::ofstream(path_, std::ios::binary) << text;
  }
  TomlFile(const TomlFile&) = delete;
  TomlFile& operator=(const TomlFile&) = delete;
  ~TomlFile() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Message of the error that `action` throws, after checking its kind.
template <typename Action>
std::string message(ErrorKind kind, Action action) {
  try {
    action();
  } catch (const Error& e) {
    CHECK(e.kind() == kind);
    return e.what();
  }
  FAIL("nothing was thrown");
  return {};
}

std::string refusal(const std::string& toml) {
  const TomlFile file(toml);
  Config config(specs());
  const std::string text = message(ErrorKind::usage, [&] { config.merge_file(file.path()); });
  CHECK(text.find(file.path()) != std::string::npos);
  return text;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("defaults hold until a file or an assignment", "[base]") {
  Config config(specs());
  CHECK(config.integer("impute.members") == 32);
  CHECK(config.text("impute.method") == "flow");
  CHECK_FALSE(config.given("impute.members"));
  const TomlFile file(
      "seed = 7\n[impute]\nmembers = 8\nmethod = \"dps\"\nwrite_members = true\ninput = \"a.nc\"\n[noise]\n"
      "sigma = 2\nlevels = [1, 2, 3.5]\n");
  config.merge_file(file.path());
  CHECK(config.integer("seed") == 7);
  CHECK(config.integer("impute.members") == 8);
  CHECK(config.given("impute.members"));
  CHECK(config.flag("impute.write_members"));
  CHECK(config.real("noise.sigma") == 2.0);
  CHECK(config.real("seed") == 7.0);
  CHECK(config.list("noise.levels") == std::vector<double>{1, 2, 3.5});
  CHECK(config.texts("impute.input") == std::vector<std::string>{"a.nc"});
  config.set("impute.members=64");
  CHECK(config.integer("impute.members") == 64);
}

TEST_CASE("text assignments take the type of the default", "[base]") {
  Config config(specs());
  config.set("noise.levels=0.1, 2 ,3e-2");
  CHECK(config.list("noise.levels") == std::vector<double>{0.1, 2, 0.03});
  config.set("noise.levels=[4,5]");
  CHECK(config.list("noise.levels") == std::vector<double>{4, 5});
  config.set("noise.levels=");
  CHECK(config.list("noise.levels").empty());
  config.set("impute.input=a.nc,b.nc");
  CHECK(config.texts("impute.input") == std::vector<std::string>{"a.nc", "b.nc"});
  config.set("impute.write_members=yes");
  CHECK(config.flag("impute.write_members"));
  config.set("impute.method='gaussian'");
  CHECK(config.text("impute.method") == "gaussian");
  config.set("impute.members=1e3");
  CHECK(config.integer("impute.members") == 1000);
  config.set("seed=9007199254740993");  // beyond the integers of a double
  CHECK(config.integer("seed") == 9007199254740993);
  config.set("seed=-3");
  CHECK(config.integer("seed") == -3);
}

TEST_CASE("a refused assignment says what is valid", "[base]") {
  Config config(specs());
  const auto refused = [&](const std::string& assignment) {
    return message(ErrorKind::usage, [&] { config.set(assignment); });
  };
  CHECK(has(refused("impute.membres=3"), "impute.members"));
  CHECK(has(refused("members=3"), "'impute.members'"));
  CHECK(has(refused("impute.members=0"), "1 to 4096"));
  CHECK(has(refused("impute.members=5000"), "1 to 4096"));
  CHECK(has(refused("impute.members=2.5"), "integer"));
  CHECK(has(refused("impute.members="), "integer"));
  CHECK(has(refused("impute.members=3x"), "integer"));
  CHECK(has(refused("impute.method=gausian"), "Did you mean 'gaussian'?"));
  CHECK(has(refused("noise.sigma=nan"), "out of range"));
  CHECK(has(refused("noise.sigma=inf"), "out of range"));
  CHECK(has(refused("noise.levels=1,,2"), "list of numbers"));
  CHECK(has(refused("impute.write_members=perhaps"), "true or false"));
  CHECK(has(refused("nothing"), "section.key=value"));
  CHECK(has(refused("=3"), "section.key=value"));
  CHECK(config.integer("impute.members") == 32);
}

TEST_CASE("a refused file is named with line and key", "[base]") {
  CHECK(has(refusal("seed = 1\n\n[impute]\nmembres = 3\n"), "line 4: unknown key 'impute.membres'"));
  CHECK(has(refusal("[impute]\nmembers = \"many\"\n"), "line 2: key 'impute.members' takes an integer"));
  CHECK(has(refusal("[impute]\nmembers = 0\n"), "1 to 4096"));
  CHECK(has(refusal("[noise]\nsigma = nan\n"), "noise.sigma"));
  CHECK(has(refusal("[noise]\nlevels = [1, \"a\"]\n"), "mixed"));
  CHECK(has(refusal("[noise]\nlevels = [[1], 2]\n"), "noise.levels"));
  CHECK(has(refusal("[noise]\nsigma = 1979-05-27\n"), "date"));
  CHECK(has(refusal("[impte]\n"), "unknown key 'impte'"));
  CHECK(has(refusal("[impute.members]\nx = 1\n"), "impute.members.x"));
  CHECK(has(refusal("impute = 3\n"), "unknown key 'impute'"));
  CHECK(has(refusal("seed = 1\nseed = 2\n"), "line 2"));
  CHECK(has(refusal("seed = = 1\n"), "not valid TOML"));
  CHECK(has(refusal("CDF\x01 something"), "NetCDF"));
  CHECK(has(refusal("\xff\xfe"), "not valid TOML"));
}

TEST_CASE("a refused file changes nothing", "[base]") {
  const TomlFile file("seed = 5\n[impute]\nmembers = 0\n");
  Config config(specs());
  CHECK_THROWS_AS(config.merge_file(file.path()), Error);
  CHECK(config.integer("seed") == 1);
  CHECK_FALSE(config.given("seed"));
}

TEST_CASE("an unreadable configuration is an io error", "[base]") {
  Config config(specs());
  CHECK(
      has(message(ErrorKind::io, [&] { config.merge_file("/nonexistent/c.toml"); }), "/nonexistent/c.toml"));
  CHECK(has(message(ErrorKind::io, [&] { config.merge_file("/tmp"); }), "directory"));
}

TEST_CASE("the resolved configuration reads back to itself", "[base]") {
  Config config(specs());
  config.set("impute.input", std::vector<std::string>{"with \"quotes\" and \\ and\ttab", "caf\xc3\xa9"});
  config.set("noise.levels=0.1,1e-30,123456789012");
  config.set("noise.sigma=3");
  const std::string toml = config.to_toml();
  const TomlFile file(toml);
  Config again(specs());
  again.merge_file(file.path());
  CHECK(again.to_toml() == toml);
  CHECK(again.texts("impute.input") == config.texts("impute.input"));
  CHECK(again.list("noise.levels") == config.list("noise.levels"));
  CHECK(toml.find("seed = 1") < toml.find("[impute]"));
  CHECK(toml.find("[impute]") < toml.find("[noise]"));
}

TEST_CASE("help names every key, default and bound", "[base]") {
  const std::string help = Config(specs()).help();
  for (const char* part :
       {"[impute]", "members", "[32; 1 to 4096]", "one of flow, gaussian, dps", "standard deviation, K"})
    CHECK(has(help, part));
}

TEST_CASE("a declaration mistake is an internal error", "[base]") {
  CHECK(has(message(ErrorKind::internal, [] { Config({{"a", "", true}, {"a", "", false}}); }), "'a'"));
  const Config config(specs());
  message(ErrorKind::internal, [&] { static_cast<void>(config.integer("impute.method")); });
  message(ErrorKind::internal, [&] { static_cast<void>(config.integer("not.there")); });
}

namespace {

std::vector<OptionSpec> repeated_specs() {
  return {{"job.seed", "seed", std::int64_t{1}},
          {"part[].file", "file", std::string()},
          {"part[].noise", "level, K", 0.0, 0, 10},
          {"part[].blur.width", "km", 2.0},
          {"last.flag", "flag", false}};
}

}  // namespace

TEST_CASE("a section that may stand several times is read, set, taken apart and written", "[base]") {
  Config config(repeated_specs());
  CHECK(config.count("part") == 0);
  CHECK(config.to_toml() == "[job]\nseed = 1\n\n[last]\nflag = false\n");
  const TomlFile file(
      "[[part]]\nfile = \"a.nc\"\n[part.blur]\nwidth = 5\n[[part]]\nnoise = 0.5\n[job]\nseed = 3\n");
  config.merge_file(file.path());
  REQUIRE(config.count("part") == 2);
  CHECK(config.text("part[1].file") == "a.nc");
  CHECK(config.text("part.file") == "a.nc");  // the first
  CHECK(config.text("part[2].file").empty());
  CHECK(config.given("part[2].noise"));
  CHECK_FALSE(config.given("part[1].noise"));
  const Config second = config.part("part", 2);
  CHECK(second.real("noise") == 0.5);
  CHECK(second.real("blur.width") == 2.0);
  CHECK(config.part("part", 1).real("blur.width") == 5.0);
  CHECK(config.part("part", 3).real("noise") == 0.0);

  config.set("part[2].blur.width=7");
  config.set("part.noise=0.25");
  config.set("part[3].file=c.nc");  // one more
  CHECK(config.count("part") == 3);
  const TomlFile written(config.to_toml(), "config_test_written.toml");
  Config again(repeated_specs());
  again.merge_file(written.path());
  CHECK(again.to_toml() == config.to_toml());
  CHECK(again.real("part[1].noise") == 0.25);
  CHECK(again.real("part[2].blur.width") == 7.0);
  CHECK(again.text("part[3].file") == "c.nc");

  // A file's sections take the place of those before; a single table is the first.
  again.merge_file(file.path());
  CHECK(again.count("part") == 2);
  CHECK(again.real("part[1].noise") == 0.0);
  const TomlFile single("[part]\nnoise = 1\n", "config_test_single.toml");
  Config one(repeated_specs());
  one.merge_file(single.path());
  CHECK(one.count("part") == 1);
  CHECK(one.real("part.noise") == 1.0);
  CHECK(has(one.help(), "[[part]]"));
  CHECK(has(one.help(), "[part.blur]"));
}

TEST_CASE("keys of a section that may stand several times are refused as others are", "[base]") {
  Config config(repeated_specs());
  const auto refused = [&](const std::string& assignment) {
    return message(ErrorKind::usage, [&] { config.set(assignment); });
  };
  CHECK(has(refused("part.nois=1"), "'part.noise'"));
  CHECK(has(refused("part[1].blur.widht=1"), "'part.blur.width'"));
  CHECK(has(refused("part[0].noise=1"), "count from 1"));
  CHECK(has(refused("part[x].noise=1"), "count from 1"));
  CHECK(has(refused("part[4].noise=1"), "without gaps"));
  CHECK(has(refused("job[1].seed=1"), "'job.seed'"));
  CHECK(has(refused("part[1].noise=11"), "0 to 10"));
  const TomlFile file("[[part]]\nnoise = 1\n[[part]]\nfiel = \"x\"\n");
  CHECK(has(message(ErrorKind::usage, [&] { config.merge_file(file.path()); }), "line 4"));
  CHECK(config.count("part") == 0);  // a refused file changes nothing
  const TomlFile other("[[job]]\nseed = 1\n");
  CHECK(has(message(ErrorKind::usage, [&] { config.merge_file(other.path()); }), "job"));
}
