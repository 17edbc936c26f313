#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_set>

#include "lathe/base/random.h"
#include "lathe/parameter/space.h"
#include "lathe/sampler/permutation.h"

namespace lathe::sampler {

/// Remembers which points of a space were given to trials, and finds free ones. What it answers depends on the set of
/// these points alone. About 40 bytes per point. Spaces without a count are recognised by a 64-bit hash.
class FreePoints {
 public:
  /// With `deduplicate` false every point stays free.
  FreePoints(parameter::Space space, bool deduplicate, std::uint64_t seed, std::string_view purpose);

  void take(const parameter::Assignment& assignment);
  bool is_free(const parameter::Assignment& assignment) const;
  /// Tells whether every point of a finite space was taken.
  bool exhausted() const;
  /// Draws points parameter by parameter until one is free; after 64 vain ones returns the first free point of a
  /// pseudo-random order (amortised constant time), or on a space without a count the last draw. Not to be called on
  /// an exhausted space.
  parameter::Assignment draw(RandomStream& stream);

 private:
  parameter::Space space_;
  bool deduplicate_;
  std::unordered_set<std::uint64_t> taken_;
  std::optional<Permutation> order_;
  std::uint64_t cursor_ = 0;  ///< all positions of the order before are taken
};

}  // namespace lathe::sampler
