#pragma once

#include <cstdint>
#include <string>

#include "lathe/base/shape.h"
#include "lathe/ir/graph.h"

namespace lathe::model {

/// Says what the data asks of a network.
struct ModelRequest {
  Shape input_shape = {16};  ///< of a row: [features], an image [channels, height, width] or a text [tokens]
  std::int64_t classes = 5;
  bool regression = false;      ///< `classes` counts targets
  std::int64_t vocabulary = 0;  ///< texts: tokens are in [0, vocabulary); 0: no texts
  std::int64_t positions = 1;   ///< labels of a row: above 1 each token has its own (language modelling)

  /// Returns what the network must give for a row: [classes], or [positions, classes].
  Shape output_shape() const { return positions > 1 ? Shape{positions, classes} : Shape{classes}; }
};

/// Returns the request that a network answers, the vocabulary being that of its embedding.
ModelRequest request_of(const ir::Graph& graph);

/// Prints the shape of a row as people write it: `16`, `3x32x32`.
std::string size_text(const Shape& shape);

}  // namespace lathe::model
