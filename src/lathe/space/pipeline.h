#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lathe/ir/graph.h"
#include "lathe/model/node_config.h"
#include "lathe/space/space.h"
#include "lathe/space/summary.h"

namespace lathe::space {

/// Holds what is asked of nodes, by node name.
using NodeConfigs = std::vector<std::pair<std::string, model::NodeConfig>>;

/// Reads a candidate's values in MASE's spelling; hyperparameters of training (kTraining) are left out. Throws
/// UserError naming node and key.
NodeConfigs read_node_configs(const SampledConfig& config);

/// Applies the passes that a candidate consists of to a copy of `base`: scale_channels, then quantize. Each pass
/// verifies what it made, is left out where nothing is asked of it, and is logged at debug level with its time. Throws
/// UserError naming node and key when the choices describe an impossible network.
ir::Graph apply_pipeline(const ir::Graph& base, const NodeConfigs& configs);

}  // namespace lathe::space
