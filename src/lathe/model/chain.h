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
};

/// Describes one layer of a chain. Input widths (in_features, num_features) that are not given follow from the layer
/// before.
struct Layer {
  std::string op;
  std::string module_path;
  std::vector<ir::Attribute> attributes = {};
};

/// Builds a chain of layers on `[input_width]` features. Throws UserError naming the node.
ir::Graph build_chain(const std::string& name, std::int64_t input_width, const std::vector<Layer>& layers);

}  // namespace lathe::model
