#pragma once

#include <cstddef>
#include <cstdint>

namespace lathe::sampler {

/// Gives the points of a sequence in the unit cube one coordinate at a time, in any order.
class PointSequence {
 public:
  virtual ~PointSequence() = default;
  /// Returns a coordinate of point `index`, in [0, 1).
  virtual double coordinate(std::uint64_t index, std::size_t dimension) const = 0;
};

}  // namespace lathe::sampler
