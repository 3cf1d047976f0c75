#include "manifill/measurement/points.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <numbers>
#include <set>
#include <utility>

#include "manifill/base/error.hpp"
#include "manifill/base/random.hpp"
#include "manifill/domain/nearest_points.hpp"
#include "manifill/domain/sphere.hpp"
#include "manifill/io/stations.hpp"
#include "manifill/measurement/point_sampling.hpp"
#include "selection.hpp"

namespace manifill::measurement {
namespace {

constexpr std::size_t kMostTries = 2000;  // of drawing a place, for each that is wanted
constexpr double kApart = 1e-5;           // degrees: places nearer to each other are no cells

/// Some points of a domain.
class Chosen : public Selection {
 public:
  Chosen(const domain::Domain& domain, std::vector<bool> chosen)
      : Selection(domain), chosen_(std::move(chosen)) {}
  [[nodiscard]] std::vector<bool> measured(std::int64_t /*step*/) const override { return chosen_; }

 private:
  std::vector<bool> chosen_;
};

RandomStream stream(std::uint64_t seed) {
  return RandomStream({.seed = seed, .purpose = RandomPurpose::mask, .member = 1});
}

/// The places as a list of cells, alike in area; nothing where some coincide.
std::optional<domain::Domain> cells_at(const MeasuredPlaces& places) {
  std::vector<std::array<double, 3>> points;
  for (std::size_t k = 0; k < places.latitude.size(); ++k)
    points.push_back(domain::unit_vector(places.latitude[k], places.longitude[k]));
  const domain::NearestPoints search(points);
  for (std::size_t k = 0; k < points.size() && points.size() > 1; ++k)
    if (search.nearest(points[k], 2).back().chord < kApart * std::numbers::pi / 180.0) return std::nullopt;
  return domain::Domain::cells({.latitude = places.latitude,
                                .longitude = places.longitude,
                                .area = std::vector<double>(points.size(), 1.0),
                                .name = "stations"});
}

OperatorPointer sampled(const domain::Domain& domain, std::optional<domain::Domain> to, const SparseMatrix& a,
                        std::vector<bool> reachable) {
  if (std::find(reachable.begin(), reachable.end(), true) == reachable.end())
    throw Error(ErrorKind::usage, "none of the points lies on " + domain.describe(),
                {.remedy = "Give places within the model's domain"});
  return std::make_shared<SparseOperator>(domain, std::move(to), a, std::move(reachable));
}

MeasuredPlaces places_of_stations(const std::string& path, const std::string& variable) {
  const auto stations = io::read_stations(path, {.variable = variable});
  MeasuredPlaces out;
  std::set<std::pair<double, double>> known;
  for (const auto& v : stations.values) {
    if (!known.insert({v.latitude, v.longitude}).second) continue;
    out.latitude.push_back(v.latitude);
    out.longitude.push_back(v.longitude);
  }
  return out;
}

OperatorPointer make(const domain::Domain& domain, const Config& c, const OperatorContext& context) {
  const auto& latitude = c.list("points.latitude");
  const auto& longitude = c.list("points.longitude");
  const auto count = static_cast<std::size_t>(c.integer("points.count"));
  const std::string& like = c.text("points.like");
  if (latitude.size() != longitude.size())
    throw Error(ErrorKind::usage,
                fmt::format("points.latitude holds {} numbers and points.longitude {}", latitude.size(),
                            longitude.size()),
                {.remedy = "Give one of each for every place"});
  if (static_cast<int>(!latitude.empty()) + static_cast<int>(count > 0) + static_cast<int>(!like.empty()) > 1)
    throw Error(ErrorKind::usage, "points are given in more than one way",
                {.remedy = "Give points.latitude and points.longitude, or points.count, or points.like"});
  if (!latitude.empty()) return points(domain, MeasuredPlaces{latitude, longitude});
  if (count > 0) return random_points(domain, count, static_cast<std::uint64_t>(c.integer("points.seed")));
  if (!like.empty()) {
    if (io::is_station_file(like)) return points(domain, places_of_stations(like, c.text("points.variable")));
    return points(domain, io::GriddedVariable::open(like, c.text("points.variable")).domain());
  }
  if (context.domain) return points(domain, *context.domain);
  throw Error(
      ErrorKind::usage, "no points are given",
      {.remedy = "Give points.latitude and points.longitude, or points.count, or points.like, a file"});
}

const OperatorRegistration kPointsRegistration(
    "points", "values at single places: given ones, random ones, or those of the measurement's own file",
    {{.key = "points.latitude",
      .help = "of the places, degrees",
      .fallback = std::vector<double>{},
      .lowest = -90,
      .highest = 90},
     {.key = "points.longitude",
      .help = "of the places, degrees",
      .fallback = std::vector<double>{},
      .lowest = -360,
      .highest = 720},
     {.key = "points.count",
      .help = "random places; of an image or surface: of its own points",
      .fallback = std::int64_t{0},
      .lowest = 0},
     {.key = "points.seed", .help = "seed of random places", .fallback = std::int64_t{1}, .lowest = 0},
     {.key = "points.like",
      .help = "file of stations, or of a variable on a grid, whose places are taken",
      .fallback = std::string()},
     {.key = "points.variable", .help = "its variable; empty: the only one", .fallback = std::string()}},
    make);

}  // namespace

OperatorPointer points(const domain::Domain& domain, const MeasuredPlaces& places) {
  if (!domain.spherical())
    throw Error(ErrorKind::usage, "no latitudes and longitudes lie on " + domain.describe(),
                {.remedy = "Give points.count, for random points of its own"});
  if (places.latitude.empty())
    throw Error(ErrorKind::usage, "no points are given", {.remedy = "Give one place at least"});
  std::vector<bool> reachable;
  const auto a = point_sampling(domain, places.latitude, places.longitude, &reachable);
  return sampled(domain, cells_at(places), a, std::move(reachable));
}

OperatorPointer points(const domain::Domain& domain, const domain::Domain& to) {
  std::vector<bool> reachable;
  const auto a = interpolation(domain, to, &reachable);
  return sampled(domain, to, a, std::move(reachable));
}

OperatorPointer random_points(const domain::Domain& domain, std::size_t count, std::uint64_t seed) {
  RandomStream random = stream(seed);
  if (!domain.spherical()) {
    if (count > domain.size())
      throw Error(ErrorKind::usage,
                  fmt::format("points.count is {}, and {} has fewer", count, domain.describe()),
                  {.remedy = fmt::format("Give at most {}", domain.size())});
    // The order of exponential times by area is that of drawing without replacement by area.
    std::vector<std::pair<double, std::size_t>> time;
    for (std::size_t p = 0; p < domain.size(); ++p)
      time.emplace_back(-std::log(random.uniform()) / domain.weights()[p], p);
    std::sort(time.begin(), time.end());
    std::vector<bool> chosen(domain.size(), false);
    for (std::size_t k = 0; k < count; ++k) chosen[time[k].second] = true;
    return std::make_shared<Chosen>(domain, std::move(chosen));
  }
  MeasuredPlaces places;
  for (std::size_t tries = 0; places.latitude.size() < count; tries += count) {
    if (tries > kMostTries * count)
      throw Error(ErrorKind::usage,
                  fmt::format("{} places at random are hard to find on {}", count, domain.describe()),
                  {.remedy = "Give points.latitude and points.longitude"});
    std::vector<double> latitude;
    std::vector<double> longitude;
    for (std::size_t k = 0; k < count; ++k) {
      latitude.push_back(std::asin(2.0 * random.uniform() - 1.0) * 180.0 / std::numbers::pi);
      longitude.push_back(360.0 * random.uniform());
    }
    std::vector<bool> reachable;
    point_sampling(domain, latitude, longitude, &reachable);
    for (std::size_t k = 0; k < count && places.latitude.size() < count; ++k) {
      if (!reachable[k]) continue;
      places.latitude.push_back(latitude[k]);
      places.longitude.push_back(longitude[k]);
    }
  }
  return points(domain, places);
}

}  // namespace manifill::measurement
