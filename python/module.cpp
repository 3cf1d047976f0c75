// The Python module's compiled part: numpy arrays are looked at where they are, and results are handed over
// without a copy. What Python users see is in manifill/__init__.py.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "manifill/base/config.hpp"
#include "manifill/base/error.hpp"
#include "manifill/base/version.hpp"
#include "manifill/domain/domain.hpp"
#include "manifill/io/time_axis.hpp"
#include "manifill/measurement/measurement.hpp"
#include "manifill/operators/domain_laplacian.hpp"
#include "manifill/operators/laplacian_spectrum.hpp"
#include "manifill/operators/spherical_harmonics.hpp"
#include "manifill/posterior/model.hpp"
#include "manifill/posterior/sampler.hpp"
#include "manifill/posterior/windows.hpp"
#include "manifill/prior/prior.hpp"
#include "manifill/verification/distribution.hpp"
#include "manifill/verification/scores.hpp"

namespace py = pybind11;
using namespace manifill;

namespace {

/// Contiguous doubles; another type or layout is converted by numpy first.
using Array = py::array_t<double, py::array::c_style | py::array::forcecast>;

std::span<const double> view(const Array& a) { return {a.data(), static_cast<std::size_t>(a.size())}; }

/// An array that owns what it is made of.
template <typename Owner>
py::array_t<double> handed_over(Owner&& values, const std::vector<py::ssize_t>& shape) {
  auto kept = std::make_unique<std::decay_t<Owner>>(std::forward<Owner>(values));
  const auto* place = kept->data();
  const py::capsule owner(kept.release(), [](void* p) { delete static_cast<std::decay_t<Owner>*>(p); });
  return py::array_t<double>(shape, place, owner);
}

py::array_t<double> vector_of(Eigen::VectorXd v) {
  const auto n = static_cast<py::ssize_t>(v.size());
  return handed_over(std::move(v), {n});
}

/// [row][column] from columns that lie one after the other: [column][row].
py::array_t<double> columns_of(Eigen::MatrixXd m) {
  const auto rows = static_cast<py::ssize_t>(m.rows());
  const auto columns = static_cast<py::ssize_t>(m.cols());
  return handed_over(std::move(m), {columns, rows});
}

/// The last axis replaced.
std::vector<py::ssize_t> with_last(const Array& a, std::size_t length) {
  std::vector<py::ssize_t> shape(a.shape(), a.shape() + a.ndim());
  shape.back() = static_cast<py::ssize_t>(length);
  return shape;
}

void check_last(const Array& a, std::size_t length, const char* what) {
  if (a.ndim() < 1 || static_cast<std::size_t>(a.shape(a.ndim() - 1)) != length)
    throw Error(ErrorKind::usage,
                std::string("the last axis of an array of ") + what + " does not have " +
                    std::to_string(length) + " entries",
                {.remedy = "Bring it to the transform's size"});
}

/// Transforms along the last axis of an array, with the interpreter free meanwhile.
template <typename Transform>
py::array_t<double> along_last(const Array& in, std::size_t from, std::size_t to, const char* what,
                               const Transform& transform) {
  check_last(in, from, what);
  py::array_t<double> out(with_last(in, to));
  const auto source = view(in);
  const std::span<double> target(out.mutable_data(), static_cast<std::size_t>(out.size()));
  {
    const py::gil_scoped_release free;
    transform(source, target);
  }
  return out;
}

std::string kind_name(domain::DomainKind kind) {
  switch (kind) {
    case domain::DomainKind::lat_lon:
      return "lat_lon";
    case domain::DomainKind::cells:
      return "cells";
    case domain::DomainKind::curvilinear:
      return "curvilinear";
    case domain::DomainKind::surface:
      return "surface";
    default:
      return "plane";
  }
}

std::vector<double> copied(const Array& a) { return {a.data(), a.data() + a.size()}; }

domain::Domain surface_of(
    const Array& vertices,
    const py::array_t<std::uint32_t, py::array::c_style | py::array::forcecast>& triangles) {
  if (vertices.ndim() != 2 || vertices.shape(1) != 3 || triangles.ndim() != 2 || triangles.shape(1) != 3)
    throw Error(ErrorKind::usage, "vertices and triangles of a surface have three columns each",
                {.remedy = "Give arrays [vertex][3] and [triangle][3]"});
  domain::TriangleMesh mesh;
  for (py::ssize_t i = 0; i < vertices.shape(0); ++i)
    mesh.vertices.push_back({vertices.at(i, 0), vertices.at(i, 1), vertices.at(i, 2)});
  for (py::ssize_t i = 0; i < triangles.shape(0); ++i)
    mesh.triangles.push_back({triangles.at(i, 0), triangles.at(i, 1), triangles.at(i, 2)});
  return domain::Domain::surface(std::move(mesh));
}

void bind_domain(py::module_& m) {
  using domain::Domain;
  py::class_<Domain>(m, "Domain")
      .def_static(
          "lat_lon",
          [](const Array& lat, const Array& lon) { return Domain::lat_lon(copied(lat), copied(lon)); },
          py::arg("latitude"), py::arg("longitude"))
      .def_static(
          "cells",
          [](const Array& lat, const Array& lon, const std::optional<Array>& area) {
            return Domain::cells({.latitude = copied(lat),
                                  .longitude = copied(lon),
                                  .area = area ? copied(*area) : std::vector<double>{}});
          },
          py::arg("latitude"), py::arg("longitude"), py::arg("area") = py::none())
      .def_static(
          "healpix",
          [](std::int64_t nside, bool nested) {
            return Domain::healpix(
                nside, nested ? domain::healpix::Ordering::nested : domain::healpix::Ordering::ring);
          },
          py::arg("nside"), py::arg("nested") = false)
      .def_static("surface", &surface_of, py::arg("vertices"), py::arg("triangles"))
      .def_static("plane", &Domain::plane, py::arg("rows"), py::arg("columns"))
      .def_property_readonly("kind", [](const Domain& d) { return kind_name(d.kind()); })
      .def_property_readonly("size", &Domain::size)
      .def_property_readonly("hash", &Domain::hash)
      .def_property_readonly("weights",
                             [](const py::object& self) {
                               const auto& d = self.cast<const Domain&>();
                               return py::array_t<double>(static_cast<py::ssize_t>(d.size()),
                                                          d.weights().data(), self);
                             })
      .def_property_readonly("points",
                             [](const py::object& self) {
                               const auto& d = self.cast<const Domain&>();
                               return py::array_t<double>(
                                   {static_cast<py::ssize_t>(d.size()), py::ssize_t{3}}, d.points()[0].data(),
                                   self);
                             })
      .def(
          "neighbours",
          [](const Domain& d, std::size_t point) {
            if (point >= d.size())
              throw py::index_error("the domain has " + std::to_string(d.size()) + " points");
            const auto n = d.neighbours(point);
            return std::vector<std::uint32_t>(n.begin(), n.end());
          },
          py::arg("point"))
      .def("__len__", &Domain::size)
      .def("__repr__", [](const Domain& d) { return "<manifill.Domain: " + d.describe() + ">"; });
}

void bind_operators(py::module_& m) {
  using operators::RingGrid;
  using operators::SphericalHarmonics;
  py::class_<RingGrid>(m, "RingGrid")
      .def_static("gauss_legendre", &RingGrid::gauss_legendre, py::arg("nlat"), py::arg("nlon"))
      .def_static("clenshaw_curtis", &RingGrid::clenshaw_curtis, py::arg("nlat"), py::arg("nlon"))
      .def_static("fejer", &RingGrid::fejer, py::arg("nlat"), py::arg("nlon"))
      .def_static("healpix", &RingGrid::healpix, py::arg("nside"))
      .def_static("reduced_gaussian", &RingGrid::reduced_gaussian, py::arg("counts"))
      .def_static("of", &RingGrid::of, py::arg("domain"))
      .def_property_readonly("points", [](const RingGrid& g) { return g.points; })
      .def_property_readonly("exact_degree", &RingGrid::exact_degree);
  py::class_<SphericalHarmonics>(m, "SphericalHarmonics")
      .def(py::init<RingGrid, std::int64_t>(), py::arg("grid"), py::arg("lmax"))
      .def_property_readonly("lmax", &SphericalHarmonics::lmax)
      .def_property_readonly("coefficients", &SphericalHarmonics::coefficients)
      .def_property_readonly("points", &SphericalHarmonics::points)
      .def(
          "synthesis",
          [](const SphericalHarmonics& s, const Array& c) {
            return along_last(c, s.coefficients(), s.points(), "coefficients",
                              [&](auto from, auto to) { s.synthesis(from, to); });
          },
          py::arg("coefficients"))
      .def(
          "synthesis_adj",
          [](const SphericalHarmonics& s, const Array& f) {
            return along_last(f, s.points(), s.coefficients(), "fields",
                              [&](auto from, auto to) { s.synthesis_adj(from, to); });
          },
          py::arg("field"))
      .def(
          "analysis",
          [](const SphericalHarmonics& s, const Array& f, int iterations) {
            return along_last(f, s.points(), s.coefficients(), "fields", [&](auto from, auto to) {
              if (iterations == 0) {
                s.analysis(from, to);
                return;
              }
              const auto c = s.analysis(from, iterations);
              std::copy(c.begin(), c.end(), to.begin());
            });
          },
          py::arg("field"), py::arg("iterations") = 0)
      .def(
          "analysis_adj",
          [](const SphericalHarmonics& s, const Array& c) {
            return along_last(c, s.coefficients(), s.points(), "coefficients",
                              [&](auto from, auto to) { s.analysis_adj(from, to); });
          },
          py::arg("coefficients"));
  m.def("coefficient_index", &operators::coefficient_index, py::arg("lmax"), py::arg("l"), py::arg("m"));
  m.def("coefficient_degrees", &operators::coefficient_degrees, py::arg("lmax"));

  using operators::Laplacian;
  py::class_<Laplacian>(m, "Laplacian")
      .def(py::init([](const domain::Domain& d, double margin) {
             return operators::domain_laplacian(d, margin).laplacian;
           }),
           py::arg("domain"), py::arg("margin") = 0.0)
      .def_property_readonly("size", &Laplacian::size)
      .def_property_readonly("mass",
                             [](const py::object& self) {
                               const auto& l = self.cast<const Laplacian&>();
                               return py::array_t<double>({l.size()}, l.mass.data(), self);
                             })
      .def_property_readonly("stiffness",
                             [](const py::object& self) {
                               // Symmetric: columns of the one are rows of the other.
                               const auto& s = self.cast<const Laplacian&>().stiffness;
                               return py::make_tuple(
                                   py::array_t<double>({s.nonZeros()}, s.valuePtr(), self),
                                   py::array_t<int>({s.nonZeros()}, s.innerIndexPtr(), self),
                                   py::array_t<int>({s.outerSize() + 1}, s.outerIndexPtr(), self));
                             })
      .def(
          "spectrum",
          [](const Laplacian& l, std::int64_t count, double tolerance) {
            operators::LaplacianSpectrum s;
            {
              const py::gil_scoped_release free;
              s = operators::laplacian_spectrum(l, count, tolerance);
            }
            return py::make_tuple(vector_of(std::move(s.values)), columns_of(std::move(s.vectors)));
          },
          py::arg("count"), py::arg("tolerance") = 1e-10);
}

/// What `Model.fill` is asked for.
struct Request {
  std::string method = "flow";
  std::uint32_t members = 32;
  std::uint64_t seed = 1;
  double noise = 0.0;
  std::int64_t refine = 0;
  std::vector<std::string> options{};  // "dps.steps=100"
};

/// Fills records of fields with one model; what belongs to the sampler is kept from call to call.
class Filler {
 public:
  explicit Filler(const std::string& path) : model_(posterior::Model::load(path)) {}

  [[nodiscard]] const posterior::Model& model() const { return model_; }

  /// \param fields [step][point], NaN where missing \param index, season [step]
  /// \return members [step][member][point], chi-square over its expectation [step]
  std::pair<py::array_t<double>, py::array_t<double>> fill(const Array& fields,
                                                           const std::vector<std::int64_t>& index,
                                                           const std::vector<double>& season,
                                                           const Request& request) {
    const auto points = model_.backbone.domain().size();
    check_last(fields, points, "fields");
    const std::size_t steps = static_cast<std::size_t>(fields.size()) / points;
    if (index.size() != steps || season.size() != steps)
      throw Error(ErrorKind::usage, "steps and seasons are not as many as fields",
                  {.remedy = "Give one of each for every field"});
    py::array_t<double> members({steps, static_cast<std::size_t>(request.members), points});
    py::array_t<double> chi_square(static_cast<py::ssize_t>(steps));
    double* out = members.mutable_data();
    double* chi = chi_square.mutable_data();
    const double* values = fields.data();
    const py::gil_scoped_release free;
    posterior::PosteriorSampler& sampler = sampler_of(request);
    const double noise = request.noise > 0.0
                             ? request.noise
                             : model_.backbone.options().noise_sigma * model_.backbone.unit_scale();
    const auto observe = [&](std::size_t k) {
      return observation(values + k * points, index[k], season[k], noise);
    };
    for (std::size_t k = 0; k < steps; ++k) {
      const auto window =
          posterior::window_around(index, k, model_.backbone.options().window, season[k], observe);
      const auto e = sampler.sample(
          window, {.seed = request.seed, .members = request.members, .refine = request.refine});
      const std::size_t at = k * request.members * points;
      for (std::size_t r = 0; r < request.members; ++r)
        for (std::size_t i = 0; i < points; ++i) {
          const double seen = values[k * points + i];
          out[at + r * points + i] =
              std::isnan(seen) ? e.members(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(r)) : seen;
        }
      chi[k] = e.chi_square;
    }
    return {std::move(members), std::move(chi_square)};
  }

 private:
  posterior::PosteriorSampler& sampler_of(const Request& request) {
    std::string key = request.method;
    for (const auto& o : request.options) key += "\n" + o;
    if (!sampler_ || key != made_with_) {
      Config config(posterior::SamplerRegistry::instance().specs());
      for (const auto& o : request.options) config.set(o);
      sampler_ = posterior::SamplerRegistry::instance().make(request.method, model_, config);
      made_with_ = key;
    }
    return *sampler_;
  }

  [[nodiscard]] posterior::StepObservation observation(const double* values, std::int64_t time, double season,
                                                       double noise) const {
    const auto n = model_.backbone.domain().size();
    std::vector<bool> seen(n);
    std::vector<double> y;
    for (std::size_t i = 0; i < n; ++i) {
      seen[i] = !std::isnan(values[i]) && model_.backbone.active()[static_cast<Eigen::Index>(i)] != 0.0;
      if (seen[i]) y.push_back(values[i]);
    }
    return {.time = time,
            .season = season,
            .measurement = std::make_shared<measurement::Measurement>(
                measurement::mask(seen, Eigen::VectorXd::Constant(static_cast<Eigen::Index>(n), noise))),
            .y = Eigen::Map<const Eigen::VectorXd>(y.data(), static_cast<Eigen::Index>(y.size()))};
  }

  posterior::Model model_;
  std::unique_ptr<posterior::PosteriorSampler> sampler_{};
  std::string made_with_{};
};

void bind_model(py::module_& m) {
  py::class_<Filler>(m, "Model")
      .def(py::init<const std::string&>(), py::arg("path"))
      .def_property_readonly("name", [](const Filler& f) { return f.model().info.name; })
      .def_property_readonly("variable", [](const Filler& f) { return f.model().info.variable; })
      .def_property_readonly("units", [](const Filler& f) { return f.model().info.units; })
      .def_property_readonly("has_flow", [](const Filler& f) { return f.model().flow != nullptr; })
      .def_property_readonly("domain", [](const Filler& f) { return f.model().backbone.domain(); })
      .def_property_readonly(
          "step",
          [](const Filler& f) {
            const auto step = f.model().backbone.step();
            return step == prior::StepKind::day ? "day" : step == prior::StepKind::month ? "month" : "none";
          })
      .def(
          "climatology",
          [](const Filler& f, double season) { return vector_of(f.model().backbone.mean(season)); },
          py::arg("season") = 0.0)
      .def(
          "sample",
          [](const Filler& f, std::int64_t count, double season, std::uint64_t seed, std::int64_t steps) {
            Eigen::MatrixXd fields;
            {
              const py::gil_scoped_release free;
              const auto x = prior::Prior(f.model().backbone, f.model().score)
                                 .sample(count, season, {.seed = seed, .steps = steps})
                                 .to(torch::kFloat64)
                                 .contiguous();
              const Eigen::Map<const Eigen::MatrixXd> normalised(
                  x.data_ptr<double>(), static_cast<Eigen::Index>(f.model().backbone.domain().size()), count);
              fields = f.model().backbone.physical(normalised, season);
            }
            return columns_of(std::move(fields));
          },
          py::arg("count"), py::arg("season") = 0.0, py::arg("seed") = 1, py::arg("steps") = 30)
      .def("_fill", [](Filler& f, const Array& fields, const std::vector<std::int64_t>& index,
                       const std::vector<double>& season, const std::string& method, std::uint32_t members,
                       std::uint64_t seed, double noise, std::int64_t refine,
                       const std::vector<std::string>& options) {
        return f.fill(fields, index, season,
                      {.method = method,
                       .members = members,
                       .seed = seed,
                       .noise = noise,
                       .refine = refine,
                       .options = options});
      });
  m.def("_day_index",
        [](const std::vector<int>& year, const std::vector<int>& month, const std::vector<int>& day) {
          io::TimeAxis axis;
          for (std::size_t k = 0; k < year.size(); ++k)
            axis.dates.push_back({.year = year[k], .month = month.at(k), .day = day.at(k)});
          return axis.day_index();
        });
  m.def("methods", [] { return posterior::SamplerRegistry::instance().names(); });
  m.def(
      "method_summary",
      [](const std::string& name) { return posterior::SamplerRegistry::instance().summary(name); },
      py::arg("name"));
}

void bind_scores(py::module_& m) {
  m.def(
      "_scores",
      [](const Array& members, const Array& truth, const Array& weight,
         const std::optional<domain::Domain>& domain) {
        if (members.ndim() != 3 || truth.ndim() != 2 || weight.ndim() != 2 ||
            members.shape(0) != truth.shape(0) || members.shape(2) != truth.shape(1) ||
            weight.shape(0) != truth.shape(0) || weight.shape(1) != truth.shape(1))
          throw Error(ErrorKind::usage, "members, truth and weights do not fit together",
                      {.remedy = "Give arrays [case][member][point], [case][point] and [case][point]"});
        verification::ScoreCard card = domain ? verification::ScoreCard(*domain) : verification::ScoreCard();
        const auto count = static_cast<Eigen::Index>(members.shape(1));
        const auto points = static_cast<Eigen::Index>(members.shape(2));
        for (py::ssize_t k = 0; k < members.shape(0); ++k) {
          const Eigen::Map<const Eigen::MatrixXd> of(members.data(k, 0, 0), points, count);
          card.add(of, Eigen::Map<const Eigen::VectorXd>(truth.data(k, 0), points),
                   Eigen::Map<const Eigen::VectorXd>(weight.data(k, 0), points));
        }
        const auto s = card.result();
        py::dict out;
        out["rmse"] = s.rmse;
        out["mae"] = s.mae;
        out["bias"] = s.bias;
        out["crps"] = s.crps;
        out["spread"] = s.spread;
        out["spread_skill"] = s.spread_skill;
        out["coverage50"] = s.coverage50;
        out["coverage80"] = s.coverage80;
        out["coverage90"] = s.coverage90;
        out["energy"] = s.energy;
        out["diversity"] = s.diversity;
        out["rank_histogram"] = s.rank_histogram;
        return out;
      },
      py::arg("members"), py::arg("truth"), py::arg("weight"), py::arg("domain") = py::none());
  m.def(
      "_squared_mmd",
      [](const Array& first, const Array& second, const Array& weight, std::optional<double> width) {
        if (first.ndim() != 2 || second.ndim() != 2 || weight.ndim() != 1 ||
            first.shape(0) != second.shape(0) || first.shape(1) != second.shape(1) ||
            weight.shape(0) != first.shape(1))
          throw Error(ErrorKind::usage, "the two sets of fields and the weights do not fit together",
                      {.remedy = "Give arrays [pair][point], [pair][point] and [point]"});
        const auto points = static_cast<Eigen::Index>(first.shape(1));
        const auto pairs = static_cast<Eigen::Index>(first.shape(0));
        const Eigen::Map<const Eigen::MatrixXd> one(first.data(), points, pairs);
        const Eigen::Map<const Eigen::MatrixXd> other(second.data(), points, pairs);
        const Eigen::Map<const Eigen::VectorXd> w(weight.data(), points);
        if (!(w.minCoeff() >= 0.0) || w.maxCoeff() <= 0.0)
          throw Error(ErrorKind::usage, "weights are negative, or all zero",
                      {.remedy = "Give positive weights"});
        const double own = width ? *width : verification::median_distance(other, w);
        // One pair, or truths that are all alike.
        if (!(own > 0.0)) return std::numeric_limits<double>::quiet_NaN();
        return verification::squared_mmd(one, other, w, own);
      },
      py::arg("first"), py::arg("second"), py::arg("weight"), py::arg("width") = py::none());
}

}  // namespace

PYBIND11_MODULE(_core, m) {
  m.attr("__version__") = version();
  static py::exception<Error> error(m, "Error", PyExc_RuntimeError);
  static py::exception<Error> usage(m, "UsageError", error.ptr());
  static py::exception<Error> input(m, "InputError", error.ptr());
  py::register_exception_translator([](std::exception_ptr p) {
    try {
      if (p) std::rethrow_exception(p);
    } catch (const Error& e) {
      const auto& as = e.kind() == ErrorKind::usage ? usage : e.kind() == ErrorKind::input ? input : error;
      PyErr_SetString(as.ptr(), e.what());
    }
  });
  bind_domain(m);
  bind_operators(m);
  bind_model(m);
  bind_scores(m);
}
