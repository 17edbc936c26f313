#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lathe/space/space.h"

namespace lathe::sampler {

/// Numbers the assignments of a space: the last dimension counts fastest, so that codes order assignments
/// lexicographically.
class MixedRadix {
 public:
  explicit MixedRadix(std::vector<std::int64_t> sizes);

  const std::vector<std::int64_t>& sizes() const { return sizes_; }
  /// Returns the number of assignments; nullopt when it does not fit 62 bits.
  std::optional<std::uint64_t> size() const { return size_; }
  /// Returns the code of an assignment; for spaces without a size a 64-bit hash instead.
  std::uint64_t encode(const space::Assignment& assignment) const;
  /// Returns the assignment of a code below size().
  space::Assignment decode(std::uint64_t code) const;

 private:
  std::vector<std::int64_t> sizes_;
  std::optional<std::uint64_t> size_;
};

}  // namespace lathe::sampler
