#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "evaluate_parts.hpp"
#include "field_filler.hpp"
#include "manifill/base/error.hpp"
#include "manifill/posterior/matern.hpp"

namespace manifill::pipeline {
namespace {

class MaternAnswers : public Answers {
 public:
  MaternAnswers(const Config& c, CaseMaker& maker)
      : maker_(maker),
        request_(request_of(c)),
        nodes_(std::make_shared<const operators::DomainLaplacian>(
            operators::domain_laplacian(maker.domain(), c.real("matern.margin")))) {
    const auto degree = static_cast<int>(c.integer("matern.latitude_degree"));
    const auto degrees = degree < 0 ? posterior::latitude_degrees(maker.domain()) : std::vector<int>{degree};
    const Eigen::MatrixXd drift = posterior::latitude_drift(maker.domain(), degrees.back());
    const prior::MaternParameters stated{c.real("matern.range"), std::pow(c.real("matern.sd"), 2),
                                         std::pow(c.real("matern.nugget_sd"), 2)};
    const auto given = (stated.range > 0.0) + (stated.variance > 0.0) + (stated.nugget > 0.0);
    if (given != 0 && given != 3)
      throw Error(ErrorKind::usage, "only some of a Matern field's parameters were given",
                  {.remedy = "Give matern.range, matern.sd and matern.nugget_sd, or none of them"});
    for (std::size_t s = 0; s < maker.settings().size(); ++s) {
      if (maker.settings()[s].measurement) continue;
      const Eigen::MatrixXd some =
          some_fields(maker, s, static_cast<std::size_t>(c.integer("matern.fields")));
      if (some.cols() == 0) continue;  // nothing of this setting can be scored either
      const auto withheld = posterior::withheld_blocks(maker.domain());
      posterior::MaternFit found{.parameters = stated};
      if (given == 0)
        found = posterior::fit_matern_and_degree(nodes_, some, drift, degrees, withheld);
      else
        found.coefficients =
            1 + (degrees.size() > 1 ? posterior::best_degree(nodes_, some, drift, degrees, withheld, stated)
                                    : degrees.front());
      fits_[s] = {std::make_shared<const prior::MaternField>(nodes_, found.parameters),
                  drift.leftCols(found.coefficients), found.parameters.nugget};
    }
  }

  [[nodiscard]] Answer answer(const PlannedCase& c, const WithheldField& field) override {
    refuse_measurement(maker_.settings()[c.setting], kMatern);
    const Fit& fit = fits_.at(c.setting);
    const posterior::MaternPosterior posterior(fit.field, field.observed, fit.drift);
    const auto likelihood = posterior.likelihood(field.values);
    Eigen::MatrixXd members = posterior.draw(field.values, {.seed = request_.seed,
                                                            .time = c.step,
                                                            .first_member = request_.first_member,
                                                            .members = request_.members});
    // What a cell does not share with its neighbours is part of the truth; the noise that was added is not.
    const double noise = maker_.settings()[c.setting].noise;
    const double own = std::sqrt(std::max(0.0, fit.nugget - noise * noise));
    return {.members = with_white_noise(std::move(members), own, c.step, request_),
            .chi_square = likelihood.chi_square / posterior.freedom()};
  }

 private:
  struct Fit {
    std::shared_ptr<const prior::MaternField> field;
    Eigen::MatrixXd drift;
    double nugget;
  };

  /// What stays observed of some cases of a setting, spread evenly: [point][field].
  static Eigen::MatrixXd some_fields(CaseMaker& maker, std::size_t setting, std::size_t wanted) {
    std::vector<const PlannedCase*> own;
    for (const auto& c : maker.cases())
      if (c.setting == setting) own.push_back(&c);
    // Those in the middle of equal parts of the cases first, then whatever is left.
    const std::size_t count = std::min(own.size(), wanted);
    std::vector<const PlannedCase*> order;
    for (std::size_t k = 0; k < count; ++k) order.push_back(own[(2 * k + 1) * own.size() / (2 * count)]);
    order.insert(order.end(), own.begin(), own.end());
    std::vector<Eigen::VectorXd> fields;
    for (std::size_t k = 0; k < order.size() && fields.size() < count; ++k) {
      if (k >= count && std::find(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count),
                                  order[k]) != order.begin() + static_cast<std::ptrdiff_t>(count))
        continue;
      WithheldField field = maker.make(*order[k]);
      if (field.weight.sum() > 0.0) fields.push_back(std::move(field.values));
    }
    Eigen::MatrixXd out(static_cast<Eigen::Index>(maker.domain().size()),
                        static_cast<Eigen::Index>(fields.size()));
    for (std::size_t k = 0; k < fields.size(); ++k) out.col(static_cast<Eigen::Index>(k)) = fields[k];
    return out;
  }

  const CaseMaker& maker_;
  posterior::SampleRequest request_;
  std::shared_ptr<const operators::DomainLaplacian> nodes_;
  std::map<std::size_t, Fit> fits_{};  // by setting
};

}  // namespace

std::unique_ptr<Answers> make_matern_answers(const Config& config, CaseMaker& maker) {
  return std::make_unique<MaternAnswers>(config, maker);
}

}  // namespace manifill::pipeline
