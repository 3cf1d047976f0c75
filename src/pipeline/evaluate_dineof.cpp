#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "evaluate_parts.hpp"
#include "field_filler.hpp"
#include "manifill/posterior/dineof.hpp"

namespace manifill::pipeline {
namespace {

/// A case's place: setting and series make a record, the step is a time of it.
using RecordKey = std::pair<std::size_t, std::size_t>;

class DineofAnswers : public Answers {
 public:
  DineofAnswers(const Config& c, CaseMaker& maker) : maker_(maker), request_(request_of(c)) {
    std::map<RecordKey, std::vector<const PlannedCase*>> records;
    for (const auto& one : maker.cases())
      if (!maker.settings()[one.setting].measurement) records[{one.setting, one.series}].push_back(&one);
    for (auto& [key, cases] : records) {
      std::sort(cases.begin(), cases.end(),
                [](const PlannedCase* a, const PlannedCase* b) { return a->step < b->step; });
      Record& r = records_[key];
      Eigen::MatrixXd values(static_cast<Eigen::Index>(maker.domain().size()),
                             static_cast<Eigen::Index>(cases.size()));
      std::int64_t least = std::numeric_limits<std::int64_t>::max();
      for (std::size_t k = 0; k < cases.size(); ++k) {
        values.col(static_cast<Eigen::Index>(k)) = maker.make(*cases[k]).values;
        r.column[cases[k]->step] = static_cast<Eigen::Index>(k);
        if (k > 0) least = std::min(least, cases[k]->step - cases[k - 1]->step);
      }
      std::vector<double> times;
      for (const auto* one : cases)
        times.push_back(static_cast<double>(one->step - cases.front()->step) /
                        static_cast<double>(std::max<std::int64_t>(1, least)));
      r.modes = modes_of_record(c, maker.domain(), values, times, request_.seed);
    }
  }

  [[nodiscard]] Answer answer(const PlannedCase& c, const WithheldField& field) override {
    refuse_measurement(maker_.settings()[c.setting], kDineof);
    const Record& r = records_.at({c.setting, c.series});
    // What the modes leave over is part of the truth; the noise that was added is not.
    const double noise = maker_.settings()[c.setting].noise;
    const double white = std::sqrt(std::max(0.0, r.modes.residual * r.modes.residual - noise * noise));
    return {.members = dineof_members(r.modes, r.column.at(c.step), field.observed, white, c.step, request_)};
  }

 private:
  struct Record {
    posterior::Dineof modes{};
    std::map<std::int64_t, Eigen::Index> column{};  // by step
  };
  const CaseMaker& maker_;
  posterior::SampleRequest request_;
  std::map<RecordKey, Record> records_{};
};

}  // namespace

std::unique_ptr<Answers> make_dineof_answers(const Config& config, CaseMaker& maker) {
  return std::make_unique<DineofAnswers>(config, maker);
}

}  // namespace manifill::pipeline
