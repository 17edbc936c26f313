#include "lathe/ir/analysis/readers.h"

namespace lathe::ir {

std::vector<bool> read_nodes(const Graph& graph) {
  std::vector<bool> read(graph.nodes.size());
  for (const Node& node : graph.nodes)
    for (const std::size_t input : node.inputs) read[input] = true;
  return read;
}

}  // namespace lathe::ir
