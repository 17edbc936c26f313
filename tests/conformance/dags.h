#pragma once

#include <cstdint>

#include "conformance/networks.h"

/// Networks whose nodes read any earlier ones.
namespace lathe::conformance {

/// Adds nodes one by one; names are made up.
class Dag {
 public:
  explicit Dag(std::int64_t in_features) : builder_("dag", {in_features}) {}
  /// Adds a layer that reads `inputs` (node indices) and returns its index.
  std::size_t add(const Layer& layer, std::vector<std::size_t> inputs);
  std::size_t sum(std::vector<std::size_t> inputs) { return add({"add", {}}, std::move(inputs)); }
  std::int64_t width(std::size_t node) const { return builder_.graph().nodes[node].output_shape[0]; }
  const ir::Graph& graph() const { return builder_.graph(); }
  ir::Graph finish() && { return std::move(builder_).finish(); }

 private:
  ir::GraphBuilder builder_;
};

/// Says which layers random networks are made of, beside linear layers and sums.
struct DagLayers {
  bool smooth = true;   ///< tanh, sigmoid, gelu, identity
  bool kinked = false;  ///< relu, leaky_relu
  bool norms = false;
  bool dropout = false;
  bool quantizers = false;
};

/// Makes a random network of 3 to 20 nodes, widths 1 to 40, 7 features and 5 classes; nodes that nothing reads are
/// summed up in the end. The same seed and layers give the same network.
ir::Graph random_dag(std::uint64_t seed, const DagLayers& layers);

/// Makes sums within sums over two batch norms, a value read by three nodes and one read twice by a sum.
ir::Graph nested_sums(const std::string& activation, double dropout);

}  // namespace lathe::conformance
