#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lathe/ir/graph.h"

namespace lathe::ir {

/// Says what a user means by a node's multipliers (MASE's labs). The output is scaled in every mode but kInputOnly; all
/// inputs follow their producers whatever the mode is.
enum class ChannelMode {
  kOutputOnly,  ///< `output_only`
  kBoth,        ///< `both`
  kInputOnly,   ///< `input_only`: the output keeps its width, an output multiplier is inert
  kLinear,      ///< `linear`: the output multiplier; the next input follows
};

/// Reads `output_only`, `both`, `input_only` or `linear`; nullopt for other text.
std::optional<ChannelMode> channel_mode(std::string_view name);
std::string to_string(ChannelMode mode);

/// Holds what is asked of one node.
struct ChannelScale {
  ChannelMode mode = ChannelMode::kOutputOnly;
  double multiplier = 1;                                   ///< `channel_multiplier`, above 0: scales the output
  std::optional<double> output_multiplier = std::nullopt;  ///< `channel_multiplier_out`: instead of `multiplier`
  std::optional<double> input_multiplier =
      std::nullopt;  ///< `channel_multiplier_in`: states what follows anyway, and is checked
  std::optional<std::string> parent =
      std::nullopt;  ///< node that the input comes from: states what follows, and is checked
  bool operator==(const ChannelScale&) const = default;
};

struct ScaleChannelsSettings {
  std::vector<std::pair<std::string, ChannelScale>> nodes = {};  ///< node name -> what is asked
  /// Returns more text for the error about a node without a width; may be empty.
  std::function<std::string(const std::string& node)> hint = {};
};

/// Returns max(1, floor(width * multiplier + 0.5)).
std::int64_t scaled_width(std::int64_t width, double multiplier);

/// Scales the output widths of layers; everything that depends on them follows by the channel-dependency analysis. The
/// network's input and number of classes never change. An output multiplier on an input_only node is inert, warned
/// once. Throws UserError naming the nodes: unknown node (nearest shown), a node without a width, a multiplier on the
/// classes, a stated input multiplier or parent that contradicts the graph, two tied layers with different multipliers.
Graph scale_channels(const Graph& graph, const ScaleChannelsSettings& settings);

}  // namespace lathe::ir
