#include "manifill/measurement/gaussian_blur.hpp"

#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "grid_steps.hpp"
#include "harmonic_map.hpp"
#include "manifill/base/error.hpp"
#include "manifill/operators/domain_laplacian.hpp"
#include "manifill/operators/laplacian_filter.hpp"

namespace manifill::measurement {
namespace {

constexpr double kReach = 4.0;            // widths, of an image's kernel
constexpr double kDamped = 0.01;          // of what harmonics leave out
constexpr double kHeatTolerance = 1e-10;  // of the response of the Laplacian's filter

/// The Gaussian along one axis: [pixel][pixel].
SparseMatrix axis_blur(std::size_t size, double width, EdgeRule rule) {
  const auto reach = static_cast<std::int64_t>(std::ceil(kReach * width));
  std::vector<double> weight;
  double total = 0.0;
  for (std::int64_t k = -reach; k <= reach; ++k) {
    weight.push_back(std::exp(-0.5 * std::pow(static_cast<double>(k) / width, 2)));
    total += weight.back();
  }
  const auto n = static_cast<Eigen::Index>(size);
  std::vector<Eigen::Triplet<double>> entries;
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t k = -reach; k <= reach; ++k)
      entries.emplace_back(static_cast<int>(i), static_cast<int>(fold(i + k, size, rule)),
                           weight[static_cast<std::size_t>(k + reach)] / total);
  SparseMatrix a(n, n);
  a.setFromTriplets(entries.begin(), entries.end());
  return a;
}

/// Blur along rows and columns of an image: A = R (x) C.
class PlaneBlur : public Operator {
 public:
  PlaneBlur(const domain::Domain& domain, double width, EdgeRule rule)
      : Operator(domain, domain, static_cast<Eigen::Index>(domain.size())),
        across_(axis_blur(domain.size() / domain.columns(), width, rule)),
        along_(axis_blur(domain.columns(), width, rule)) {}

  [[nodiscard]] Eigen::MatrixXd apply(const Eigen::Ref<const Eigen::MatrixXd>& x) const override {
    return both(x, across_, along_);
  }
  [[nodiscard]] Eigen::MatrixXd adjoint(const Eigen::Ref<const Eigen::MatrixXd>& y) const override {
    return both(y, across_.transpose(), along_.transpose());
  }
  [[nodiscard]] bool sparse() const override { return true; }

 private:
  [[nodiscard]] SparseMatrix make_matrix() const override {
    const double entries = static_cast<double>(across_.nonZeros()) * static_cast<double>(along_.nonZeros());
    if (12.0 * entries > kMostBytes)
      throw Error(ErrorKind::usage,
                  fmt::format("the matrix of gaussian_blur on {} takes {:.1f} GiB", from().describe(),
                              12.0 * entries / 1073741824.0),
                  {.remedy = "Give a smaller width, or cut the image into parts"});
    SparseMatrix a(values(), points());
    a.reserve(static_cast<Eigen::Index>(entries));
    for (Eigen::Index r = 0; r < across_.rows(); ++r)
      for (Eigen::Index c = 0; c < along_.rows(); ++c) {
        a.startVec(r * along_.rows() + c);
        for (SparseMatrix::InnerIterator p(across_, r); p; ++p)
          for (SparseMatrix::InnerIterator q(along_, c); q; ++q)
            a.insertBack(r * along_.rows() + c, p.col() * along_.rows() + q.col()) = p.value() * q.value();
      }
    a.finalize();
    return a;
  }

  static Eigen::MatrixXd both(const Eigen::Ref<const Eigen::MatrixXd>& x, const SparseMatrix& across,
                              const SparseMatrix& along) {
    Eigen::MatrixXd out(x.rows(), x.cols());
    for (Eigen::Index k = 0; k < x.cols(); ++k) {
      const Eigen::VectorXd column = x.col(k);
      const Eigen::Map<const Eigen::MatrixXd> image(column.data(), along.rows(),
                                                    across.rows());  // [column][row]
      const Eigen::MatrixXd half = along * image;
      const Eigen::MatrixXd turned = across * half.transpose();  // [row][column]
      const Eigen::MatrixXd back = turned.transpose();
      out.col(k) = Eigen::Map<const Eigen::VectorXd>(back.data(), x.rows());
    }
    return out;
  }
  SparseMatrix across_;
  SparseMatrix along_;
};

/// From points to the nodes of their Laplacian: [node][point]. A node of several points, as those of a pole,
/// has their mean; one of none, as the pole that a grid surrounds, the mean of the nodes around by their
/// weights.
SparseMatrix to_nodes(const operators::DomainLaplacian& d) {
  const auto nodes = static_cast<std::size_t>(d.laplacian.size());
  std::vector<std::vector<int>> of_node(nodes);
  for (std::size_t p = 0; p < d.of_point.size(); ++p) of_node[d.of_point[p]].push_back(static_cast<int>(p));
  std::vector<Eigen::Triplet<double>> entries;
  const auto add = [&](std::size_t node, std::size_t of, double weight) {
    for (const int p : of_node[of])
      entries.emplace_back(static_cast<int>(node), p, weight / static_cast<double>(of_node[of].size()));
  };
  for (std::size_t node = 0; node < nodes; ++node) {
    if (!of_node[node].empty()) {
      add(node, node, 1.0);
      continue;
    }
    double total = 0.0;
    const auto around = [&](const auto& action) {
      for (Eigen::SparseMatrix<double>::InnerIterator it(d.laplacian.stiffness,
                                                         static_cast<Eigen::Index>(node));
           it; ++it)
        if (const auto other = static_cast<std::size_t>(it.row());
            it.value() < 0.0 && !of_node[other].empty())
          action(other, -it.value());
    };
    around([&](std::size_t, double weight) { total += weight; });
    around([&](std::size_t other, double weight) { add(node, other, weight / total); });
  }
  SparseMatrix a(static_cast<Eigen::Index>(nodes), static_cast<Eigen::Index>(d.of_point.size()));
  a.setFromTriplets(entries.begin(), entries.end());
  return a;
}

OperatorPointer heat(const domain::Domain& domain, double width) {
  const auto d = operators::domain_laplacian(domain, 0.0);
  const auto filter = std::make_shared<const operators::ChebyshevFilter>(operators::ChebyshevFilter::within(
      d.laplacian, operators::heat_response(0.5 * width * width), kHeatTolerance));
  const auto in = std::make_shared<const SparseMatrix>(to_nodes(d));
  std::vector<Eigen::Triplet<double>> entries;
  for (std::size_t p = 0; p < d.of_point.size(); ++p)
    entries.emplace_back(static_cast<int>(p), static_cast<int>(d.of_point[p]), 1.0);
  auto out = std::make_shared<SparseMatrix>(in->cols(), in->rows());
  out->setFromTriplets(entries.begin(), entries.end());
  return mean_keeping(
      domain, [=](const Eigen::MatrixXd& x) -> Eigen::MatrixXd { return *out * filter->apply(*in * x); },
      [=](const Eigen::MatrixXd& y) -> Eigen::MatrixXd {
        return in->transpose() * filter->transposed(out->transpose() * y);
      });
}

OperatorPointer on_manifold(const domain::Domain& domain, const GaussianBlurOptions& o) {
  if (o.by == "laplacian") return heat(domain, o.width);
  const auto grid = rings_of(domain);
  if (o.by == "harmonics" && !grid)
    throw Error(ErrorKind::usage,
                fmt::format("gaussian_blur by harmonics is asked for on {}, which is no global grid of rings",
                            domain.describe()),
                {.remedy = "Set gaussian_blur.by to laplacian, or leave it out"});
  const double s = o.width / domain::kEarthRadiusKm;
  const auto gain = [s](std::int64_t l) {
    return std::exp(-0.5 * static_cast<double>(l) * static_cast<double>(l + 1) * s * s);
  };
  if (!grid) return heat(domain, o.width);
  const std::int64_t lmax = usable_degree(*grid);
  if (o.by == "auto" && gain(lmax) > kDamped) return heat(domain, o.width);
  return harmonic_map(domain, *grid, lmax, gain);
}

const OperatorRegistration kGaussianBlurRegistration(
    "gaussian_blur", "blur by a Gaussian; the heat kernel on the sphere and on surfaces",
    {{.key = "gaussian_blur.width",
      .help = "standard deviation: km on the sphere, pixels of an image, units of a mesh's coordinates",
      .fallback = 0.0,
      .lowest = 0.0},
     edge_option("gaussian_blur.edges"),
     {.key = "gaussian_blur.by",
      .help = "how, off images: by spherical harmonics, by the domain's Laplacian, or as the grid suggests",
      .fallback = std::string("auto"),
      .choices = {"auto", "harmonics", "laplacian"}}},
    [](const domain::Domain& domain, const Config& c, const OperatorContext& /*context*/) {
      return gaussian_blur(domain, {.width = c.real("gaussian_blur.width"),
                                    .edges = c.text("gaussian_blur.edges"),
                                    .by = c.text("gaussian_blur.by")});
    });

}  // namespace

OperatorPointer gaussian_blur(const domain::Domain& domain, const GaussianBlurOptions& options) {
  if (!(std::isfinite(options.width) && options.width > 0.0))
    throw Error(ErrorKind::usage,
                fmt::format("gaussian_blur.width is {}, not a positive width", options.width),
                {.remedy = "Give the standard deviation in km on the sphere, in pixels of an image"});
  if (domain.kind() != domain::DomainKind::plane) return on_manifold(domain, options);
  return std::make_shared<PlaneBlur>(domain, options.width, edge_rule(options.edges));
}

}  // namespace manifill::measurement
