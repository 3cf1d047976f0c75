#include "command_line.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "catch.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/log.hpp"

using namespace manifill;
using namespace manifill::app;

namespace {

using Arguments = std::vector<std::string>;

const std::vector<OptionSpec> kSpecs{
    {"impute.members", "members of the ensemble", std::int64_t{32}, 1, 4096},
    {"impute.input", "files to fill", std::vector<std::string>{}},
    {"impute.output", "file to write", std::string{}},
    {"impute.write_members", "write every member", false},
    {"noise.sigma", "standard deviation, K", 0.5, -10, 100},
};
const std::vector<Alias> kAliases{{"-n,--members", "impute.members", "N"},
                                  {"--input", "impute.input", "FILE"},
                                  {"-o,--output", "impute.output", "FILE"},
                                  {"--write-members", "impute.write_members"},
                                  {"--sigma", "noise.sigma", "K"}};

CommandLine parse(const Arguments& args, std::size_t most_positional = 2) {
  Usage usage{.synopsis = "manifill test", .most_positional = most_positional};
  auto line = parse_command_line(args, kSpecs, kAliases, usage);
  log::set_level(log::Level::normal);
  REQUIRE(line.has_value());
  return *line;
}

std::string refusal(const Arguments& args) {
  try {
    parse(args, 1);
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::usage);
    return e.what();
  }
  FAIL("nothing was thrown");
  return {};
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("options reach their keys in every spelling", "[apps]") {
  for (const Arguments& args :
       {Arguments{"--members", "8"}, Arguments{"--members=8"}, Arguments{"-n", "8"}, Arguments{"-n8"},
        Arguments{"-n=8"}, Arguments{"--set", "impute.members=8"}, Arguments{"--set=impute.members=8"},
        Arguments{"--members", "4", "--members", "8"}})
    CHECK(parse(args).config.integer("impute.members") == 8);
  CHECK(parse({"--sigma", "-5"}).config.real("noise.sigma") == -5.0);
  CHECK(parse({"--sigma=-5"}).config.real("noise.sigma") == -5.0);
  CHECK(parse({"-o", "a=b.nc"}).config.text("impute.output") == "a=b.nc");
  CHECK(parse({"--output=a=b.nc"}).config.text("impute.output") == "a=b.nc");
}

TEST_CASE("flags switch on and off", "[apps]") {
  CHECK(parse({"--write-members"}).config.flag("impute.write_members"));
  CHECK(parse({"--write-members=true"}).config.flag("impute.write_members"));
  CHECK_FALSE(parse({"--write-members", "--no-write-members"}).config.flag("impute.write_members"));
  CHECK(parse({"--write-members", "extra"}).positional == Arguments{"extra"});
  CHECK(parse({"--quiet"}).quiet);
  CHECK(parse({"--verbose"}).verbose);
}

TEST_CASE("a list takes files up to the next option", "[apps]") {
  const auto line = parse({"--input", "a.nc", "b,c.nc", "--members", "3", "--input=d.nc"});
  CHECK(line.config.texts("impute.input") == Arguments{"a.nc", "b,c.nc", "d.nc"});
  CHECK(line.config.integer("impute.members") == 3);
  CHECK(line.positional.empty());
}

TEST_CASE("options stand above the configuration wherever it is named", "[apps]") {
  const std::string path = (std::filesystem::temp_directory_path() / "command_line_test.toml").string();
  std::ofstream(path) << "[impute]\nmembers = 5\noutput = \"from-file.nc\"\ninput = [\"x.nc\"]\n";
  for (const Arguments& args :
       {Arguments{"--members", "8", path}, Arguments{path, "--members", "8"},
        Arguments{"--config", path, "-n", "8"}, Arguments{"-n8", "--config=" + path}}) {
    const auto line = parse(args);
    CHECK(line.config.integer("impute.members") == 8);
    CHECK(line.config.text("impute.output") == "from-file.nc");
    CHECK(line.config_file == path);
    CHECK(line.positional.empty());
  }
  CHECK(parse({path, "--input", "y.nc"}).config.texts("impute.input") == Arguments{"y.nc"});
  CHECK(parse({"--input", "y.nc", path}).config.texts("impute.input") == Arguments{"y.nc"});
  CHECK(has(refusal({path, path}), "two configurations"));
  std::remove(path.c_str());
}

TEST_CASE("positional arguments, also after a double dash", "[apps]") {
  CHECK(parse({"a", "-"}).positional == Arguments{"a", "-"});
  CHECK(parse({"--", "--members", "c.toml"}).positional == Arguments{"--members", "c.toml"});
  CHECK(has(refusal({"a", "b"}), "unexpected argument 'b'"));
}

TEST_CASE("what is wrong is named, with the nearest right", "[apps]") {
  CHECK(has(refusal({"--membres", "3"}), "Did you mean '--members'?"));
  CHECK(has(refusal({"--membres=3"}), "unknown option '--membres'"));
  CHECK(has(refusal({"-x"}), "unknown option '-x'"));
  CHECK(has(refusal({"--members"}), "needs a value"));
  CHECK(has(refusal({"--members", "--quiet"}), "needs a value"));
  CHECK(has(refusal({"--output", "-n"}), "needs a value"));
  CHECK(has(refusal({"--members", "many"}), "--members"));
  CHECK(has(refusal({"--members", "0"}), "1 to 4096"));
  CHECK(has(refusal({"--set", "impute.membres=3"}), "impute.members"));
  CHECK(has(refusal({"--set", "impute.members"}), "section.key=value"));
  CHECK(has(refusal({"--write-members=perhaps"}), "true or false"));
  CHECK(has(refusal({"--no-members"}), "unknown option"));
  CHECK(has(refusal({"--quiet", "--verbose"}), "contradict"));
}

TEST_CASE("too few arguments show the usage", "[apps]") {
  const Usage usage{.synopsis = "manifill test FILE", .least_positional = 1, .most_positional = 1};
  try {
    parse_command_line({}, kSpecs, kAliases, usage);
    FAIL("nothing was thrown");
  } catch (const Error& e) {
    CHECK(has(e.what(), "manifill test FILE"));
  }
}

TEST_CASE("help shows options with defaults and the keys that have none", "[apps]") {
  auto specs = kSpecs;
  specs.push_back({"flow.width", "channels of the network", std::int64_t{64}, 8, 512});
  const std::string help =
      command_help(specs, kAliases, {.synopsis = "manifill test", .description = "Tests."});
  for (const char* part :
       {"Usage: manifill test", "-n, --members N", "[32; 1 to 4096]", "--input FILE...", "[none]",
        "--write-members", "--set", "[flow]", "width", "[64; 8 to 512]", "--config"})
    CHECK(has(help, part));
  CHECK_FALSE(has(help, "[impute]"));
}

TEST_CASE("every command has a summary", "[apps]") {
  CHECK(commands().size() >= 4);
  for (const auto& c : commands()) CHECK_FALSE(c.summary.empty());
  CHECK(find_command("no such command") == nullptr);
}
