#pragma once
/// \file
/// \brief The denoiser of the prior: the backbone's, exact and linear, plus what a network adds to it.
///
/// D_theta(x_t) = D_G(x_t) + s(lambda) * network(...), eps_theta = (x_t - alpha D_theta) / sigma. The
/// network's last layer starts at zero, so that before training the prior is the backbone.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "manifill/base/config.hpp"
#include "manifill/domain/domain.hpp"
#include "manifill/io/model_file.hpp"
#include "manifill/prior/backbone.hpp"
#include "manifill/prior/grid_layers.hpp"
#include "manifill/prior/grid_level.hpp"
#include "manifill/prior/point_hierarchy.hpp"
#include "manifill/prior/schedule.hpp"
#include "manifill/prior/torch.hpp"

namespace manifill::prior {

/// \brief The backbone's Gaussian N(0, C) as differentiable batched functions; float32 or float64 as its
/// argument is.
///
/// Functions of C act in its eigenbasis, two products with the modes whatever the noise level: each sample of
/// a batch may have its own level and season. Seasons are fractions of the year, one a sample or one for all.
/// Cheap to copy; safe to call from several threads.
class GaussianDenoiser {
 public:
  /// \brief Gain of an eigendirection. \param variance [1][mode], eigenvalues of C; \param alpha, sigma
  /// [batch][1] \return [batch][mode]
  using Gain = std::function<torch::Tensor(const torch::Tensor& variance, const torch::Tensor& alpha,
                                           const torch::Tensor& sigma)>;

  explicit GaussianDenoiser(const Backbone& backbone);
  [[nodiscard]] const Backbone& backbone() const;
  [[nodiscard]] std::int64_t points() const;
  /// \brief Areas over their mean: [point].
  [[nodiscard]] torch::Tensor relative_weights(torch::ScalarType type = torch::kFloat32) const;

  /// \brief E[x0 | x_t]. \param x_t [batch][point], normalised; \param lambda [batch], log-SNR
  [[nodiscard]] torch::Tensor denoise(const torch::Tensor& x_t, const torch::Tensor& lambda,
                                      const std::vector<double>& season) const;
  /// \brief Root of the area-mean variance of x0 given x_t, the scale of the denoiser's errors: [batch],
  /// constant in x_t.
  [[nodiscard]] torch::Tensor error_scale(const torch::Tensor& lambda,
                                          const std::vector<double>& season) const;
  /// \brief x_t to white noise of variance 1 / relative_weight: (alpha^2 C + sigma^2)^(-1/2) x_t. Along the
  /// probability flow of the Gaussian it stays constant. \param x_t [batch][point]
  [[nodiscard]] torch::Tensor whiten(const torch::Tensor& x_t, const torch::Tensor& lambda,
                                     const std::vector<double>& season) const;
  /// \brief Inverse of whiten.
  [[nodiscard]] torch::Tensor colour(const torch::Tensor& white, const torch::Tensor& lambda,
                                     const std::vector<double>& season) const;
  /// \brief The limits of whiten and colour without noise: C^(-1/2) x0 and C^(1/2) white.
  [[nodiscard]] torch::Tensor whiten_clean(const torch::Tensor& x0, const std::vector<double>& season) const;
  [[nodiscard]] torch::Tensor colour_clean(const torch::Tensor& white,
                                           const std::vector<double>& season) const;
  /// \brief log N(x0; 0, C), as Backbone::log_density: [batch], float64. \param x0 [batch][point]
  [[nodiscard]] torch::Tensor log_density(const torch::Tensor& x0, const std::vector<double>& season) const;
  /// \brief log |det d whiten_clean / dx0|: [batch], float64.
  [[nodiscard]] torch::Tensor log_volume(std::int64_t batch, const std::vector<double>& season) const;

 private:
  struct Impl;
  [[nodiscard]] torch::Tensor apply(const torch::Tensor& x, const torch::Tensor& lambda,
                                    const std::vector<double>& season, const Gain& gain) const;
  std::shared_ptr<Impl> impl_;
};

/// \brief Shape of a score network (section [score]).
struct ScoreNetworkOptions {
  /// "conv": convolutions over rows and columns, or over neighbours where points come in no rows; "unet":
  /// convolutions on coarser and coarser grids of rows; "sfno": isotropic kernels on rings of the sphere;
  /// "graph": neighbours on several levels of points; "auto": "conv" on rows, "graph" on points
  std::string network = "auto";
  std::int64_t width = 40;                          ///< channels
  std::vector<double> dilations{1, 2, 4, 1, 2, 4};  ///< of the residual blocks, cells; conv
  std::vector<double> levels{0, 1, 2,
                             2, 1, 0};  ///< of the residual blocks: 4^level points in one; graph, unet
  std::int64_t blocks = 4;              ///< residual blocks; sfno
  std::int64_t degree = 0;              ///< highest degree of the kernels, 0: that the grid resolves; sfno
  std::int64_t knots = 6;               ///< degrees at which the kernels are given; sfno
  double dropout = 0.1;                 ///< share of channels dropped in training
  std::int64_t embedding = 64;          ///< hidden units that carry noise level and season into the blocks
  std::string place = "latitude";  ///< what the network knows of where it is: "none", "latitude", "position"

  static std::vector<OptionSpec> specs();
  static ScoreNetworkOptions from(const Config& config);
  /// \brief Without "auto" and degree 0. \throws Error(usage) when the network is not one for the domain
  [[nodiscard]] ScoreNetworkOptions resolved(const domain::Domain& domain) const;
  /// \brief As key=value, a line each.
  [[nodiscard]] std::string to_text() const;
};

/// \brief What is to be added to the backbone's denoiser.
///
/// Residual blocks of layers that respect the domain: dilated convolutions (conv), convolutions with
/// isotropic kernels (sfno), or windows at full resolution and among blocks of cells (unet) or maps of near
/// points among clusters of points (graph).
/// Noise level and season scale and shift the channels of every block (Perez et al. 2018, arXiv 1709.07871).
/// It sees x_t over its expected size, D_G(x_t), the backbone's noise estimate (x_t - alpha D_G) / sigma at
/// unit scale, and sine and cosine of latitude, with place = "position" those of longitude too. An sfno sees
/// x_t and the noise estimate as they are: sizes that depend on cell areas would turn with no rotation. With
/// place = "none" it commutes with rotations of the sphere as far as the grid resolves what it makes.
class ScoreNetworkImpl : public torch::nn::Module {
 public:
  /// \param seed of the initial weights; no global random state is read or changed \param conditions channels
  /// of a condition that it is told beside the field; their weights start at zero, so that a network with
  /// another's weights starts as that one \throws Error(usage) when network, dilations or levels do not fit
  /// the domain
  ScoreNetworkImpl(const domain::Domain& domain, const ScoreNetworkOptions& options, std::uint64_t seed = 1,
                   std::int64_t conditions = 0);

  /// \param x_t, gaussian [batch][point]: the noisy field and the backbone's D_G(x_t), normalised
  /// \param lambda [batch], log-SNR; \param season one a sample or one for all
  /// \param scale [batch], GaussianDenoiser::error_scale
  /// \param condition [batch][channel][row][column] of the domain, as many channels as `conditions`
  /// \return D_theta - D_G: [batch][point], of the type of x_t \throws Error(internal) where the condition is
  /// not what the network was made for
  torch::Tensor forward(const torch::Tensor& x_t, const torch::Tensor& gaussian, const torch::Tensor& lambda,
                        const std::vector<double>& season, const torch::Tensor& scale,
                        const torch::Tensor& condition = {});

  /// \brief Takes the weights that the backbone's noise has (`backbone.area_weights`) for the sizes of its
  /// inputs, in place of the domain's areas; an sfno knows none.
  void weigh(const Backbone& backbone);
  /// \brief As resolved for the domain.
  [[nodiscard]] const ScoreNetworkOptions& options() const { return options_; }
  [[nodiscard]] std::int64_t conditions() const { return conditions_; }
  /// \brief Starts the stream of dropped channels anew, so that a training step can be repeated.
  void seed_dropout(std::uint64_t seed);
  /// \brief Whether its convolutions are of bfloat16 values, as they may be while it is trained.
  bool bfloat = false;

 private:
  torch::Tensor embed(const torch::Tensor& lambda, const std::vector<double>& season) const;
  torch::Tensor drop(const torch::Tensor& h);
  torch::Tensor pool(std::size_t block, const torch::Tensor& h) const;
  torch::Tensor unpool(std::size_t block, const torch::Tensor& h) const;
  void add_block(std::shared_ptr<FieldLayer> first, std::shared_ptr<FieldLayer> second);

  ScoreNetworkOptions options_;
  std::int64_t conditions_;
  GridTopology topology_;
  std::vector<PointLevel> levels_{};        ///< graph; else empty
  std::vector<GridLevel> grids_{};          ///< unet; else empty
  std::vector<std::size_t> block_level_{};  ///< [block], graph and unet
  torch::Tensor weights_{};                 ///< [point], relative areas; 1 for an sfno
  torch::Tensor place_{};                   ///< [1][channel][row][column]
  std::shared_ptr<FieldLayer> entry_{};
  std::shared_ptr<FieldLayer> condition_{};  ///< where there are conditions
  std::shared_ptr<FieldLayer> head_{};
  torch::nn::Linear embedding_{nullptr};
  torch::nn::ModuleList modulation_{};
  torch::nn::ModuleList first_{};
  torch::nn::ModuleList second_{};
  at::Generator generator_;
};
TORCH_MODULE(ScoreNetwork);

/// \brief Writes the network: text "score/options", which names the network that was chosen, arrays
/// "score/<parameter>". \param group in place of "score"
void save_score(const ScoreNetwork& network, io::ModelFile& file, const std::string& group = "score");

/// \brief Reads a network; empty when the file has none. \param group as it was saved \param conditions of
/// the network \throws Error(input) when options or shapes do not fit the domain, or a weight is not finite
ScoreNetwork load_score(const io::ModelFile& file, const domain::Domain& domain,
                        const std::string& group = "score", std::int64_t conditions = 0);

}  // namespace manifill::prior
