#include "manifill/io/coefficient_file.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "coefficient_impl.hpp"
#include "manifill/base/error.hpp"

namespace manifill::io {
namespace {

/// Variables that say the degree and order of coefficients, and the dimension that both are over.
struct Numbers {
  VariableId degree{};
  VariableId order{};
  int dimension = -1;
};

std::optional<Numbers> numbers_of(const NetcdfHandle& file) {
  const auto degree = find_variable(file, "degree");
  const auto order = find_variable(file, "order");
  if (!degree || !order) return std::nullopt;
  const auto a = dimensions_of(file, *degree);
  const auto b = dimensions_of(file, *order);
  if (a.size() != 1 || b.size() != 1 || a[0].id != b[0].id) return std::nullopt;
  return Numbers{*degree, *order, a[0].id};
}

std::optional<std::size_t> position(const std::vector<Dimension>& dimensions, int id) {
  for (std::size_t k = 0; k < dimensions.size(); ++k)
    if (dimensions[k].id == id) return k;
  return std::nullopt;
}

VariableId pick(const NetcdfHandle& file, const Numbers& numbers, const std::string& wanted) {
  std::vector<std::string> names;
  std::vector<VariableId> found;
  for (const auto& v : all_variables(file)) {
    if (v == numbers.degree || v == numbers.order || !is_numeric(type_of(v)) ||
        !position(dimensions_of(file, v), numbers.dimension))
      continue;
    if (v.name == wanted) return v;
    names.push_back(v.name);
    found.push_back(v);
  }
  if (wanted.empty() && found.size() == 1) return found[0];
  std::string list;
  for (const auto& n : names) list += (list.empty() ? "'" : ", '") + n + "'";
  const auto near = nearest_name(wanted, names.data(), names.data() + names.size());
  if (wanted.empty())
    throw Error(ErrorKind::input,
                found.empty() ? "no variable holds spherical harmonic coefficients"
                              : "several variables hold spherical harmonic coefficients: " + list,
                {.file = file.path(),
                 .remedy = found.empty() ? "Make such a file by 'manifill transform'"
                                         : "Choose one with --variable"});
  throw Error(ErrorKind::input, "no such variable with spherical harmonic coefficients",
              {.file = file.path(),
               .variable = wanted,
               .remedy = (near ? "Did you mean '" + *near + "'? " : std::string()) + "The file holds " +
                         (list.empty() ? "none" : list)});
}

/// Whole numbers of a variable. \throws Error(input) at one that is none
std::vector<std::int64_t> whole_numbers(const NetcdfHandle& file, const VariableId& v) {
  std::vector<std::int64_t> out;
  for (const double x : read_all(file, v)) {
    if (!(std::abs(x) < 1e6) || x != std::floor(x))
      throw Error(ErrorKind::input, "a degree or order is no whole number",
                  {.file = file.path(),
                   .variable = v.name,
                   .index = "[coefficient " + std::to_string(out.size()) + "]",
                   .remedy = "Make the file again by 'manifill transform'"});
    out.push_back(static_cast<std::int64_t>(x));
  }
  return out;
}

/// The highest degree of coefficients that are each of those up to it once.
std::int64_t complete_degree(const CoefficientAxis& axis) {
  std::set<std::pair<std::int64_t, std::int64_t>> seen;
  std::int64_t lmax = -1;
  for (std::size_t i = 0; i < axis.degree.size(); ++i) {
    if (axis.degree[i] < 0 || std::abs(axis.order[i]) > axis.degree[i]) return -1;
    lmax = std::max(lmax, axis.degree[i]);
    seen.emplace(axis.degree[i], axis.order[i]);
  }
  const auto count = static_cast<std::size_t>((lmax + 1) * (lmax + 1));
  return seen.size() == axis.degree.size() && seen.size() == count ? lmax : -1;
}

}  // namespace

CoefficientVariable::CoefficientVariable(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CoefficientVariable::CoefficientVariable(CoefficientVariable&&) noexcept = default;
CoefficientVariable& CoefficientVariable::operator=(CoefficientVariable&&) noexcept = default;
CoefficientVariable::~CoefficientVariable() = default;

CoefficientVariable CoefficientVariable::open(const std::string& path, const std::string& variable) {
  auto file = NetcdfHandle::open(path);
  const auto numbers = numbers_of(file);
  if (!numbers)
    throw Error(ErrorKind::input,
                "the file has no spherical harmonic coefficients: no variables 'degree' and 'order' over one "
                "dimension",
                {.file = path, .remedy = "Make such a file by 'manifill transform'"});
  const VariableId v = pick(file, *numbers, variable);
  const auto refuse = [&](const std::string& what) {
    return Error(ErrorKind::input, what,
                 {.file = path, .variable = v.name, .remedy = "Make the file by 'manifill transform'"});
  };
  const std::string harmonics = text_attribute(v, "spherical_harmonics");
  if (harmonics != kHarmonics)
    throw refuse("its attribute spherical_harmonics is '" + harmonics + "', not '" + kHarmonics + "'");
  CoefficientAxis axis{whole_numbers(file, numbers->degree), whole_numbers(file, numbers->order)};
  const std::int64_t lmax = complete_degree(axis);
  if (lmax < 0) throw refuse("its coefficients are not each of those up to some degree once");
  const Packing packing = packing_of(file, v);
  auto impl = std::make_unique<Impl>(std::move(file), v);
  impl->packing = packing;
  impl->dimensions = dimensions_of(impl->file, impl->id);
  impl->along = *position(impl->dimensions, numbers->dimension);
  impl->axis = std::move(axis);
  impl->lmax = lmax;
  return CoefficientVariable(std::move(impl));
}

const std::string& CoefficientVariable::path() const { return impl_->file.path(); }
const std::string& CoefficientVariable::name() const { return impl_->id.name; }
std::string CoefficientVariable::text(const std::string& attribute) const {
  return text_attribute(impl_->id, attribute);
}
const CoefficientAxis& CoefficientVariable::axis() const { return impl_->axis; }
std::int64_t CoefficientVariable::lmax() const { return impl_->lmax; }

std::size_t CoefficientVariable::fields() const {
  std::size_t n = 1;
  for (std::size_t k = 0; k < impl_->dimensions.size(); ++k)
    if (k != impl_->along) n *= impl_->dimensions[k].length;
  return n;
}

std::vector<double> CoefficientVariable::read(std::size_t field) const {
  const Impl& m = *impl_;
  std::vector<std::size_t> start(m.dimensions.size(), 0);
  std::vector<std::size_t> count(m.dimensions.size(), 1);
  count[m.along] = m.axis.degree.size();
  std::string index;
  for (std::size_t k = m.dimensions.size(); k-- > 0;) {
    if (k == m.along) continue;
    start[k] = field % m.dimensions[k].length;
    field /= m.dimensions[k].length;
    index = "[" + m.dimensions[k].name + " " + std::to_string(start[k]) + "]" + index;
  }
  std::vector<double> values(count[m.along]);
  check([&] { m.id.nc.getVar(start, count, values.data()); }, m.file.path(), "reading coefficients failed",
        m.id.name);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double number = m.packing.number(values[i]);
    values[i] = m.packing.value(number);
    if (m.packing.is_missing(number) || !std::isfinite(values[i]))
      throw Error(ErrorKind::input, "a coefficient is missing or not finite",
                  {.file = m.file.path(),
                   .variable = m.id.name,
                   .index = index + "[coefficient " + std::to_string(i) + "]",
                   .remedy = "Make the file again by 'manifill transform'"});
  }
  return values;
}

}  // namespace manifill::io
