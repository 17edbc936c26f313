#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lathe/ir/graph.h"
#include "lathe/model/request.h"

namespace lathe::model {

/// Describes one layer. Widths that are not given follow from what it reads (in_features, in_channels, num_features)
/// and from the data (num_embeddings, positions).
struct Layer {
  std::string op;
  /// What later layers call it. A module keeps it in the graph, functions (add, or a flatten that is none) have no such
  /// path there; empty: a function, called by its node name. A module without parameters may be called again under its
  /// path (torchvision's ReLU): later layers that name the path mean the last call.
  std::string module_path;
  std::vector<ir::Attribute> attributes = {};
  /// What it reads, by path or node name (`x`: the network's input); empty: the layer before.
  std::vector<std::string> inputs = {};
  std::string node_name = {};  ///< empty: as torch.fx names it, `feature_layers_0`, `add`, `add_1`
};

/// Builds a network layer by layer on the rows of a request.
class LayerBuilder {
 public:
  LayerBuilder(const std::string& name, const ModelRequest& request);
  /// Adds a layer. Throws UserError naming it: unknown inputs (nearest shown), images where features are read (with
  /// the advice to flatten them), what GraphBuilder refuses.
  void add(const Layer& layer);
  /// Returns the verified network; the last layer is its output. Throws UserError for a layer that no other reads.
  ir::Graph finish() &&;

 private:
  std::size_t index_of(const Layer& layer, const std::string& input) const;

  ir::GraphBuilder builder_;
  ModelRequest request_;
  std::vector<std::string> paths_;  ///< [nodes] what layers may call them beside the node names
};

/// Builds a network of layers: a chain, except where layers name their inputs. Throws UserError naming the layer.
ir::Graph build_chain(const std::string& name, const ModelRequest& request, const std::vector<Layer>& layers);

}  // namespace lathe::model
