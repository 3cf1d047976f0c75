#include "manifill/prior/training_records.hpp"

#include <utility>

#include "manifill/base/atomic_file.hpp"
#include "manifill/base/error.hpp"
#include "manifill/io/model_file.hpp"

namespace manifill::prior {

TrainingRecords::TrainingRecords(std::string log, std::string checkpoint, const std::string& header,
                                 std::string agreement)
    : log_(std::move(log)),
      checkpoint_(std::move(checkpoint)),
      agreement_(std::move(agreement)),
      lines_(header + "\n") {}

void TrainingRecords::log(const std::string& row) {
  lines_ += row + "\n";
  if (!log_.empty()) write_atomically(log_, lines_);
}

void TrainingRecords::save(const torch::nn::Module& network, const AveragedOptimiser& optimiser,
                           const TrainingPlace& place) const {
  if (checkpoint_.empty()) return;
  io::ModelFile file;
  file.put_text("agreement", agreement_);
  file.put_text("log", lines_);
  optimiser.save(network, file);
  file.put_integers("steps", {place.steps.size()}, place.steps);
  file.put_doubles("figures", {place.figures.size()}, place.figures);
  file.save(checkpoint_);
}

TrainingPlace TrainingRecords::load(torch::nn::Module& network, AveragedOptimiser& optimiser,
                                    std::size_t steps, std::size_t figures) {
  if (checkpoint_.empty()) throw Error(ErrorKind::usage, "a training without a checkpoint cannot be resumed");
  const auto file = io::ModelFile::load(checkpoint_);
  if (file.text("agreement") != agreement_)
    throw Error(ErrorKind::input, "the checkpoint is of a training with other options or fields",
                {.file = checkpoint_,
                 .remedy = "Use the options and data it was started with, or start anew without --resume"});
  lines_ = file.text("log");
  optimiser.load(network, file);
  return {.steps = file.integers("steps", {steps}), .figures = file.doubles("figures", {figures})};
}

}  // namespace manifill::prior
