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
