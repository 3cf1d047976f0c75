#include "manifill/measurement/operator.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "manifill/base/error.hpp"

namespace manifill::measurement {
namespace {

constexpr double kLeastShare = 0.5;     // of a mean's weight
constexpr double kNegligible = 1e-14;   // of the largest entry of a row
constexpr double kBytesOfEntry = 12.0;  // of a sparse matrix: a double and an int
constexpr Eigen::Index kRowsAtOnce = 64;

bool all(const std::vector<bool>& which) {
  return std::find(which.begin(), which.end(), false) == which.end();
}

Error too_large(const domain::Domain& from, Eigen::Index values) {
  return {ErrorKind::usage,
          fmt::format("the matrix of a measurement of {} values of {} takes more than {:.0f} GiB", values,
                      from.describe(), Operator::kMostBytes / 1073741824.0),
          {.remedy = "Measure fewer values, by coarsen or points, or use a model of a coarser grid"}};
}

}  // namespace

MeasuredRows restrict_rows(const SparseMatrix& a, const std::vector<bool>& present) {
  MeasuredRows out{.measured = std::vector<bool>(static_cast<std::size_t>(a.rows()), false)};
  std::vector<Eigen::Triplet<double>> entries;
  for (Eigen::Index i = 0; i < a.rows(); ++i) {
    double weight = 0.0;
    double there = 0.0;
    bool negative = false;
    bool positive = false;
    for (SparseMatrix::InnerIterator it(a, i); it; ++it) {
      weight += std::abs(it.value());
      if (present[static_cast<std::size_t>(it.col())]) there += std::abs(it.value());
      negative = negative || it.value() < 0.0;
      positive = positive || it.value() > 0.0;
    }
    const bool whole = there == weight;
    if (weight == 0.0 || there < kLeastShare * weight || (!whole && negative && positive)) continue;
    out.measured[static_cast<std::size_t>(i)] = true;
    for (SparseMatrix::InnerIterator it(a, i); it; ++it)
      if (present[static_cast<std::size_t>(it.col())])
        entries.emplace_back(static_cast<int>(i), static_cast<int>(it.col()),
                             whole ? it.value() : it.value() * (weight / there));
  }
  out.matrix.resize(a.rows(), a.cols());
  out.matrix.setFromTriplets(entries.begin(), entries.end());
  return out;
}

Operator::Operator(domain::Domain from, std::optional<domain::Domain> to, Eigen::Index values)
    : from_(std::move(from)), to_(std::move(to)), values_(values) {
  if (to_ && static_cast<Eigen::Index>(to_->size()) != values_)
    throw Error(ErrorKind::internal, fmt::format("{} measured values on {}", values_, to_->describe()));
}

const SparseMatrix& Operator::matrix() const {
  std::call_once(once_, [&] {
    matrix_ = make_matrix();
    matrix_.makeCompressed();
  });
  return matrix_;
}

double Operator::expected_bytes() const {
  const Eigen::Index count = std::min(kRowsAtOnce, values_);
  Eigen::MatrixXd unit = Eigen::MatrixXd::Zero(values_, count);
  for (Eigen::Index k = 0; k < count; ++k) unit(k * values_ / count, k) = 1.0;
  const Eigen::ArrayXXd block = adjoint(unit).cwiseAbs().array();
  double entries = 0.0;
  for (Eigen::Index k = 0; k < count; ++k)
    entries += static_cast<double>((block.col(k) > kNegligible * block.col(k).maxCoeff()).count());
  return kBytesOfEntry * entries * static_cast<double>(values_) / static_cast<double>(count);
}

SparseMatrix Operator::make_matrix() const {
  // Twice the limit by rows here and there is no matter of which rows: refused before the memory is taken.
  if (kBytesOfEntry * static_cast<double>(values_) * static_cast<double>(points()) > kMostBytes &&
      expected_bytes() > 2.0 * kMostBytes)
    throw too_large(from_, values_);
  SparseMatrix a(values_, points());
  double bytes = 0.0;
  for (Eigen::Index first = 0; first < values_; first += kRowsAtOnce) {
    const Eigen::Index count = std::min(kRowsAtOnce, values_ - first);
    Eigen::MatrixXd unit = Eigen::MatrixXd::Zero(values_, count);
    for (Eigen::Index k = 0; k < count; ++k) unit(first + k, k) = 1.0;
    const Eigen::MatrixXd block = adjoint(unit);
    for (Eigen::Index k = 0; k < count; ++k) {
      const double least = kNegligible * block.col(k).cwiseAbs().maxCoeff();
      a.startVec(first + k);
      for (Eigen::Index j = 0; j < points(); ++j) {
        if (std::abs(block(j, k)) <= least) continue;
        bytes += kBytesOfEntry;
        a.insertBack(first + k, j) = block(j, k);
      }
    }
    if (bytes > kMostBytes) throw too_large(from_, values_);
  }
  a.finalize();
  return a;
}

std::vector<bool> Operator::measured(std::int64_t /*step*/) const {
  return std::vector<bool>(static_cast<std::size_t>(values_), true);
}

MeasuredRows Operator::rows(const std::vector<bool>& present, std::int64_t step) const {
  const auto seen = measured(step);
  MeasuredRows out = all(present) ? MeasuredRows{matrix(), seen} : restrict_rows(matrix(), present);
  if (all(seen)) return out;
  for (std::size_t i = 0; i < seen.size(); ++i) out.measured[i] = out.measured[i] && seen[i];
  out.matrix.prune(
      [&](Eigen::Index row, Eigen::Index, double) { return out.measured[static_cast<std::size_t>(row)]; });
  return out;
}

Eigen::VectorXd Operator::observe(const Eigen::VectorXd& x, std::int64_t step) const {
  std::vector<bool> present(static_cast<std::size_t>(x.size()));
  for (Eigen::Index i = 0; i < x.size(); ++i) present[static_cast<std::size_t>(i)] = !std::isnan(x[i]);
  Eigen::VectorXd y;
  std::vector<bool> seen;
  if (all(present)) {
    y = apply(x).col(0);
    seen = measured(step);
  } else {
    const MeasuredRows r = rows(present, step);
    y = r.matrix * x.unaryExpr([](double v) { return std::isnan(v) ? 0.0 : v; });
    seen = r.measured;
  }
  for (Eigen::Index i = 0; i < y.size(); ++i)
    if (!seen[static_cast<std::size_t>(i)]) y[i] = std::numeric_limits<double>::quiet_NaN();
  return y;
}

SparseOperator::SparseOperator(domain::Domain from, std::optional<domain::Domain> to, const SparseMatrix& a)
    : SparseOperator(std::move(from), std::move(to), a,
                     std::vector<bool>(static_cast<std::size_t>(a.rows()), true)) {}

SparseOperator::SparseOperator(domain::Domain from, std::optional<domain::Domain> to, const SparseMatrix& a,
                               std::vector<bool> measured)
    : Operator(std::move(from), std::move(to), a.rows()), a_(a), measured_(std::move(measured)) {
  if (a_.cols() != points() || static_cast<Eigen::Index>(measured_.size()) != a_.rows())
    throw Error(ErrorKind::internal,
                fmt::format("a matrix of {} columns on {}", a_.cols(), this->from().describe()));
}

Eigen::MatrixXd SparseOperator::apply(const Eigen::Ref<const Eigen::MatrixXd>& x) const { return a_ * x; }

Eigen::MatrixXd SparseOperator::adjoint(const Eigen::Ref<const Eigen::MatrixXd>& y) const {
  return a_.transpose() * y;
}

std::vector<bool> SparseOperator::measured(std::int64_t /*step*/) const { return measured_; }

namespace {

class Composition : public Operator {
 public:
  Composition(OperatorPointer first, OperatorPointer second)
      : Operator(first->from(), second->to(), second->values()),
        first_(std::move(first)),
        second_(std::move(second)) {}

  [[nodiscard]] Eigen::MatrixXd apply(const Eigen::Ref<const Eigen::MatrixXd>& x) const override {
    return second_->apply(first_->apply(x));
  }
  [[nodiscard]] Eigen::MatrixXd adjoint(const Eigen::Ref<const Eigen::MatrixXd>& y) const override {
    return first_->adjoint(second_->adjoint(y));
  }
  [[nodiscard]] bool sparse() const override { return first_->sparse() && second_->sparse(); }
  [[nodiscard]] bool steady() const override { return first_->steady() && second_->steady(); }
  [[nodiscard]] std::vector<bool> measured(std::int64_t step) const override {
    const auto before = first_->measured(step);
    if (all(before)) return second_->measured(step);
    return second_->rows(before, step).measured;
  }
  [[nodiscard]] MeasuredRows rows(const std::vector<bool>& present, std::int64_t step) const override {
    if (all(present) && all(first_->measured(step))) return Operator::rows(present, step);
    const MeasuredRows before = first_->rows(present, step);
    MeasuredRows out = second_->rows(before.measured, step);
    out.matrix = (out.matrix * before.matrix).eval();
    return out;
  }
  [[nodiscard]] Eigen::VectorXd observe(const Eigen::VectorXd& x, std::int64_t step) const override {
    return second_->observe(first_->observe(x, step), step);
  }

 private:
  [[nodiscard]] SparseMatrix make_matrix() const override {
    if (sparse()) return second_->matrix() * first_->matrix();
    return Operator::make_matrix();
  }
  OperatorPointer first_;
  OperatorPointer second_;
};

class Stack : public Operator {
 public:
  explicit Stack(const std::vector<OperatorPointer>& parts)
      : Operator(parts.front()->from(), std::nullopt, total(parts)), parts_(parts) {}

  [[nodiscard]] Eigen::MatrixXd apply(const Eigen::Ref<const Eigen::MatrixXd>& x) const override {
    Eigen::MatrixXd y(values(), x.cols());
    Eigen::Index row = 0;
    for (const auto& p : parts_) {
      y.middleRows(row, p->values()) = p->apply(x);
      row += p->values();
    }
    return y;
  }
  [[nodiscard]] Eigen::MatrixXd adjoint(const Eigen::Ref<const Eigen::MatrixXd>& y) const override {
    Eigen::MatrixXd x = Eigen::MatrixXd::Zero(points(), y.cols());
    Eigen::Index row = 0;
    for (const auto& p : parts_) {
      x += p->adjoint(y.middleRows(row, p->values()));
      row += p->values();
    }
    return x;
  }
  [[nodiscard]] bool sparse() const override {
    return std::all_of(parts_.begin(), parts_.end(), [](const auto& p) { return p->sparse(); });
  }
  [[nodiscard]] bool steady() const override {
    return std::all_of(parts_.begin(), parts_.end(), [](const auto& p) { return p->steady(); });
  }
  [[nodiscard]] std::vector<bool> measured(std::int64_t step) const override {
    std::vector<bool> out;
    for (const auto& p : parts_) {
      const auto some = p->measured(step);
      out.insert(out.end(), some.begin(), some.end());
    }
    return out;
  }
  [[nodiscard]] MeasuredRows rows(const std::vector<bool>& present, std::int64_t step) const override {
    MeasuredRows out;
    std::vector<SparseMatrix> blocks;
    for (const auto& p : parts_) {
      MeasuredRows some = p->rows(present, step);
      out.measured.insert(out.measured.end(), some.measured.begin(), some.measured.end());
      blocks.push_back(std::move(some.matrix));
    }
    out.matrix = stack_rows(blocks);
    return out;
  }
  [[nodiscard]] Eigen::VectorXd observe(const Eigen::VectorXd& x, std::int64_t step) const override {
    Eigen::VectorXd y(values());
    Eigen::Index row = 0;
    for (const auto& p : parts_) {
      y.segment(row, p->values()) = p->observe(x, step);
      row += p->values();
    }
    return y;
  }

 private:
  static Eigen::Index total(const std::vector<OperatorPointer>& parts) {
    Eigen::Index n = 0;
    for (const auto& p : parts) n += p->values();
    return n;
  }
  [[nodiscard]] SparseMatrix make_matrix() const override {
    std::vector<SparseMatrix> blocks;
    for (const auto& p : parts_) blocks.push_back(p->matrix());
    return stack_rows(blocks);
  }
  std::vector<OperatorPointer> parts_;
};

}  // namespace

OperatorPointer identity(const domain::Domain& domain) {
  const auto n = static_cast<Eigen::Index>(domain.size());
  SparseMatrix a(n, n);
  a.setIdentity();
  return std::make_shared<SparseOperator>(domain, domain, a);
}

OperatorPointer compose(OperatorPointer first, OperatorPointer second) {
  if (!first->to() || first->to()->hash() != second->from().hash())
    throw Error(ErrorKind::internal,
                fmt::format("an operator on {} follows one whose values lie {}", second->from().describe(),
                            first->to() ? "on " + first->to()->describe() : "on no domain"));
  return std::make_shared<Composition>(std::move(first), std::move(second));
}

OperatorPointer stack(const std::vector<OperatorPointer>& operators) {
  if (operators.empty()) throw Error(ErrorKind::internal, "no operator is there to be stacked");
  for (const auto& o : operators)
    if (o->from().hash() != operators.front()->from().hash())
      throw Error(ErrorKind::internal,
                  fmt::format("operators on {} and {} are stacked", operators.front()->from().describe(),
                              o->from().describe()));
  return std::make_shared<Stack>(operators);
}

OperatorRegistry& OperatorRegistry::instance() {
  static OperatorRegistry registry;
  return registry;
}

void OperatorRegistry::add(const std::string& name, const std::string& summary,
                           std::vector<OptionSpec> options, OperatorFactory factory) {
  entries_[name] = {summary, std::move(options), std::move(factory)};
}

std::vector<std::string> OperatorRegistry::names() const {
  std::vector<std::string> out;
  for (const auto& [name, entry] : entries_) out.push_back(name);
  return out;
}

const OperatorRegistry::Entry& OperatorRegistry::entry(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found != entries_.end()) return found->second;
  const auto known = names();
  const auto near = nearest_name(name, known.data(), known.data() + known.size());
  throw Error(ErrorKind::usage, fmt::format("unknown operator '{}'", name),
              {.remedy = near ? fmt::format("Did you mean '{}'?", *near)
                              : fmt::format("Use {}", fmt::join(known, ", "))});
}

const std::string& OperatorRegistry::summary(const std::string& name) const { return entry(name).summary; }

std::vector<OptionSpec> OperatorRegistry::specs() const {
  std::vector<OptionSpec> out;
  for (const auto& [name, entry] : entries_)
    out.insert(out.end(), entry.options.begin(), entry.options.end());
  return out;
}

const std::vector<OptionSpec>& OperatorRegistry::specs(const std::string& name) const {
  return entry(name).options;
}

OperatorPointer OperatorRegistry::make(const std::vector<std::string>& names, const domain::Domain& from,
                                       const Config& options, const OperatorContext& context) const {
  OperatorPointer out;
  for (const auto& name : names) {
    const Entry& e = entry(name);
    if (out && !out->to())
      throw Error(ErrorKind::usage, fmt::format("'{}' follows an operator whose values lie on no grid", name),
                  {.remedy = "Put points last"});
    auto next = e.factory(out ? *out->to() : from, options, context);
    out = out ? compose(std::move(out), std::move(next)) : std::move(next);
  }
  return out ? out : identity(from);
}

OperatorRegistration::OperatorRegistration(const std::string& name, const std::string& summary,
                                           std::vector<OptionSpec> options, OperatorFactory factory) {
  OperatorRegistry::instance().add(name, summary, std::move(options), std::move(factory));
}

}  // namespace manifill::measurement
