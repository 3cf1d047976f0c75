#pragma once
/// \file
/// \brief Differentiable objectives of flow training.

#include <functional>
#include <vector>

#include "manifill/posterior/gaussian_window.hpp"
#include "manifill/prior/backbone.hpp"
#include "manifill/prior/torch.hpp"

namespace manifill::posterior {

/// \brief Closed-form CRPS of N(mean, sd^2) (Gneiting et al. 2005, eq. 5), averaged with weights.
/// \param mean, sd, truth, weight [batch][point]
torch::Tensor gaussian_crps(const torch::Tensor& mean, const torch::Tensor& sd, const torch::Tensor& truth,
                            const torch::Tensor& weight);

/// \brief Closed-form CRPS of N(mean, sd^2) whose values beyond bounds are held at them, averaged with
/// weights: the integral of (F(x) - 1[x >= truth])^2 between the bounds (Jordan et al. 2019, J. Stat. Softw.
/// 90(12), censored normal). \param low, high bounds [batch][point]; truth within them
torch::Tensor censored_gaussian_crps(const torch::Tensor& mean, const torch::Tensor& sd,
                                     const torch::Tensor& low, const torch::Tensor& high,
                                     const torch::Tensor& truth, const torch::Tensor& weight);

/// \brief Fair CRPS of members, averaged with weights. \param members [batch][member][point]; truth, weight
/// [batch][point]
torch::Tensor fair_crps(const torch::Tensor& members, const torch::Tensor& truth,
                        const torch::Tensor& weight);

/// \brief Fair energy score with the norm sqrt(sum w d^2 / sum w) of the whole field, mean over the batch.
torch::Tensor energy_score(const torch::Tensor& members, const torch::Tensor& truth,
                           const torch::Tensor& weight);

/// \brief Fair energy score of square patches, which sees the joint law of near cells where the whole field's
/// norm hardly does (Pacchiardi et al. 2024, JMLR 25, patched scores). \param rows, columns grid; \param
/// patch cells a side
torch::Tensor patch_energy_score(const torch::Tensor& members, const torch::Tensor& truth,
                                 const torch::Tensor& weight, std::int64_t rows, std::int64_t columns,
                                 std::int64_t patch);

/// \brief Fair CRPS of the differences of values 1, 2 and 4 cells apart along rows and columns, mean of them:
/// the scores above hardly see grain that is far smaller than a field's errors (Scheuerer and Hamill 2015,
/// Mon. Weather Rev. 143:1321, on scores of differences). \param rows, columns grid
torch::Tensor difference_crps(const torch::Tensor& members, const torch::Tensor& truth,
                              const torch::Tensor& weight, std::int64_t rows, std::int64_t columns);

/// \brief A scalar of a field whose gradient is computed outside torch, as a differentiable function.
/// \param x [batch][point]; \param evaluate fills values [batch] and gradients [batch][point] from x
torch::Tensor external_scalar(const torch::Tensor& x,
                              const std::function<void(const torch::Tensor& x, torch::Tensor& values,
                                                       torch::Tensor& gradients)>& evaluate);

/// \brief Misfit (y - A X)^2 / (2 sigma^2) to the observations of the centres, the negative log-likelihood up
/// to a constant: [batch], differentiable. \param x [batch][point], normalised by `backbone` \param windows
/// [batch]; one without observations at its centre has none
torch::Tensor misfit(const torch::Tensor& x, const std::vector<Window>& windows,
                     const prior::Backbone& backbone);

}  // namespace manifill::posterior
