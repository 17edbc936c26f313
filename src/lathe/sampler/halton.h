#pragma once

#include <cstdint>
#include <vector>

#include "lathe/sampler/point_sequence.h"

namespace lathe::sampler {

/// Computes the points of Halton's sequence: coordinate d is the radical inverse of the index in the d-th prime base.
/// Unscrambled equal to scipy's engine. Scrambled by a random permutation of the digits, another one for each digit of
/// each dimension (Owen, "A randomized Halton algorithm in R", arXiv 1706.02808). Serves any number of dimensions.
class Halton final : public PointSequence {
 public:
  /// `seed` is used with `scramble` only.
  Halton(std::size_t dimensions, bool scramble, std::uint64_t seed);
  double coordinate(std::uint64_t index, std::size_t dimension) const override;

 private:
  double scrambled_coordinate(std::uint64_t index, std::size_t dimension) const;

  std::vector<std::uint32_t> bases_;
  std::vector<std::size_t> digits_;                       ///< [dimension] scrambled digits; more vanish in 2^-53
  std::vector<std::vector<std::uint32_t>> permutations_;  ///< [dimension][digit * base + value]; empty: not scrambled
};

}  // namespace lathe::sampler
