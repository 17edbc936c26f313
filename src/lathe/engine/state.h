#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lathe/base/hash.h"
#include "lathe/base/shape.h"
#include "lathe/ir/graph.h"

namespace lathe::engine {

/// Holds one tensor of a network's state under its state-dict name (`seq_blocks.2.weight`).
struct NamedTensor {
  std::string name;
  Shape shape;
  std::vector<float> values;
  bool trainable = true;
  bool integral = false;  ///< int64 in files (num_batches_tracked)
  bool operator==(const NamedTensor&) const = default;
};

/// Holds the tensors of a network in graph order, parameters and buffers, as PyTorch's state_dict() lists them.
using State = std::vector<NamedTensor>;

/// Makes fresh weights with PyTorch's default initialisation, a function of (seed, candidate, repeat) alone.
/// `candidate` is the first word of the candidate key.
State initial_state(const ir::Graph& graph, std::uint64_t seed, std::uint64_t candidate, std::uint64_t repeat);

/// Returns a state of the graph's names and shapes, all zero (gradients, moments).
State zero_state(const ir::Graph& graph);

/// Checks that `state` has exactly the graph's tensors. Throws DataError naming the first that is missing, unexpected
/// or of another shape.
void check_state(const ir::Graph& graph, const State& state, const std::string& origin);

/// Hashes names, shapes and values.
Digest hash_state(const State& state);

}  // namespace lathe::engine
