#pragma once
/// \file
/// \brief Log and checkpoint of a training.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "manifill/prior/averaged_optimiser.hpp"
#include "manifill/prior/torch.hpp"

namespace manifill::prior {

/// \brief Where a training stands, beside its weights: whole numbers and figures in an order of its own.
struct TrainingPlace {
  std::vector<std::int64_t> steps{};
  std::vector<double> figures{};
};

/// \brief Writes a training's log as CSV and its checkpoint, both atomically, and goes on from them.
class TrainingRecords {
 public:
  /// \param log file of the log; empty: none \param checkpoint empty: none \param header of the log's columns
  /// \param agreement what a checkpoint must agree with to be continued: options and fields
  TrainingRecords(std::string log, std::string checkpoint, const std::string& header, std::string agreement);

  /// \brief Adds a row, without its end of line. \throws Error(io)
  void log(const std::string& row);
  /// \throws Error(io)
  void save(const torch::nn::Module& network, const AveragedOptimiser& optimiser,
            const TrainingPlace& place) const;
  /// \brief Reads what `save` wrote; the log goes on where it was. \param steps, figures how many there are
  /// \throws Error(usage) without a checkpoint's name; Error(input) when it is of another training; Error(io)
  TrainingPlace load(torch::nn::Module& network, AveragedOptimiser& optimiser, std::size_t steps,
                     std::size_t figures);

 private:
  std::string log_;
  std::string checkpoint_;
  std::string agreement_;
  std::string lines_;
};

}  // namespace manifill::prior
