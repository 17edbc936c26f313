#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lathe/ir/graph.h"

namespace lathe::model {

/// Says what the data asks of a network.
struct ModelRequest {
  std::int64_t input_width = 16;  ///< features of a sample
  std::int64_t classes = 5;
  bool regression = false;  ///< `classes` counts targets
};

/// Describes one layer. Input widths (in_features, num_features) that are not given follow from what it reads.
struct Layer {
  std::string op;
  std::string module_path;  ///< what later layers call it; functions (add) have no such path in the graph
  std::vector<ir::Attribute> attributes = {};
  /// What it reads, by path or node name (`x`: the network's input); empty: the layer before.
  std::vector<std::string> inputs = {};
  std::string node_name = {};  ///< of a function; empty: as torch.fx names it, `add`, `add_1`
};

/// Builds a network layer by layer on `[input_width]` features.
class LayerBuilder {
 public:
  LayerBuilder(const std::string& name, std::int64_t input_width);
  /// Adds a layer. Throws UserError naming it: unknown inputs (nearest shown), what GraphBuilder refuses.
  void add(const Layer& layer);
  /// Returns the verified network; the last layer is its output. Throws UserError for a layer that no other reads.
  ir::Graph finish() &&;

 private:
  std::size_t index_of(const Layer& layer, const std::string& input) const;

  ir::GraphBuilder builder_;
  std::vector<std::string> paths_;  ///< [nodes] what layers may call them beside the node names
};

/// Builds a network of layers: a chain, except where layers name their inputs. Throws UserError naming the layer.
ir::Graph build_chain(const std::string& name, std::int64_t input_width, const std::vector<Layer>& layers);

}  // namespace lathe::model
