#pragma once
/// \file
/// \brief Operator: a linear map from fields on a domain to what is measured of them; by name, one after the
/// other, several at once.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "manifill/base/config.hpp"
#include "manifill/domain/domain.hpp"
#include "manifill/measurement/measurement.hpp"

namespace manifill::measurement {

/// \brief Rows of a matrix, and which of them stand for something.
struct MeasuredRows {
  SparseMatrix matrix{};         ///< [value][point]; rows of what is not measured are empty
  std::vector<bool> measured{};  ///< [value]
};

/// \brief What a matrix measures of fields that have values at some points only. A value is measured where at
/// least half of its weight (the sum of the magnitudes of its row) lies on points that are there; it is then
/// the mean over these: its entries are divided by that share. A row of entries of both signs is no mean and
/// needs all of its points. \param present [point]
MeasuredRows restrict_rows(const SparseMatrix& a, const std::vector<bool>& present);

/// \brief A linear map with its adjoint. Immutable; safe to use from several threads but where it says
/// otherwise.
class Operator {
 public:
  /// Most bytes of a matrix that is made of a map that has none of its own.
  static constexpr double kMostBytes = 1073741824.0;

  virtual ~Operator() = default;
  Operator(const Operator&) = delete;
  Operator& operator=(const Operator&) = delete;
  Operator(Operator&&) = delete;
  Operator& operator=(Operator&&) = delete;

  [[nodiscard]] const domain::Domain& from() const { return from_; }
  /// \brief Where the values lie, [value] in the order of its points; nothing where they lie on no domain.
  [[nodiscard]] const std::optional<domain::Domain>& to() const { return to_; }
  [[nodiscard]] Eigen::Index points() const { return static_cast<Eigen::Index>(from_.size()); }
  [[nodiscard]] Eigen::Index values() const { return values_; }

  /// \brief A x. \param x [point][column]
  [[nodiscard]] virtual Eigen::MatrixXd apply(const Eigen::Ref<const Eigen::MatrixXd>& x) const = 0;
  /// \brief A^T y. \param y [value][column]
  [[nodiscard]] virtual Eigen::MatrixXd adjoint(const Eigen::Ref<const Eigen::MatrixXd>& y) const = 0;
  /// \brief A itself, made once. Entries below a 1e-14th of the largest of their row are left out.
  /// \throws Error(usage) when it would take more than kMostBytes
  [[nodiscard]] const SparseMatrix& matrix() const;
  /// \brief Whether the matrix is sparse by itself, so that products of matrices are cheap.
  [[nodiscard]] virtual bool sparse() const { return false; }
  /// \brief Which values are measured at a step, of fields without gaps: [value].
  /// \param step position in the measurement's file
  [[nodiscard]] virtual std::vector<bool> measured(std::int64_t step) const;

  /// \brief Whether the same values are measured at every step.
  [[nodiscard]] virtual bool steady() const { return true; }

  /// \brief The rows of a step, of fields that have values at some points. \param present [point]
  [[nodiscard]] virtual MeasuredRows rows(const std::vector<bool>& present, std::int64_t step) const;
  /// \brief What is measured of a field at a step: [value], NaN where nothing is. \param x [point], NaN where
  /// the field has no value
  [[nodiscard]] virtual Eigen::VectorXd observe(const Eigen::VectorXd& x, std::int64_t step) const;

 protected:
  Operator(domain::Domain from, std::optional<domain::Domain> to, Eigen::Index values);
  /// \brief The matrix, row by row by `adjoint` where a class does not know better.
  [[nodiscard]] virtual SparseMatrix make_matrix() const;

 private:
  /// What such a matrix would take, by rows evenly spread.
  [[nodiscard]] double expected_bytes() const;

  domain::Domain from_;
  std::optional<domain::Domain> to_;
  Eigen::Index values_;
  mutable std::once_flag once_{};
  mutable SparseMatrix matrix_{};
};

using OperatorPointer = std::shared_ptr<const Operator>;

/// \brief An operator by its matrix.
class SparseOperator : public Operator {
 public:
  /// \param a [value][point] \throws Error(internal) where it does not fit the domains
  SparseOperator(domain::Domain from, std::optional<domain::Domain> to, const SparseMatrix& a);
  /// \brief The same where some values are never measured. \param measured [value]
  SparseOperator(domain::Domain from, std::optional<domain::Domain> to, const SparseMatrix& a,
                 std::vector<bool> measured);
  [[nodiscard]] Eigen::MatrixXd apply(const Eigen::Ref<const Eigen::MatrixXd>& x) const override;
  [[nodiscard]] Eigen::MatrixXd adjoint(const Eigen::Ref<const Eigen::MatrixXd>& y) const override;
  [[nodiscard]] bool sparse() const override { return true; }
  [[nodiscard]] std::vector<bool> measured(std::int64_t step) const override;

 private:
  [[nodiscard]] SparseMatrix make_matrix() const override { return a_; }
  SparseMatrix a_;
  std::vector<bool> measured_;
};

/// \brief Every point as it is.
OperatorPointer identity(const domain::Domain& domain);
/// \brief The second of what the first measures: B A. \throws Error(internal) when the first's values do not
/// lie on the second's domain
OperatorPointer compose(OperatorPointer first, OperatorPointer second);
/// \brief Several at once of one field: the values of the first, then of the second, ... on no domain.
/// \throws Error(internal) when there is none, or they measure fields of different domains
OperatorPointer stack(const std::vector<OperatorPointer>& operators);

/// \brief What an operator may be told of the measurement's file, where there is one.
struct OperatorContext {
  std::optional<domain::Domain> domain{};  ///< of its grid
};

/// \brief Makes an operator for fields on a domain. The options declare at least the operator's own.
using OperatorFactory =
    std::function<OperatorPointer(const domain::Domain&, const Config&, const OperatorContext&)>;

/// \brief Registry of operators. An operator registers itself from its own source file.
class OperatorRegistry {
 public:
  static OperatorRegistry& instance();
  /// \param options of the operator alone, keys under "<name>."
  void add(const std::string& name, const std::string& summary, std::vector<OptionSpec> options,
           OperatorFactory factory);
  [[nodiscard]] std::vector<std::string> names() const;
  /// \brief One line on an operator. \throws Error(usage) on an unknown name
  [[nodiscard]] const std::string& summary(const std::string& name) const;
  /// \brief Options of all operators, operator by operator.
  [[nodiscard]] std::vector<OptionSpec> specs() const;
  /// \brief Options of one. \throws Error(usage) on an unknown name
  [[nodiscard]] const std::vector<OptionSpec>& specs(const std::string& name) const;
  /// \brief Operators one after the other, each with its options; without a name the identity.
  /// \throws Error(usage) on an unknown name, nearest one offered, or options that do not suit the domain;
  /// Error(input) where an operator cannot be on a domain
  [[nodiscard]] OperatorPointer make(const std::vector<std::string>& names, const domain::Domain& from,
                                     const Config& options, const OperatorContext& context = {}) const;

 private:
  struct Entry {
    std::string summary;
    std::vector<OptionSpec> options;
    OperatorFactory factory;
  };
  [[nodiscard]] const Entry& entry(const std::string& name) const;
  std::map<std::string, Entry> entries_{};
};

/// \brief Registers an operator: a file-scope constant of its source.
struct OperatorRegistration {
  OperatorRegistration(const std::string& name, const std::string& summary, std::vector<OptionSpec> options,
                       OperatorFactory factory);
};

}  // namespace manifill::measurement
