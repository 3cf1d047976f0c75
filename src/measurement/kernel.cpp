#include "manifill/measurement/kernel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "grid_steps.hpp"
#include "manifill/base/error.hpp"
#include "manifill/io/png_image.hpp"

namespace manifill::measurement {
namespace {

/// The kernel of the options, normalised where that is asked for.
Kernel kernel_of(const Config& c) {
  const std::string& file = c.text("kernel.file");
  const auto& weights = c.list("kernel.weights");
  if (file.empty() == weights.empty())
    throw Error(ErrorKind::usage, weights.empty() ? "no kernel is given" : "two kernels are given",
                {.remedy = "Give kernel.weights, row by row, or kernel.file, a PNG image"});
  Kernel k;
  if (!file.empty()) {
    k = read_kernel(file);
  } else {
    k.weights = weights;
    k.rows = static_cast<std::size_t>(c.integer("kernel.rows"));
    if (k.rows == 0)
      k.rows = static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(weights.size()))));
    k.columns = weights.size() / k.rows;
    if (k.rows * k.columns != weights.size())
      throw Error(ErrorKind::usage,
                  fmt::format("kernel.weights holds {} numbers, not {} equal rows", weights.size(), k.rows),
                  {.remedy = "Set kernel.rows to the number of rows of the kernel"});
  }
  if (!c.flag("kernel.normalise")) return k;
  const double total = std::accumulate(k.weights.begin(), k.weights.end(), 0.0);
  if (std::abs(total) < 1e-12)
    throw Error(ErrorKind::usage, "the weights of the kernel sum to 0 and cannot be normalised",
                {.file = file, .remedy = "Set kernel.normalise = false"});
  for (double& w : k.weights) w /= total;
  return k;
}

const OperatorRegistration kKernelRegistration(
    "kernel", "convolution with a small kernel of numbers or from a PNG image",
    {{.key = "kernel.weights", .help = "weights, row by row", .fallback = std::vector<double>{}},
     {.key = "kernel.rows",
      .help = "rows of kernel.weights; 0: it is square",
      .fallback = std::int64_t{0},
      .lowest = 0},
     {.key = "kernel.file",
      .help = "PNG image of the kernel, in place of weights",
      .fallback = std::string()},
     {.key = "kernel.normalise", .help = "make the sum of the weights 1", .fallback = true},
     edge_option("kernel.edges")},
    [](const domain::Domain& domain, const Config& c, const OperatorContext& /*context*/) {
      return convolution(domain, kernel_of(c), c.text("kernel.edges"));
    });

}  // namespace

Kernel read_kernel(const std::string& path) {
  const auto image = io::read_png(path);
  Kernel k{.rows = image.rows, .columns = image.columns, .weights = std::vector<double>(image.pixels(), 0.0)};
  for (std::size_t p = 0; p < image.pixels(); ++p) {
    if (image.missing(p)) continue;
    for (std::size_t c = 0; c < image.colours; ++c)
      k.weights[p] += static_cast<double>(image.samples[p * image.channels() + c]) /
                      (static_cast<double>(image.colours) * image.highest());
  }
  return k;
}

OperatorPointer convolution(const domain::Domain& domain, const Kernel& kernel, const std::string& edges) {
  if (kernel.rows % 2 == 0 || kernel.columns % 2 == 0 ||
      kernel.weights.size() != kernel.rows * kernel.columns)
    throw Error(ErrorKind::usage,
                fmt::format("a kernel of {} x {} weights has no middle", kernel.rows, kernel.columns),
                {.remedy = "Give odd numbers of rows and columns; pad it with zeros"});
  if (std::any_of(kernel.weights.begin(), kernel.weights.end(), [](double w) { return !std::isfinite(w); }) ||
      std::all_of(kernel.weights.begin(), kernel.weights.end(), [](double w) { return w == 0.0; }))
    throw Error(ErrorKind::usage, "the weights of a kernel are not finite, or all of them are 0",
                {.remedy = "Give numbers, some of them other than 0"});
  std::vector<KernelEntry> entries;
  for (std::size_t i = 0; i < kernel.rows; ++i)
    for (std::size_t j = 0; j < kernel.columns; ++j)
      if (const double w = kernel.weights[i * kernel.columns + j]; w != 0.0)
        entries.push_back(
            {.rows = static_cast<std::int64_t>(kernel.rows / 2) - static_cast<std::int64_t>(i),
             .columns = static_cast<std::int64_t>(kernel.columns / 2) - static_cast<std::int64_t>(j),
             .weight = w});
  const GridSteps grid(domain, edge_rule(edges), "kernel");
  return std::make_shared<SparseOperator>(domain, domain, kernel_matrix(grid, entries, "kernel"));
}

}  // namespace manifill::measurement
