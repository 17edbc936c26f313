#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "lathe/base/random.h"

namespace lathe::engine {

/// Draws the mask of one dropout node for one training batch. Whether a value is kept is a pure function of
/// (dropout_seed, node, row, feature), so that every back end drops the same values in whatever order it works:
///   key = RandomStream(dropout_seed, {node}, "dropout").next_u64(), low word first
///   u   = (philox4x32({feature / 4, row, 0, 0}, key)[feature % 4] >> 8) * 2^-24
///   y   = u >= probability ? x * scale() : 0
/// `node` is the node's index in the graph, `row` the sample's place in the batch given to Session::accumulate,
/// `feature` the row-major index in the sample.
class DropoutMask {
 public:
  DropoutMask(std::uint64_t dropout_seed, std::size_t node, double probability) : probability_(probability) {
    RandomStream stream(dropout_seed, {static_cast<std::uint64_t>(node)}, "dropout");
    const std::uint64_t word = stream.next_u64();
    key_ = {static_cast<std::uint32_t>(word), static_cast<std::uint32_t>(word >> 32)};
  }

  /// Tells for features 4 * `quad` .. 4 * `quad` + 3 of a row whether they are kept.
  std::array<bool, 4> keeps_quad(std::uint32_t row, std::uint32_t quad) const {
    const auto block = philox4x32({quad, row, 0, 0}, key_);
    return {kept(block[0]), kept(block[1]), kept(block[2]), kept(block[3])};
  }
  bool keeps(std::uint32_t row, std::uint32_t feature) const { return keeps_quad(row, feature / 4)[feature % 4]; }

  /// Returns the factor of kept values, 1 / (1 - probability); 0 where nothing is kept.
  double scale() const { return probability_ < 1 ? 1 / (1 - probability_) : 0; }

 private:
  bool kept(std::uint32_t bits) const { return static_cast<double>(bits >> 8) * 0x1p-24 >= probability_; }

  std::array<std::uint32_t, 2> key_{};
  double probability_ = 0;
};

}  // namespace lathe::engine
