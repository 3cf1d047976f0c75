#pragma once
/// \file
/// \brief Which of a backbone's classes of fields a window's observations speak for.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

#include "manifill/posterior/gaussian_window.hpp"

namespace manifill::posterior {

/// \brief The class of the greatest evidence, log p_k + log N(y; A mean, A C_k A^T + R) (empirical Bayes;
/// MacKay 1992, Neural Comput. 4:415), of at most 512 of a step's observations, scattered over all
/// of them: they tell a smooth field from a rough one in a fraction of the time that all would take.
/// Factorisations of the last measurement are kept. Safe to use from several threads.
class ClassChoice {
 public:
  explicit ClassChoice(const prior::Backbone& backbone) : backbone_(backbone) {}

  /// \return as Backbone::of_class counts: 0 where the backbone has no classes; the commonest where nothing
  /// is observed
  [[nodiscard]] std::size_t operator()(const Window& window);

 private:
  struct Factors;
  [[nodiscard]] std::shared_ptr<const Factors> factors(const Window& window);

  prior::Backbone backbone_;
  std::mutex mutex_{};
  std::shared_ptr<const Factors> last_{};
};

}  // namespace manifill::posterior
