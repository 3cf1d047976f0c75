#include "manifill/prior/averaged_optimiser.hpp"

#include <algorithm>
#include <cmath>

namespace manifill::prior {
namespace {

void put(io::ModelFile& file, const std::string& group, const torch::nn::Module& network,
         const Tensors& tensors) {
  const auto names = network.named_parameters().keys();
  for (std::size_t k = 0; k < tensors.size(); ++k) {
    const auto dense = tensors[k].detach().contiguous();
    io::ModelFile::Shape shape;
    for (const auto extent : dense.sizes()) shape.push_back(static_cast<std::size_t>(extent));
    file.put_floats(group + "/" + names[k], shape,
                    std::vector<float>(dense.data_ptr<float>(), dense.data_ptr<float>() + dense.numel()));
  }
}

void get(const io::ModelFile& file, const std::string& group, const torch::nn::Module& network,
         Tensors& tensors) {
  const auto names = network.named_parameters().keys();
  for (std::size_t k = 0; k < tensors.size(); ++k) {
    io::ModelFile::Shape shape;
    for (const auto extent : tensors[k].sizes()) shape.push_back(static_cast<std::size_t>(extent));
    const auto& values = file.floats(group + "/" + names[k], shape);
    tensors[k].copy_(
        torch::from_blob(const_cast<float*>(values.data()), tensors[k].sizes(), torch::kFloat32));
  }
}

}  // namespace

Tensors copies(const torch::nn::Module& network) {
  Tensors out;
  for (const auto& p : network.parameters()) out.push_back(p.detach().clone());
  return out;
}

void assign(torch::nn::Module& network, const Tensors& values) {
  const torch::NoGradGuard frozen;
  const auto parameters = network.parameters();
  for (std::size_t k = 0; k < parameters.size(); ++k) parameters[k].copy_(values[k]);
}

AveragedOptimiser::AveragedOptimiser(const torch::nn::Module& network,
                                     const AveragedOptimiserOptions& options)
    : average(copies(network)), best(copies(network)), options_(options) {
  for (const auto& p : average) {
    first_.push_back(torch::zeros_like(p));
    second_.push_back(torch::zeros_like(p));
  }
}

void AveragedOptimiser::update(torch::nn::Module& network, std::int64_t step, double learning_rate) {
  const torch::NoGradGuard frozen;
  constexpr double kFirst = 0.9;
  const double kept_square = options_.second_decay;
  auto parameters = network.parameters();
  torch::nn::utils::clip_grad_norm_(parameters, options_.clip);
  const auto count = static_cast<double>(step);
  // A short memory at first, or the average would drag the starting point along.
  const double kept = std::min(options_.average, (1.0 + count) / (10.0 + count));
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    auto& p = parameters[k];
    if (!p.requires_grad()) continue;  // held, to the last digit
    const auto& g = p.grad();
    if (g.defined()) {  // a part that this step's loss does not reach has none
      first_[k].mul_(kFirst).add_(g, 1.0 - kFirst);
      second_[k].mul_(kept_square).addcmul_(g, g, 1.0 - kept_square);
      if (p.dim() > 1) p.mul_(1.0 - learning_rate * options_.weight_decay);
      const auto size = torch::sqrt(second_[k] / (1.0 - std::pow(kept_square, count))).add_(1e-8);
      p.addcdiv_(first_[k], size, -learning_rate / (1.0 - std::pow(kFirst, count)));
    }
    average[k].mul_(kept).add_(p, 1.0 - kept);
  }
}

void AveragedOptimiser::save(const torch::nn::Module& network, io::ModelFile& file) const {
  put(file, "weights", network, copies(network));
  put(file, "average", network, average);
  put(file, "best", network, best);
  put(file, "first", network, first_);
  put(file, "second", network, second_);
}

void AveragedOptimiser::load(torch::nn::Module& network, const io::ModelFile& file) {
  const torch::NoGradGuard frozen;
  Tensors weights = copies(network);
  get(file, "weights", network, weights);
  assign(network, weights);
  get(file, "average", network, average);
  get(file, "best", network, best);
  get(file, "first", network, first_);
  get(file, "second", network, second_);
}

}  // namespace manifill::prior
