#pragma once

#include "lathe/config/value.h"
#include "lathe/model/chain.h"

namespace lathe::model {

/// Makes the network of a `[model]` table:
///   [model]
///   name = "my-net"            # default "model"
///   prefix = "seq_blocks"      # module path of the layers, the default
///   layers = ["relu", {type = "linear", out_features = 16}, {type = "dropout", p = 0.1, name = "drop"}, "linear"]
/// A layer is an op's name, or a table with `type`, the op's attributes and optionally `name` (its whole module path)
/// and `inputs`. A layer reads the one before it unless `inputs` names others, by path or node name; `x` is the
/// network's input. `{type = "add", inputs = ["seq_blocks.1", "seq_blocks.3"]}` sums; as in PyTorch it is no module:
/// its node is called `add`, the next `add_1`, or by its `name`, but it counts in the numbers of the paths. Input
/// widths (in_features, in_channels, num_features) come from what a layer reads, the first, the vocabulary of an
/// embedding and its positions from the data; the last layer with a width that states none gives the classes. Between
/// convolutions and linear layers stands a flatten. Throws UserError with position: unknown keys, ops, attributes and
/// inputs (nearest shown), wrong types, widths that do not fit, layers that nothing reads, a last width that is not the
/// number of classes.
ir::Graph described_model(const config::Value& model, const ModelRequest& request);

}  // namespace lathe::model
