#pragma once

#include <vector>

#include "lathe/sampler/domination.h"

namespace lathe::sampler {

/// Computes the volume that the points dominate below `reference` (all objectives minimised). Points that do not
/// dominate the reference add nothing. Exact: a sweep for two objectives, exclusive volumes for more (While,
/// Bradstreet, Barone, "A fast way of calculating exact hypervolumes", IEEE TEC 16(1), 2012).
double hypervolume(std::vector<Losses> points, const Losses& reference);

/// Returns the reference point of a set: max(1.1 w, 0.9 w) per objective, w its worst value, 1e-12 where that is zero.
Losses reference_point(const std::vector<Losses>& points);

/// Chooses among mutually non-dominated points greedily by hypervolume contribution (Guerreiro, Fonseca, Paquete,
/// "Greedy hypervolume subset selection in low dimensions", Evol. Comp. 24(3), 2016); ties to the lexicographically
/// smaller point. Distinct points come first; repeated ones fill up. Where the reference is not finite, points come in
/// order. Choosing more of the same points goes on where the last choice ended.
class HypervolumeSubset {
 public:
  HypervolumeSubset(const std::vector<Losses>& points, Losses reference);
  /// Returns the ascending indices of the first `count` points that are chosen (all if there are fewer).
  std::vector<std::size_t> first(std::size_t count);

 private:
  void choose_in_plane();
  void choose_lazily();

  Losses reference_;
  bool finite_ = true;
  std::size_t size_ = 0;
  std::vector<Losses> points_;        ///< distinct, sorted
  std::vector<std::size_t> index_;    ///< of the first occurrence of each
  std::vector<std::size_t> repeats_;  ///< ascending indices of all other occurrences
  std::vector<Losses> corner_;        ///< [distinct] two objectives: the corner of what the point would add
  std::vector<double> bound_;         ///< [distinct] more objectives: an upper bound of what it would add
  std::vector<bool> taken_;           ///< [distinct]
  std::vector<std::size_t> chosen_;   ///< in the order of the choice
  std::vector<Losses> chosen_points_;
};

/// Chooses `count` of `points` as HypervolumeSubset does. Returns ascending indices.
std::vector<std::size_t> select_by_hypervolume(const std::vector<Losses>& points, std::size_t count,
                                               const Losses& reference);

}  // namespace lathe::sampler
