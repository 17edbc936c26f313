#pragma once

#include <cstddef>
#include <vector>

namespace lathe::backend::dense {

/// Says what flows between the stages of a program while it is compiled. Value 0 is the network's input, value k + 1
/// the output of stage k.
struct StageReads {
  std::vector<std::vector<std::size_t>> of_stage;  ///< [stages] the values that it reads, in the order of its inputs
  std::size_t result = 0;                          ///< the value that the network's output is

  /// Counts how often a value is read, the network's output included.
  std::size_t count(std::size_t value) const {
    std::size_t reads = value == result ? 1 : 0;
    for (const std::vector<std::size_t>& values : of_stage)
      for (const std::size_t read : values) reads += read == value ? 1 : 0;
    return reads;
  }
};

}  // namespace lathe::backend::dense
