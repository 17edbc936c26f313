#pragma once

#include "lathe/config/value.h"
#include "lathe/model/chain.h"

namespace lathe::model {

/// Makes the network of a `[model]` table:
///   [model]
///   name = "my-net"            # default "model"
///   prefix = "seq_blocks"      # module path of the layers, the default
///   layers = ["relu", {type = "linear", out_features = 16}, {type = "dropout", p = 0.1, name = "drop"}, "linear"]
/// A layer is an op's name, or a table with `type`, the op's attributes and optionally `name` (its whole module path).
/// Input widths come from the layer before, the first from the data; the last linear layer without out_features gives
/// the classes. Throws UserError with position: unknown keys, ops and attributes (nearest shown), wrong types, widths
/// that do not fit, a last width that is not the number of classes.
ir::Graph described_model(const config::Value& model, const ModelRequest& request);

}  // namespace lathe::model
