#pragma once

#include <string>
#include <utility>

#include "lathe/ir/graph.h"

namespace lathe::space {

/// Makes the labs' network: batch norm, then linear layers of the given widths, each behind a relu; nodes seq_blocks_N.
inline ir::Graph jet_network(std::initializer_list<std::int64_t> widths) {
  ir::GraphBuilder builder("jsc-test", {16});
  builder.add("batch_norm1d", "seq_blocks.0", {{"num_features", std::int64_t{16}}});
  builder.add("relu", "seq_blocks.1");
  int index = 2;
  std::int64_t inputs = 16;
  for (const std::int64_t width : widths) {
    builder.add("linear", "seq_blocks." + std::to_string(index++), {{"in_features", inputs}, {"out_features", width}});
    inputs = width;
    builder.add("relu", "seq_blocks." + std::to_string(index++));
  }
  return std::move(builder).finish();
}

/// Makes jsc-tiny (node 2) and jsc-three-linear-layers (nodes 2, 4, 6).
inline ir::Graph tiny_network() { return jet_network({5}); }
inline ir::Graph three_layers() { return jet_network({16, 16, 5}); }

/// Makes a residual network: linear a (16 -> 8), relu r, linear b (8 -> 8), the sum `add` of r and b, linear c (to 5).
inline ir::Graph residual_network() {
  ir::GraphBuilder builder("residual", {16});
  const auto linear = [&](const char* name, std::int64_t in, std::int64_t out) {
    return builder.add("linear", name, {{"in_features", in}, {"out_features", out}});
  };
  linear("a", 16, 8);
  const std::size_t r = builder.add("relu", "r");
  const std::size_t b = linear("b", 8, 8);
  builder.add("add", "", {}, {r, b});
  linear("c", 8, 5);
  return std::move(builder).finish();
}

}  // namespace lathe::space
