#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "lathe/base/error.h"
#include "lathe/ir/passes/quantize.h"
#include "lathe/ir/passes/scale_channels.h"

namespace lathe::model {

/// Holds the value of a key; monostate is "NA".
using NodeScalar = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

/// Holds one key of a node's `config` table.
struct NodeKey {
  std::string name;  ///< `weight_width`
  NodeScalar value;
  SourcePosition position = {};
  std::string full_key = {};  ///< as errors print it; empty: `name`
};

/// Holds what a node's `config` table asks for. Both, one or none (NA).
struct NodeConfig {
  std::optional<ir::ChannelScale> channels;
  std::optional<ir::NodeQuantization> quantization;
};

/// Reads a node's keys in MASE's spelling:
///   name  a quantiser (`integer`), a channel mode (`output_only`, `both`, `input_only`, `linear`) or NA: leave alone
///   mode, channel_mode  a channel mode beside a quantiser's name; without it a multiplier there acts as output_only
///   channel_multiplier, channel_multiplier_in, channel_multiplier_out, input_channel_multiplier  numbers above 0
///   parent, parent_block_name, prev_link  node that feeds this one, checked
///   bypass, and data_in_*, weight_*, bias_* with the options of the number format (frac_width NA: width // 2)
/// NA as a value means that the key is not there. Throws UserError with position and key: unknown keys and names
/// (nearest shown), wrong types, multipliers that are not above 0, keys of a number format under a channel mode.
NodeConfig parse_node_config(std::span<const NodeKey> keys);

/// Lists all keys that a node may have.
const std::vector<std::string>& node_config_keys();

}  // namespace lathe::model
