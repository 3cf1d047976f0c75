#include "manifill/pipeline/evaluation.hpp"

#include <algorithm>

#include "manifill/base/stopwatch.hpp"

namespace manifill::pipeline {

verification::FieldScores score_answer(const verification::FieldScorer& scorer, const Answer& answer,
                                       const WithheldField& field, std::int64_t number) {
  return answer.members.size() > 0 ? scorer.score(answer.members, field.truth, field.weight, number)
                                   : scorer.score_gaussian(answer.mean, answer.sd, field.truth, field.weight);
}

MethodScores score_method(const Method& method, const verification::FieldScorer& scorer,
                          const std::vector<WithheldField>& fields) {
  MethodScores out{.name = method.name, .training = method.training};
  double total = 0.0;
  for (std::size_t k = 0; k < fields.size(); ++k) {
    const Stopwatch watch;
    const Answer answer = method.answer(fields[k]);
    (k == 0 ? out.first : total) += watch.seconds();
    out.evaluations += answer.evaluations / static_cast<double>(fields.size());
    out.gradients += answer.gradients / static_cast<double>(fields.size());
    auto scores = score_answer(scorer, answer, fields[k], static_cast<std::int64_t>(k) + 1);
    if (scores.weight > 0.0) out.fields.push_back(std::move(scores));
  }
  out.seconds = fields.size() > 1 ? total / static_cast<double>(fields.size() - 1) : out.first;
  return out;
}

}  // namespace manifill::pipeline
