#include "manifill/measurement/mask.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "manifill/io/gridded.hpp"
#include "manifill/measurement/mask_bank.hpp"
#include "selection.hpp"

namespace manifill::measurement {
namespace {

class RandomMask : public Selection {
 public:
  RandomMask(const domain::Domain& domain, const MaskOptions& options)
      : Selection(domain), bank_(domain, {}, options.kinds), hidden_(options.hidden), seed_(options.seed) {}

  [[nodiscard]] std::vector<bool> measured(std::int64_t step) const override {
    RandomStream random({.seed = seed_, .purpose = RandomPurpose::mask, .time = step});
    return bank_.draw(random, hidden_);
  }
  [[nodiscard]] bool steady() const override { return false; }

 private:
  MaskBank bank_;
  double hidden_;
  std::uint64_t seed_;
};

class FileMask : public Selection {
 public:
  FileMask(const domain::Domain& domain, const std::string& path, const std::string& variable)
      : Selection(domain), file_(io::GriddedVariable::open(path, variable)) {
    if (file_.domain().hash() != domain.hash())
      throw refusal(
          fmt::format("lies on {}, and the mask is for {}", file_.domain().describe(), domain.describe()), "",
          "Give a file on the grid that is masked");
  }

  [[nodiscard]] std::vector<bool> measured(std::int64_t step) const override {
    const auto time = file_.times() == 1 ? std::size_t{0} : static_cast<std::size_t>(step);
    if (time >= file_.times())
      throw refusal(fmt::format("has {} times and masks a file of more", file_.times()),
                    fmt::format("[time {}]", time), "Give a file of as many times, or of one");
    const auto field = file_.read(0, time, 1);
    std::vector<bool> out(field.size());
    std::transform(field.begin(), field.end(), out.begin(), [](double x) { return !std::isnan(x); });
    return out;
  }
  [[nodiscard]] bool steady() const override { return file_.times() == 1; }

 private:
  [[nodiscard]] Error refusal(const std::string& what, const std::string& index,
                              const std::string& remedy) const {
    return {ErrorKind::input,
            what,
            {.file = file_.path(), .variable = file_.summary().name, .index = index, .remedy = remedy}};
  }
  io::GriddedVariable file_;
};

/// Kinds that need no other times.
std::vector<std::string> random_kinds() {
  auto kinds = named_mask_kinds();
  std::erase(kinds, "gaps");
  return kinds;
}

const OperatorRegistration kMaskRegistration(
    "mask", "hides random cells, or those that are missing in a file",
    {{.key = "mask.kinds",
      .help = "forms of what is hidden, one of them at random at every step",
      .fallback = MaskOptions{}.kinds,
      .choices = random_kinds()},
     {.key = "mask.hidden",
      .help = "share of the cells that is hidden",
      .fallback = MaskOptions{}.hidden,
      .lowest = 0,
      .highest = 1},
     {.key = "mask.seed", .help = "seed of random masks", .fallback = std::int64_t{1}, .lowest = 0},
     {.key = "mask.file",
      .help = "file whose missing cells are hidden, in place of random ones",
      .fallback = std::string()},
     {.key = "mask.variable", .help = "its variable; empty: the only one", .fallback = std::string()}},
    [](const domain::Domain& domain, const Config& c, const OperatorContext& /*context*/) -> OperatorPointer {
      if (!c.text("mask.file").empty())
        return file_mask(domain, c.text("mask.file"), c.text("mask.variable"));
      return random_mask(domain, {.kinds = c.texts("mask.kinds"),
                                  .hidden = c.real("mask.hidden"),
                                  .seed = static_cast<std::uint64_t>(c.integer("mask.seed"))});
    });

}  // namespace

OperatorPointer random_mask(const domain::Domain& domain, const MaskOptions& options) {
  if (options.kinds.empty())
    throw Error(ErrorKind::usage, "mask.kinds names no form of masks",
                {.remedy = fmt::format("Use some of {}", fmt::join(random_kinds(), ", "))});
  return std::make_shared<RandomMask>(domain, options);
}

OperatorPointer file_mask(const domain::Domain& domain, const std::string& path,
                          const std::string& variable) {
  return std::make_shared<FileMask>(domain, path, variable);
}

}  // namespace manifill::measurement
