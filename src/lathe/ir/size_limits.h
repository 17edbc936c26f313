#pragma once

#include <initializer_list>

#include "lathe/ir/graph.h"

/// How large networks may be. Within these limits every count of values, weights and bytes of a batch fits 63 bits.
namespace lathe::ir {

/// The widest layer, and the largest whole number that any attribute of a node may be.
inline constexpr std::int64_t kWidestLayer = std::int64_t{1} << 24;
/// Values of one row that a node, and all nodes together, may write.
inline constexpr std::int64_t kMostValues = std::int64_t{1} << 32;
/// Values of one tensor, and of all tensors together.
inline constexpr std::int64_t kMostWeights = std::int64_t{1} << 40;
inline constexpr std::size_t kMostNodes = 10'000;

/// Checks the whole numbers among a node's attributes, from which shapes are computed. Throws UserError naming the
/// attribute (the caller adds the node's name).
void check_attribute_sizes(const Node& node);

/// Checks a node's output and tensors. Throws UserError (the caller adds the node's name).
void check_tensor_sizes(const Node& node);

/// Checks what all nodes hold together, and their number. Throws UserError.
void check_total_size(const Graph& graph);

/// Multiplies counts. Throws UserError where the product is beyond 63 bits.
std::int64_t counted_product(std::initializer_list<std::int64_t> factors);
/// Adds to a count. Throws UserError where the sum is beyond 63 bits.
void add_count(std::int64_t count, std::int64_t& sum);

}  // namespace lathe::ir
