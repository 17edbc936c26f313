#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "lathe/sampler/point_sequence.h"

namespace lathe::sampler {

/// Computes the points of Sobol's sequence in Gray code order, with 52 binary digits and the direction numbers of Joe
/// and Kuo: unscrambled equal to scipy's engine. Scrambled by a random lower-triangular matrix over GF(2) on the digits
/// and a digital shift (Matousek, "On the L2-discrepancy for anchored boxes", J. Complexity 14, 1998), per dimension.
class Sobol final : public PointSequence {
 public:
  /// Throws UserError for more than kSobolDimensions dimensions. `seed` is used with `scramble` only.
  Sobol(std::size_t dimensions, bool scramble, std::uint64_t seed);
  double coordinate(std::uint64_t index, std::size_t dimension) const override;

 private:
  static constexpr std::size_t kBits = 52;
  using Directions = std::array<std::uint64_t, kBits>;

  static Directions directions_of(std::size_t dimension);
  static Directions scrambled(const Directions& directions, std::uint64_t seed, std::size_t dimension);

  std::vector<Directions> directions_;
  std::vector<std::uint64_t> shifts_;
};

}  // namespace lathe::sampler
