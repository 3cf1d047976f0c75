#include "manifill/prior/score_network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <numbers>
#include <sstream>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/domain/sphere.hpp"
#include "manifill/prior/precision.hpp"
#include "manifill/prior/spectral_transform.hpp"

namespace manifill::prior {
namespace {

constexpr std::int64_t kLevelWaves = 4;   // sinusoids of the noise level
constexpr std::int64_t kSeasonWaves = 2;  // annual and semi-annual
constexpr std::int64_t kEmbedded = 1 + 2 * (kLevelWaves + kSeasonWaves);
constexpr std::size_t kMostBlocks = 64;
constexpr double kLevelScale = 10.0;  // log-SNR is within -10 to 10

torch::Tensor as_tensor(const Eigen::MatrixXd& m) {
  // Row-major [row][column] of a column-major matrix.
  const Eigen::MatrixXd turned = m.transpose();
  return torch::from_blob(const_cast<double*>(turned.data()), {m.rows(), m.cols()}, torch::kFloat64).clone();
}

torch::Tensor as_tensor(const Eigen::VectorXd& v) {
  return torch::from_blob(const_cast<double*>(v.data()), {v.size()}, torch::kFloat64).clone();
}

torch::Tensor column(const torch::Tensor& v) { return v.unsqueeze(1); }

/// Where points are: sine and cosine of latitude and, if wanted, of longitude; off the sphere the coordinates
/// over their extent. [1][channel][row][column]
torch::Tensor place_of(const domain::Domain& domain, const GridTopology& t, const std::string& place) {
  if (place == "none") return torch::zeros({1, 0, t.rows, t.columns});
  std::vector<torch::Tensor> channels;
  if (domain.spherical()) {
    const auto latitude = domain::kDegree * torch::tensor(domain.latitudes(), torch::kFloat64);
    channels = {torch::sin(latitude), torch::cos(latitude)};
    if (place == "position") {
      const auto longitude = domain::kDegree * torch::tensor(domain.longitudes(), torch::kFloat64);
      channels.push_back(torch::sin(longitude));
      channels.push_back(torch::cos(longitude));
    }
  } else {
    for (std::size_t c = 0; c < (domain.kind() == domain::DomainKind::plane ? 2U : 3U); ++c) {
      std::vector<double> x;
      for (const auto& p : domain.points()) x.push_back(p[c]);
      const auto [low, high] = std::minmax_element(x.begin(), x.end());
      const double middle = 0.5 * (*low + *high);
      const double half = std::max(0.5 * (*high - *low), 1e-300);
      channels.push_back((torch::tensor(x, torch::kFloat64) - middle) / half);
    }
  }
  return torch::stack(channels).view({1, -1, t.rows, t.columns}).to(torch::kFloat32);
}

}  // namespace

struct GaussianDenoiser::Impl {
  /// Eigenbasis of one season bin, in one precision.
  struct Basis {
    torch::Tensor modes{};     // [mode][point]
    torch::Tensor weighted{};  // [point][mode], times relative weight
    torch::Tensor variance{};  // [1][mode + 1]; the last is that of all directions off the modes
  };

  explicit Impl(const Backbone& b) : backbone(b), weights(as_tensor(b.relative_weights())) {}

  Backbone backbone;
  torch::Tensor weights;  // [point], float64
  std::mutex mutex{};
  std::map<std::pair<std::size_t, torch::ScalarType>, Basis> bases{};

  const Basis& basis(std::size_t bin, torch::ScalarType type) {
    const std::lock_guard<std::mutex> lock(mutex);
    const auto found = bases.find({bin, type});
    if (found != bases.end()) return found->second;
    const CovarianceFactor& f = backbone.factor(bin);
    Basis b;
    Eigen::VectorXd variance(f.variance.size() + 1);
    variance << (f.variance.array() + f.residual).matrix(), f.residual;
    const auto modes = as_tensor(f.modes);
    b.modes = modes.t().contiguous().to(type);
    b.weighted = (modes * column(weights)).contiguous().to(type);
    b.variance = as_tensor(variance).unsqueeze(0).to(type);
    return bases.emplace(std::make_pair(bin, type), std::move(b)).first->second;
  }

  /// Calls f(bin, rows) for every season bin of a batch; rows are undefined when all samples share the bin.
  template <typename F>
  void for_each_bin(const std::vector<double>& season, std::int64_t batch, F f) const {
    if (season.size() != 1 && static_cast<std::int64_t>(season.size()) != batch)
      throw Error(ErrorKind::internal, fmt::format("{} seasons for a batch of {}", season.size(), batch));
    std::map<std::size_t, std::vector<std::int64_t>> rows;
    for (std::size_t k = 0; k < season.size(); ++k)
      rows[backbone.season_bin(season[k])].push_back(static_cast<std::int64_t>(k));
    for (const auto& [bin, of_bin] : rows)
      f(bin, rows.size() == 1 ? torch::Tensor() : torch::tensor(of_bin, torch::kLong));
  }

  /// Number of directions behind each entry of Basis::variance: [mode + 1], float64.
  [[nodiscard]] torch::Tensor multiplicity(const Basis& b) const {
    auto count = torch::ones({b.variance.size(1)}, torch::kFloat64);
    count[-1] = static_cast<double>(weights.size(0) - b.variance.size(1) + 1);
    return count;
  }
};

GaussianDenoiser::GaussianDenoiser(const Backbone& backbone) : impl_(std::make_shared<Impl>(backbone)) {}

const Backbone& GaussianDenoiser::backbone() const { return impl_->backbone; }

std::int64_t GaussianDenoiser::points() const { return impl_->weights.size(0); }

torch::Tensor GaussianDenoiser::relative_weights(torch::ScalarType type) const {
  return impl_->weights.to(type);
}

torch::Tensor GaussianDenoiser::apply(const torch::Tensor& x, const torch::Tensor& lambda,
                                      const std::vector<double>& season, const Gain& gain) const {
  const auto level = lambda.to(x.scalar_type());
  const auto one_bin = [&](std::size_t bin, const torch::Tensor& fields, const torch::Tensor& levels) {
    const Impl::Basis& b = impl_->basis(bin, x.scalar_type());
    const auto g = gain(b.variance, column(alpha_of(levels)), column(sigma_of(levels)));
    const std::int64_t modes = b.variance.size(1) - 1;
    const auto rest = g.narrow(1, modes, 1);
    return torch::matmul((g.narrow(1, 0, modes) - rest) * torch::matmul(fields, b.weighted), b.modes) +
           rest * fields;
  };
  torch::Tensor out;
  impl_->for_each_bin(season, x.size(0), [&](std::size_t bin, const torch::Tensor& rows) {
    if (!rows.defined()) {
      out = one_bin(bin, x, level);
      return;
    }
    if (!out.defined()) out = torch::zeros_like(x);
    out = out.index_add(0, rows, one_bin(bin, x.index_select(0, rows), level.index_select(0, rows)));
  });
  return out;
}

torch::Tensor GaussianDenoiser::denoise(const torch::Tensor& x_t, const torch::Tensor& lambda,
                                        const std::vector<double>& season) const {
  return apply(x_t, lambda, season, [](const auto& variance, const auto& alpha, const auto& sigma) {
    return alpha * variance / (alpha * alpha * variance + sigma * sigma);
  });
}

torch::Tensor GaussianDenoiser::whiten(const torch::Tensor& x_t, const torch::Tensor& lambda,
                                       const std::vector<double>& season) const {
  return apply(x_t, lambda, season, [](const auto& variance, const auto& alpha, const auto& sigma) {
    return torch::rsqrt(alpha * alpha * variance + sigma * sigma);
  });
}

torch::Tensor GaussianDenoiser::colour(const torch::Tensor& white, const torch::Tensor& lambda,
                                       const std::vector<double>& season) const {
  return apply(white, lambda, season, [](const auto& variance, const auto& alpha, const auto& sigma) {
    return torch::sqrt(alpha * alpha * variance + sigma * sigma);
  });
}

torch::Tensor GaussianDenoiser::whiten_clean(const torch::Tensor& x0,
                                             const std::vector<double>& season) const {
  return apply(x0, torch::zeros({x0.size(0)}, x0.options()), season,
               [](const auto& variance, const auto& alpha, const auto&) {
                 return torch::rsqrt(variance).expand({alpha.size(0), variance.size(1)});
               });
}

torch::Tensor GaussianDenoiser::colour_clean(const torch::Tensor& white,
                                             const std::vector<double>& season) const {
  return apply(white, torch::zeros({white.size(0)}, white.options()), season,
               [](const auto& variance, const auto& alpha, const auto&) {
                 return torch::sqrt(variance).expand({alpha.size(0), variance.size(1)});
               });
}

torch::Tensor GaussianDenoiser::error_scale(const torch::Tensor& lambda,
                                            const std::vector<double>& season) const {
  const auto level = lambda.to(torch::kFloat64);
  auto out = torch::empty({level.size(0)}, torch::kFloat64);
  impl_->for_each_bin(season, level.size(0), [&](std::size_t bin, const torch::Tensor& rows) {
    const Impl::Basis& b = impl_->basis(bin, torch::kFloat64);
    const auto of_bin = rows.defined() ? level.index_select(0, rows) : level;
    const auto alpha = column(alpha_of(of_bin));
    const auto noise = column(sigma_of(of_bin)).square();
    const auto error = b.variance * noise / (alpha * alpha * b.variance + noise);
    const auto scale =
        torch::sqrt(torch::matmul(error, impl_->multiplicity(b)) / static_cast<double>(points()));
    if (rows.defined())
      out.index_copy_(0, rows, scale);
    else
      out = scale;
  });
  return out.to(lambda.scalar_type());
}

torch::Tensor GaussianDenoiser::log_volume(std::int64_t batch, const std::vector<double>& season) const {
  auto out = torch::empty({batch}, torch::kFloat64);
  impl_->for_each_bin(season, batch, [&](std::size_t bin, const torch::Tensor& rows) {
    const Impl::Basis& b = impl_->basis(bin, torch::kFloat64);
    const auto log_determinant = -0.5 * torch::dot(b.variance[0].log(), impl_->multiplicity(b));
    if (rows.defined())
      out.index_fill_(0, rows, log_determinant);
    else
      out.fill_(log_determinant);
  });
  return out;
}

torch::Tensor GaussianDenoiser::log_density(const torch::Tensor& x0,
                                            const std::vector<double>& season) const {
  const auto white = whiten_clean(x0.to(torch::kFloat64), season);
  const double constant = 0.5 * impl_->weights.log().sum().item<double>() -
                          0.5 * static_cast<double>(points()) * std::log(2.0 * std::numbers::pi);
  return -0.5 * (impl_->weights * white.square()).sum(1) + log_volume(x0.size(0), season) + constant;
}

std::vector<OptionSpec> ScoreNetworkOptions::specs() {
  const ScoreNetworkOptions d;
  return {
      {.key = "score.network",
       .help = "kind of score network: auto takes conv on grids of rows, graph on points in no rows",
       .fallback = d.network,
       .choices = {"auto", "conv", "unet", "sfno", "graph"}},
      {.key = "score.width",
       .help = "channels of the score network",
       .fallback = d.width,
       .lowest = 1,
       .highest = 1024},
      {.key = "score.dilations",
       .help = "dilations of the score network's residual blocks, cells; conv",
       .fallback = d.dilations},
      {.key = "score.levels",
       .help = "levels of the score network's residual blocks, 4^level points in one; graph, unet",
       .fallback = d.levels},
      {.key = "score.blocks",
       .help = "residual blocks of the score network; sfno",
       .fallback = d.blocks,
       .lowest = 0,
       .highest = static_cast<double>(kMostBlocks)},
      {.key = "score.degree",
       .help = "highest degree of the score network's kernels, 0: the highest that the grid resolves; sfno",
       .fallback = d.degree,
       .lowest = 0,
       .highest = 8191},
      {.key = "score.knots",
       .help = "degrees at which the score network's kernels are given; sfno",
       .fallback = d.knots,
       .lowest = 2,
       .highest = 64},
      {.key = "score.dropout",
       .help = "share of the score network's channels dropped in training",
       .fallback = d.dropout,
       .lowest = 0,
       .highest = 0.9},
      {.key = "score.embedding",
       .help = "hidden units that carry noise level and season into the score network",
       .fallback = d.embedding,
       .lowest = 1,
       .highest = 1024},
      {.key = "score.place",
       .help = "what the score network knows of where it is",
       .fallback = d.place,
       .choices = {"none", "latitude", "position"}},
  };
}

ScoreNetworkOptions ScoreNetworkOptions::from(const Config& c) {
  ScoreNetworkOptions o;
  o.network = c.text("score.network");
  o.width = c.integer("score.width");
  o.dilations = c.list("score.dilations");
  o.levels = c.list("score.levels");
  o.blocks = c.integer("score.blocks");
  o.degree = c.integer("score.degree");
  o.knots = c.integer("score.knots");
  o.dropout = c.real("score.dropout");
  o.embedding = c.integer("score.embedding");
  o.place = c.text("score.place");
  return o;
}

ScoreNetworkOptions ScoreNetworkOptions::resolved(const domain::Domain& domain) const {
  ScoreNetworkOptions o = *this;
  if (o.network == "auto") o.network = in_rows(domain) ? "conv" : "graph";
  if (o.network != "sfno") return o;
  try {
    const std::int64_t resolved = resolved_degree(domain);
    if (o.degree == 0) o.degree = resolved;
  } catch (const Error& error) {
    throw Error(ErrorKind::usage, fmt::format("the score network sfno: {}", error.what()),
                {.remedy = "Set score.network to auto, conv or graph"});
  }
  return o;
}

std::string ScoreNetworkOptions::to_text() const {
  return fmt::format(
      "score.network={}\nscore.width={}\nscore.dilations={}\nscore.levels={}\nscore.blocks={}\n"
      "score.degree={}\nscore.knots={}\nscore.dropout={}\nscore.embedding={}\nscore.place={}\n",
      network, width, fmt::join(dilations, ","), fmt::join(levels, ","), blocks, degree, knots, dropout,
      embedding, place);
}

namespace {

GridTopology topology_of(const std::shared_ptr<const PointGraph>& graph) {
  return {.rows = static_cast<std::int64_t>(graph->size()), .columns = 1, .graph = graph};
}

/// Levels of the blocks, checked. \throws Error(usage)
std::vector<std::size_t> block_levels(const std::vector<double>& levels) {
  constexpr double most = 12.0;  // 4^12 points in one: beyond, no sphere has points enough
  std::vector<std::size_t> out;
  for (const double level : levels) {
    if (!(level >= 0.0 && level <= most && level == std::floor(level)))
      throw Error(ErrorKind::usage, fmt::format("a level of {} of a score network", level),
                  {.remedy = fmt::format("Set score.levels to whole numbers from 0 to {}", most)});
    out.push_back(static_cast<std::size_t>(level));
  }
  return out;
}

}  // namespace

void ScoreNetworkImpl::add_block(std::shared_ptr<FieldLayer> first, std::shared_ptr<FieldLayer> second) {
  modulation_->push_back(torch::nn::Linear(options_.embedding, 2 * options_.width));
  first_->push_back(std::move(first));
  second_->push_back(std::move(second));
}

ScoreNetworkImpl::ScoreNetworkImpl(const domain::Domain& domain, const ScoreNetworkOptions& options,
                                   std::uint64_t seed, std::int64_t conditions)
    : options_(options.resolved(domain)),
      conditions_(conditions),
      generator_(at::detail::createCPUGenerator(seed)) {
  const bool spectral = options_.network == "sfno";
  std::int64_t coarser = 0;
  if (options_.network == "graph" || options_.network == "unet") {
    block_level_ = block_levels(options_.levels);
    for (const std::size_t level : block_level_)
      coarser = std::max(coarser, static_cast<std::int64_t>(level));
  }
  if (options_.network == "unet") grids_ = grid_levels(domain, coarser);
  if (options_.network == "graph") {
    levels_ = point_levels(domain, coarser);
    topology_ = topology_of(levels_.front().graph);
  } else {
    topology_ = GridTopology::of(domain);
  }
  const auto area = domain.weights();
  const auto n = static_cast<std::int64_t>(domain.size());
  weights_ = register_buffer("weights", torch::ones({n}));
  for (std::int64_t i = 0; i < n && !spectral; ++i)
    weights_.data_ptr<float>()[i] =
        static_cast<float>(area[static_cast<std::size_t>(i)] * static_cast<double>(n));
  place_ = register_buffer("place", place_of(domain, topology_, options_.place));

  const std::int64_t width = options_.width;
  const std::int64_t features = 3 + place_.size(1);
  embedding_ = torch::nn::Linear(kEmbedded, options_.embedding);
  modulation_ = torch::nn::ModuleList();
  first_ = torch::nn::ModuleList();
  second_ = torch::nn::ModuleList();
  const auto kernel = [&](std::int64_t in) {
    return std::make_shared<SphericalConvImpl>(in, width, options_.degree, options_.knots, domain);
  };
  const auto window = [&](std::int64_t in, std::int64_t out, std::int64_t dilation, const GridTopology& t) {
    return std::make_shared<GridConvImpl>(in, out, dilation, t);
  };
  if (spectral) {
    entry_ = kernel(features);
    head_ = std::make_shared<PointwiseConvImpl>(width, 1);
    for (std::int64_t k = 0; k < options_.blocks; ++k)
      add_block(kernel(width), std::make_shared<PointwiseConvImpl>(width, width));
  } else {
    entry_ = window(features, width, 1, topology_);
    head_ = window(width, 1, 1, topology_);
  }
  if (conditions_ > 0)
    condition_ = spectral ? std::shared_ptr<FieldLayer>(kernel(conditions_))
                          : std::shared_ptr<FieldLayer>(window(conditions_, width, 1, topology_));
  for (const std::size_t level : block_level_) {
    const auto t = grids_.empty() ? topology_of(levels_[level].graph) : grids_[level].topology();
    add_block(window(width, width, 1, t), window(width, width, 1, t));
  }
  if (options_.network == "conv")
    for (const auto dilation : topology_.whole_dilations(options_.dilations, "score.dilations"))
      add_block(window(width, width, dilation, topology_), window(width, width, dilation, topology_));
  register_module("entry", entry_);
  register_module("head", head_);
  register_module("embedding", embedding_);
  register_module("modulation", modulation_);
  register_module("first", first_);
  register_module("second", second_);
  // The last, so that the others' initial weights are those of a network without.
  if (condition_) register_module("condition", condition_);

  const torch::NoGradGuard frozen;
  for (auto& layer : modules(false)) {
    const auto own = layer->parameters(false);
    if (own.empty()) continue;
    const double bound =
        std::sqrt(6.0 / static_cast<double>(own[0][0].numel()));  // He et al. 2015, arXiv 1502.01852
    // Biases too: silu's odd part is linear, so that without them nothing but the mean could be learned of a
    // symmetric distribution in the first steps.
    own[0].uniform_(-bound, bound, generator_);
    if (own.size() > 1) own[1].uniform_(-1.0, 1.0, generator_);
  }
  // The whole starts at nothing; blocks are unmodulated and add little.
  head_->zero();
  if (condition_) condition_->zero();
  const double share = 1.0 / std::sqrt(static_cast<double>(second_->size() + 1));
  for (std::size_t k = 0; k < second_->size(); ++k) {
    for (auto p : second_[k]->parameters()) p.mul_(share);
    for (auto p : modulation_[k]->parameters()) p.zero_();
  }
}

void ScoreNetworkImpl::seed_dropout(std::uint64_t seed) { generator_.set_current_seed(seed); }

torch::Tensor ScoreNetworkImpl::embed(const torch::Tensor& lambda, const std::vector<double>& season) const {
  const std::int64_t batch = lambda.size(0);
  const auto level = lambda.to(torch::kFloat64) / kLevelScale;
  const auto turn = 2.0 * std::numbers::pi * torch::tensor(season, torch::kFloat64).expand({batch});
  std::vector<torch::Tensor> waves{level};
  for (std::int64_t k = 1; k <= kLevelWaves; ++k) {
    const auto angle = (0.5 * std::numbers::pi * static_cast<double>(k)) * level;
    waves.push_back(torch::cos(angle));
    waves.push_back(torch::sin(angle));
  }
  for (std::int64_t k = 1; k <= kSeasonWaves; ++k) {
    waves.push_back(torch::cos(static_cast<double>(k) * turn));
    waves.push_back(torch::sin(static_cast<double>(k) * turn));
  }
  return torch::stack(waves, 1);
}

/// Whole channels at random, from this network's own stream.
torch::Tensor ScoreNetworkImpl::drop(const torch::Tensor& h) {
  if (!is_training() || options_.dropout <= 0.0) return h;
  const double kept = 1.0 - options_.dropout;
  const auto mask = torch::rand({h.size(0), h.size(1), 1, 1}, generator_, h.options()).lt(kept);
  return h * mask.to(h.scalar_type()).div_(kept);
}

/// Channels of the domain at the level of a block.
torch::Tensor ScoreNetworkImpl::pool(std::size_t block, const torch::Tensor& h) const {
  if (block_level_.empty() || block_level_[block] == 0) return h;
  return grids_.empty() ? levels_[block_level_[block]].pool(h) : grids_[block_level_[block]].pool(h);
}

torch::Tensor ScoreNetworkImpl::unpool(std::size_t block, const torch::Tensor& h) const {
  if (block_level_.empty() || block_level_[block] == 0) return h;
  return grids_.empty() ? levels_[block_level_[block]].unpool(h) : grids_[block_level_[block]].unpool(h);
}

void ScoreNetworkImpl::weigh(const Backbone& backbone) {
  if (options_.network == "sfno") return;
  const torch::NoGradGuard frozen;
  const Eigen::VectorXf weights = backbone.relative_weights().cast<float>();
  std::copy(weights.data(), weights.data() + weights.size(), weights_.data_ptr<float>());
}

torch::Tensor ScoreNetworkImpl::forward(const torch::Tensor& x_t, const torch::Tensor& gaussian,
                                        const torch::Tensor& lambda, const std::vector<double>& season,
                                        const torch::Tensor& scale, const torch::Tensor& condition) {
  if (const std::int64_t told = condition.defined() ? condition.size(1) : 0; told != conditions_)
    throw Error(ErrorKind::internal,
                fmt::format("a network of {} conditions was told {}", conditions_, told));
  const auto type = weights_.scalar_type();
  const std::int64_t batch = x_t.size(0);
  const auto x = x_t.to(type);
  const auto mean = gaussian.to(type);
  const auto alpha = column(alpha_of(lambda).to(type));
  const auto sigma = column(sigma_of(lambda).to(type));
  const auto size = torch::rsqrt(alpha * alpha + sigma * sigma / weights_);
  const auto noise = (x - alpha * mean) / sigma * torch::sqrt(weights_);
  const auto fields =
      torch::stack({x * size, mean, noise}, 1).view({batch, 3, topology_.rows, topology_.columns});
  const auto place = place_.expand({batch, place_.size(1), topology_.rows, topology_.columns});

  const auto embedded = torch::silu(embedding_(embed(lambda, season).to(type)));
  // What blocks add to stays as it is where their convolutions are of fewer bits.
  const BfloatScope scope(bfloat && is_training());
  auto h = entry_->forward(torch::cat({fields, place}, 1)).to(type);
  if (condition_)
    h = h + condition_->forward(
                condition.to(type).reshape({batch, conditions_, topology_.rows, topology_.columns}));
  for (std::size_t k = 0; k < first_->size(); ++k) {
    const auto m = modulation_[k]->as<torch::nn::LinearImpl>()->forward(embedded).unsqueeze(2).unsqueeze(3);
    auto inner = first_[k]->as<FieldLayer>()->forward(torch::silu(pool(k, h))).to(type);
    inner = inner * (1.0 + m.narrow(1, 0, options_.width)) + m.narrow(1, options_.width, options_.width);
    h = h + unpool(k, second_[k]->as<FieldLayer>()->forward(drop(torch::silu(inner))).to(type));
  }
  const auto out = head_->forward(torch::silu(h)).reshape({batch, weights_.size(0)});
  return out.to(x_t.scalar_type()) * column(scale.to(x_t.scalar_type()));
}

namespace {

io::ModelFile::Shape shape_of(const torch::Tensor& t) {
  io::ModelFile::Shape shape;
  for (const auto extent : t.sizes()) shape.push_back(static_cast<std::size_t>(extent));
  return shape;
}

/// Shape of the largest parameters of each block.
io::ModelFile::Shape block_shape(const ScoreNetworkOptions& o, bool rows) {
  const auto width = static_cast<std::size_t>(o.width);
  if (o.network == "sfno") return {width, static_cast<std::size_t>(o.knots) * width};
  if ((o.network == "conv" && rows) || o.network == "unet") return {width, width, 3, 3};
  return {width, static_cast<std::size_t>(GraphStencil::kTaps) * width, 1, 1};
}

}  // namespace

void save_score(const ScoreNetwork& network, io::ModelFile& file, const std::string& group) {
  file.put_text(group + "/options", network->options().to_text());
  for (const auto& p : network->named_parameters()) {
    const auto dense = p.value().detach().to(torch::kFloat32).contiguous();
    const auto* data = dense.data_ptr<float>();
    file.put_floats(group + "/" + p.key(), shape_of(dense), std::vector<float>(data, data + dense.numel()));
  }
}

ScoreNetwork load_score(const io::ModelFile& file, const domain::Domain& domain, const std::string& group,
                        std::int64_t conditions) {
  if (!file.has(group + "/options")) return nullptr;
  const auto bad = [&](const std::string& what) {
    return Error(ErrorKind::input, "not a usable " + group + " network: " + what,
                 {.file = file.path(), .remedy = "Fetch or train the model again"});
  };
  ScoreNetwork network{nullptr};
  try {
    Config config(ScoreNetworkOptions::specs());
    config.set("score.network=conv");  // of files that name none
    std::istringstream lines(file.text(group + "/options"));
    for (std::string line; std::getline(lines, line);)
      if (!line.empty()) config.set(line);
    const auto options = ScoreNetworkOptions::from(config);
    if (options.network == "auto") throw bad("its kind is not named");
    const std::size_t blocks = options.network == "sfno"   ? static_cast<std::size_t>(options.blocks)
                               : options.network == "conv" ? options.dilations.size()
                                                           : options.levels.size();
    if (blocks > kMostBlocks) throw bad("it has too many blocks");
    // The file must hold what the options claim before memory is set aside for it.
    const char* name = options.network == "sfno" ? "{}/first.{}.mix" : "{}/first.{}.conv.weight";
    for (std::size_t k = 0; k < blocks; ++k)
      static_cast<void>(
          file.floats(fmt::format(fmt::runtime(name), group, k), block_shape(options, in_rows(domain))));
    network = ScoreNetwork(domain, options, 1, conditions);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::usage) throw;
    throw bad(error.what());
  }
  const torch::NoGradGuard frozen;
  for (auto& p : network->named_parameters()) {
    const auto& values = file.floats(group + "/" + p.key(), shape_of(p.value()));
    if (!std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }))
      throw bad("'" + p.key() + "' has values that are not finite");
    p.value().copy_(torch::from_blob(const_cast<float*>(values.data()), p.value().sizes(), torch::kFloat32));
  }
  network->eval();
  return network;
}

}  // namespace manifill::prior
