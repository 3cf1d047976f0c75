#include "manifill/pipeline/evaluation.hpp"

#include <cmath>

#include "catch.hpp"
#include "manifill/base/random.hpp"
#include "manifill/verification/crps.hpp"
#include "random_numbers.hpp"

using namespace manifill;
using namespace manifill::pipeline;
using manifill::test::normals;

TEST_CASE("methods are scored on the same fields, with what they cost", "[pipeline]") {
  RandomStream random({.seed = 4});
  std::vector<WithheldField> fields(5);
  for (auto& f : fields) {
    f.truth = normals(random, 40, 1);
    f.weight = Eigen::VectorXd::Constant(40, 0.025);
    f.weight.head(20).setZero();
    f.observed.assign(40, false);
    std::fill_n(f.observed.begin(), 20, true);
    f.values = f.truth;
    f.values.tail(20).setConstant(std::nan(""));
  }
  fields[2].weight.setZero();  // nothing to score
  const Eigen::MatrixXd members = normals(random, 40, 6);
  const verification::FieldScorer scorer;
  const Method ensemble{
      "ensemble",
      [&](const WithheldField&) { return Answer{.members = members, .evaluations = 3.0, .gradients = 1.0}; },
      12.0};
  const auto scores = score_method(ensemble, scorer, fields);
  CHECK(scores.name == "ensemble");
  CHECK(scores.fields.size() == 4);
  CHECK(scores.evaluations == Approx(3.0));
  CHECK(scores.gradients == Approx(1.0));
  CHECK(scores.training == 12.0);
  CHECK(scores.first >= 0.0);
  CHECK(scores.seconds >= 0.0);
  CHECK(verification::summarise(scores.fields).members == 6);
  CHECK(scores.fields[0].crps == scorer.score(members, fields[0].truth, fields[0].weight, 1).crps);
  CHECK(scores.fields[2].crps == scorer.score(members, fields[3].truth, fields[3].weight, 4).crps);

  // Marginals have no members, a fill without uncertainty has one.
  const Method marginal{"marginal", [&](const WithheldField& f) {
                          return Answer{.mean = Eigen::VectorXd::Zero(f.truth.size()),
                                        .sd = Eigen::VectorXd::Ones(f.truth.size())};
                        }};
  const auto gaussian = verification::summarise(score_method(marginal, scorer, fields).fields);
  CHECK(gaussian.members == 0);
  double crps = 0.0;
  for (const std::size_t k : {0U, 1U, 3U, 4U})
    for (Eigen::Index i = 20; i < 40; ++i)
      crps += verification::gaussian_crps(0.0, 1.0, fields[k].truth[i]) / 80.0;
  CHECK(gaussian.crps == Approx(crps));
  const Method fill{"zero", [](const WithheldField& f) {
                      return Answer{.members = Eigen::VectorXd::Zero(f.truth.size())};
                    }};
  const auto single = verification::summarise(score_method(fill, scorer, fields).fields);
  CHECK(single.members == 1);
  CHECK(single.crps == Approx(single.mae));
}
