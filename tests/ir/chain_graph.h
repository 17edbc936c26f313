#pragma once

#include <string>
#include <vector>

#include "lathe/ir/graph.h"

namespace lathe::ir::test {

/// Builds the labs' network: batch norm, ReLU, then layers 16-16-16-5 with ReLU behind each (nodes 2, 4, 6).
inline Graph three_layers() {
  GraphBuilder builder("three", {16});
  int index = 0;
  const auto add = [&](const std::string& op, std::vector<Attribute> attributes = {}) {
    builder.add(op, "seq_blocks." + std::to_string(index++), std::move(attributes));
  };
  const auto linear = [&](std::int64_t in, std::int64_t out) {
    add("linear", {{"in_features", in}, {"out_features", out}});
    add("relu");
  };
  add("batch_norm1d", {{"num_features", std::int64_t{16}}});
  add("relu");
  linear(16, 16);
  linear(16, 16);
  linear(16, 5);
  return std::move(builder).finish();
}

/// Builds a residual network: linear a (4 -> width), ReLU r, linear b, batch norm n, sum r + n, linear c (to 3).
inline Graph residual(std::int64_t width = 8) {
  GraphBuilder builder("residual", {4});
  const std::size_t a = builder.add("linear", "a", {{"in_features", std::int64_t{4}}, {"out_features", width}}, {0});
  const std::size_t r = builder.add("relu", "r", {}, {a});
  const std::size_t b = builder.add("linear", "b", {{"in_features", width}, {"out_features", width}}, {r});
  const std::size_t n = builder.add("batch_norm1d", "n", {{"num_features", width}}, {b});
  builder.add("add", "", {}, {r, n});
  builder.add("linear", "c", {{"in_features", width}, {"out_features", std::int64_t{3}}});
  return std::move(builder).finish();
}

/// Returns the text of the exception that `run` throws.
template <typename Exception, typename Run>
std::string error_text(Run run) {
  try {
    run();
  } catch (const Exception& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace lathe::ir::test
