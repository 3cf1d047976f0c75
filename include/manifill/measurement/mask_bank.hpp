#pragma once
/// \file
/// \brief Random masks for training and scoring: blocks, swaths, scattered cells, bands, gaps of other times.

#include <cstdint>
#include <string>
#include <vector>

#include "manifill/base/random.hpp"
#include "manifill/domain/domain.hpp"

namespace manifill::measurement {

/// \brief Observed cells of one step: true where observed, [point].
using ObservedCells = std::vector<bool>;

/// \brief Kinds of masks that are drawn where none is named: "blocks", "scattered", "blocks_scattered",
/// "swaths", "bands", "gaps".
std::vector<std::string> mask_kinds();
/// \brief All that can be named: these, "half" (one half of the rows or columns, whatever the share asked
/// for) and "box" (one rectangle of that share, as a whole within the grid).
std::vector<std::string> named_mask_kinds();

/// \brief Draws masks on a domain. Where points come in no rows and columns of latitude and longitude, blocks
/// are discs, swaths and bands slabs across a random direction in space; where they come in none at all
/// (cells, surfaces) a box is a disc, and a half what lies on one side across such a direction.
class MaskBank {
 public:
  /// \param gaps masks of other times to draw from, true where observed; may be empty
  /// \param kinds names to draw from, with equal chances; empty: mask_kinds ("gaps" only where there are any)
  /// \throws Error(usage) on an unknown kind
  MaskBank(const domain::Domain& domain, std::vector<ObservedCells> gaps,
           std::vector<std::string> kinds = {});

  [[nodiscard]] bool has_gaps() const { return !gaps_.empty(); }
  /// \brief A mask of a random kind that hides about `hidden` of the cells (kinds "gaps" and "half": as they
  /// are).
  [[nodiscard]] ObservedCells draw(RandomStream& random, double hidden) const;
  [[nodiscard]] ObservedCells draw(RandomStream& random, double hidden, const std::string& kind) const;

 private:
  void hide_discs(RandomStream& random, double hidden, ObservedCells& cells) const;
  void hide_slabs(RandomStream& random, double hidden, double period, ObservedCells& cells) const;
  void hide_blocks(RandomStream& random, double hidden, ObservedCells& cells) const;
  void hide_scattered(RandomStream& random, double hidden, ObservedCells& cells) const;
  void hide_swaths(RandomStream& random, double hidden, ObservedCells& cells) const;
  void hide_bands(RandomStream& random, double hidden, ObservedCells& cells) const;
  void hide_half(RandomStream& random, ObservedCells& cells) const;
  void hide_box(RandomStream& random, double hidden, ObservedCells& cells) const;

  domain::Domain domain_;
  std::vector<ObservedCells> gaps_;
  std::vector<std::string> kinds_;
};

/// \brief The scoring mask of docs/results.md for pressure: two to four rectangles of 6-12 x 6-16 cells and
/// 20 % of the cells hidden. Off lat-lon grids the rectangles are discs of as many points, at most an eighth
/// of all.
ObservedCells blocks_and_scattered(const domain::Domain& domain, RandomStream& random);

}  // namespace manifill::measurement
