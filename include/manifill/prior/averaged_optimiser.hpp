#pragma once
/// \file
/// \brief AdamW with clipping and averaged weights, whose whole state can be written to a checkpoint.

#include <cstdint>
#include <string>
#include <vector>

#include "manifill/io/model_file.hpp"
#include "manifill/prior/torch.hpp"

namespace manifill::prior {

using Tensors = std::vector<torch::Tensor>;

/// \brief Copies of a network's parameters, in their order.
Tensors copies(const torch::nn::Module& network);

/// \brief Sets a network's parameters.
void assign(torch::nn::Module& network, const Tensors& values);

struct AveragedOptimiserOptions {
  double weight_decay = 1e-2;  ///< of parameters that are not biases
  double clip = 1.0;           ///< largest norm of the gradient
  double average = 0.99;       ///< decay of the moving average of the weights
  double second_decay = 0.99;  ///< of the moving average of squared gradients
};

/// \brief AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101). All its state is in the open, so that a
/// checkpoint needs no pickle.
class AveragedOptimiser {
 public:
  AveragedOptimiser(const torch::nn::Module& network, const AveragedOptimiserOptions& options);

  /// \brief One update from the gradients in the parameters. \param step counted from 1
  void update(torch::nn::Module& network, std::int64_t step, double learning_rate);

  /// \brief Writes weights, averages and moments by the names of the parameters.
  void save(const torch::nn::Module& network, io::ModelFile& file) const;
  /// \brief Reads what `save` wrote, the network's weights too. \throws Error(input) when shapes differ
  void load(torch::nn::Module& network, const io::ModelFile& file);

  Tensors average;  ///< of the weights
  Tensors best;     ///< set by the caller, kept in checkpoints

 private:
  AveragedOptimiserOptions options_;
  Tensors first_{};
  Tensors second_{};
};

}  // namespace manifill::prior
