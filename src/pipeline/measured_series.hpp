#pragma once
// What was measured, step by step, as observations of a model's fields.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include "manifill/io/gridded.hpp"
#include "manifill/io/stations.hpp"
#include "manifill/measurement/operator.hpp"
#include "manifill/posterior/gaussian_window.hpp"
#include "manifill/posterior/model.hpp"
#include "measurements.hpp"

namespace manifill::pipeline {

/// One measurement's file through its operators. Not thread-safe.
class MeasuredSeries {
 public:
  virtual ~MeasuredSeries() = default;
  MeasuredSeries(const MeasuredSeries&) = delete;
  MeasuredSeries& operator=(const MeasuredSeries&) = delete;
  MeasuredSeries(MeasuredSeries&&) = delete;
  MeasuredSeries& operator=(MeasuredSeries&&) = delete;

  /// [entry], absolute steps, increasing, and fractions of the year.
  [[nodiscard]] const std::vector<std::int64_t>& index() const { return index_; }
  [[nodiscard]] const std::vector<double>& season() const { return season_; }
  [[nodiscard]] virtual std::size_t extras() const { return 1; }
  /// Most values of a step, for memory; lines for the user.
  [[nodiscard]] std::size_t most() const { return most_; }
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }
  [[nodiscard]] const measurement::Operator& measured_by() const { return *operator_; }
  /// model = unit_scale * file + unit_offset
  [[nodiscard]] double unit_scale() const { return unit_scale_; }
  [[nodiscard]] double unit_offset() const { return unit_offset_; }
  [[nodiscard]] const MeasurementPart& part() const { return part_; }
  [[nodiscard]] const std::string& variable() const { return variable_; }
  [[nodiscard]] const std::string& units() const { return units_; }

  /// The noise where the file states none by cell: standard deviation, the model's units.
  void set_noise(double sigma);
  [[nodiscard]] virtual bool noise_by_cell() const { return false; }
  /// \throws Error(input) at a value or a noise that cannot be
  [[nodiscard]] posterior::StepObservation step(std::size_t extra, std::size_t entry);

 protected:
  /// What was seen at a step.
  struct Seen {
    std::vector<int> row{};       // of the operator's, of each value
    std::vector<double> y{};      // the model's units
    std::vector<double> sigma{};  // the model's units; empty where the file states none
  };
  MeasuredSeries(const MeasurementPart& part, const posterior::Model& model);
  [[nodiscard]] virtual Seen seen(std::size_t extra, std::size_t entry) = 0;
  /// Rows of the operator at a step, of fields that have values where the model knows them.
  [[nodiscard]] const measurement::MeasuredRows& rows(std::size_t entry);
  /// Whether a row of it is a mean, so that its values lie within the field's; and its sum.
  [[nodiscard]] bool mean_row(int row) const { return mean_[static_cast<std::size_t>(row)]; }
  [[nodiscard]] double row_sum(int row) const { return sum_[row]; }
  void check_reached();

  MeasurementPart part_;
  const posterior::Model& model_;
  measurement::OperatorPointer operator_{};
  std::string variable_{};
  std::string units_{};
  double unit_scale_ = 1.0;
  double unit_offset_ = 0.0;
  std::vector<std::int64_t> index_{};
  std::vector<double> season_{};
  std::size_t most_ = 0;
  std::vector<std::string> notes_{};

 private:
  double noise_ = 1.0;
  std::vector<bool> active_{};  // [point of the model]
  std::shared_ptr<const measurement::MeasuredRows> rows_{};
  std::size_t rows_of_ = 0;  // entry
  std::vector<bool> mean_{};
  Eigen::VectorXd sum_{};
  // The last measurement: steps that see the same share it, and what is factorised for it.
  Seen last_{};
  std::shared_ptr<const measurement::MeasuredRows> last_rows_{};
  std::shared_ptr<const measurement::Measurement> last_measurement_{};
  std::map<std::pair<std::size_t, std::size_t>, posterior::StepObservation> held_{};
};

/// Of a file of fields or of stations. `gridded` is set where it is one of fields.
struct OpenedMeasurement {
  std::unique_ptr<io::GriddedVariable> gridded{};
  std::unique_ptr<io::Stations> stations{};
  std::vector<io::DateTime> dates{};  // of the steps of stations
  std::unique_ptr<MeasuredSeries> series{};
};

/// \throws Error(input) where file and model do not fit together or with the operators; Error(usage)
OpenedMeasurement open_measurement(const MeasurementPart& part, const posterior::Model& model);

}  // namespace manifill::pipeline
