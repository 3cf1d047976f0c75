#include <fmt/format.h>

#include <filesystem>
#include <system_error>

#include "manifill/base/stopwatch.hpp"
#include "manifill/io/imputed_file.hpp"
#include "manifill/pipeline/train.hpp"
#include "manifill/pipeline/training_plot.hpp"
#include "manifill/posterior/davi_training.hpp"
#include "manifill/posterior/model.hpp"
#include "manifill/prior/prior.hpp"
#include "training_cases.hpp"

namespace manifill::pipeline {

std::vector<OptionSpec> train_davi_specs() {
  auto out = training_cases_specs();
  const auto own = posterior::DaviTrainingOptions::specs();
  out.insert(out.end(), own.begin(), own.end());
  return out;
}

std::vector<std::string> train_davi(const Config& c) {
  const Stopwatch watch;
  require_option(c, "train.prior", "--prior");
  require_option(c, "train.output", "--output");
  io::check_output(c.text("train.output"), {}, true);
  auto model = posterior::Model::load(c.text("train.prior"));
  const auto options = posterior::DaviTrainingOptions::from(c);
  const auto hooks = training_hooks(c);
  // Members are drawn of held-out cases only.
  auto training = options.cases;
  training.draws = 1;
  const auto cases = simulate_training_cases(c, model, training, options.cases, hooks);
  const auto trained = posterior::train_davi(cases.training, cases.validation,
                                             prior::Prior(model.backbone, model.score), options, hooks);
  model.davi = trained.generator.ptr();
  model.davi_noise = options.noise;
  model.info.training +=
      fmt::format("; davi: {} cases, seed {}, {:.0f} s", options.cases.cases, options.seed, watch.seconds());
  model.save(c.text("train.output"));
  std::error_code ignored;
  std::filesystem::remove(hooks.checkpoint, ignored);
  plot_davi_training(hooks.log_csv, std::filesystem::path(hooks.log_csv).replace_extension(".png").string());
  return {fmt::format("validation CRPS {:.4f}, of the start {:.4f}, of the Gaussian posterior {:.4f} "
                      "(normalised units, held-out years and masks)",
                      trained.validation_crps, trained.start_crps, trained.gaussian_crps),
          fmt::format("standardised error {:.3f}, {} members a case; {:.0f} s", trained.standardised,
                      options.cases.draws, trained.seconds),
          "written: " + c.text("train.output")};
}

}  // namespace manifill::pipeline
