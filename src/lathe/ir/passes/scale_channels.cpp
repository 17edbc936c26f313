#include "lathe/ir/passes/scale_channels.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lathe/base/error.h"
#include "lathe/base/log.h"
#include "lathe/ir/analysis/channels.h"
#include "lathe/ir/make_node.h"
#include "lathe/ir/size_limits.h"

namespace lathe::ir {
namespace {

/// Holds the settings against the graph: per node what is asked of it.
struct Plan {
  const Graph& graph;
  ChannelGroups groups;
  std::vector<const ChannelScale*> asked;    ///< [nodes] null: nothing
  std::vector<std::optional<double>> scale;  ///< [groups] the group's multiplier
  std::vector<std::size_t> scaled_by;        ///< [groups] the node that asks for it
};

[[noreturn]] void fail(const Node& node, const std::string& message) { throw UserError("node " + node.name, message); }

void check_positive(const Node& node, double multiplier) {
  if (!(multiplier > 0) || !std::isfinite(multiplier))
    fail(node, fmt::format("channel multipliers must be above 0; got {}", multiplier));
}

/// Returns the multiplier of the node's output that its settings stand for.
double output_multiplier(const Node& node, const ChannelScale& scale) {
  const double multiplier = scale.output_multiplier.value_or(scale.multiplier);
  check_positive(node, multiplier);
  if (scale.mode != ChannelMode::kInputOnly) return multiplier;
  if (scale.output_multiplier && multiplier != 1)
    fail(node, fmt::format("mode input_only keeps the output as it is; channel_multiplier_out = {} contradicts it",
                           multiplier));
  if (multiplier != 1)
    log::warning_once(
        fmt::format("node {}: channel_multiplier has no effect with input_only (it scales the output); its choices "
                    "make equal networks",
                    node.name));
  return 1;
}

[[noreturn]] void refuse_widthless(const Node& node, const ChannelScale& scale, const ScaleChannelsSettings& settings) {
  if (op_of(node).channel_rule == ChannelRule::kProduces)
    fail(node, fmt::format("mode {} needs a layer that sets its own width; {} is a depthwise {}, whose width follows "
                           "its input",
                           to_string(scale.mode), node.name, node.op));
  fail(node, fmt::format("mode {} needs a layer with a width; {} is {}{}", to_string(scale.mode), node.name, node.op,
                         settings.hint ? settings.hint(node.name) : std::string()));
}

void look_up_nodes(Plan& plan, const ScaleChannelsSettings& settings) {
  for (const auto& [name, scale] : settings.nodes) {
    const auto index = plan.graph.find(name);
    if (!index)
      throw UserError(
          fmt::format("no node \"{}\" in {}{}", name, plan.graph.name, suggestion(name, plan.graph.node_names())));
    const Node& node = plan.graph.nodes[*index];
    if (!sets_width(node)) refuse_widthless(node, scale, settings);
    plan.asked[*index] = &scale;
  }
}

/// Says why a width that another node locks cannot change.
std::string reason(const Graph& graph, const ChannelGroup& group) {
  const Node& by = graph.nodes[*group.fixed_by];
  switch (group.lock) {
    case WidthLock::kInput:
      return fmt::format("its output is tied to the network's input {} ({} {}), and it keeps its width", by.name,
                         group.width, by.output_shape.size() == 3 ? "channels" : "features");
    case WidthLock::kOutput:
      return fmt::format("its output is the network's result ({} classes) and keeps its width", group.width);
    case WidthLock::kPositions:
      return fmt::format("node {} ({}) mixes its channels with positions, so that its width of {} cannot change",
                         by.name, by.op, group.width);
    case WidthLock::kOrder:
      return fmt::format(
          "node {} ({}) ties it to values whose channels stand in another order or number, so that its "
          "width of {} cannot change",
          by.name, by.op, group.width);
    case WidthLock::kNone: break;
  }
  throw InternalError("the width is not locked");
}

void ask_group(Plan& plan, std::size_t index, double multiplier) {
  const Node& node = plan.graph.nodes[index];
  const std::size_t group = plan.groups.group_of(index);
  const ChannelGroup& members = plan.groups.groups[group];
  if (members.fixed_by && multiplier != 1)
    fail(node, fmt::format("{}; got a multiplier of {}", reason(plan.graph, members), multiplier));
  if (plan.scale[group] && *plan.scale[group] != multiplier) {
    const Node& other = plan.graph.nodes[plan.scaled_by[group]];
    fail(node, fmt::format("its width is tied to that of {}: multipliers {} and {} contradict each other", other.name,
                           multiplier, *plan.scale[group]));
  }
  plan.scale[group] = multiplier;
  plan.scaled_by[group] = index;
}

void choose_multipliers(Plan& plan) {
  for (std::size_t i = 0; i < plan.graph.nodes.size(); ++i) {
    if (plan.asked[i] == nullptr) continue;
    const bool silent = plan.asked[i]->mode == ChannelMode::kInputOnly;
    const double multiplier = output_multiplier(plan.graph.nodes[i], *plan.asked[i]);
    if (!silent) ask_group(plan, i, multiplier);
  }
}

double multiplier_of(const Plan& plan, std::size_t group) { return plan.scale[group].value_or(1); }

std::int64_t new_width(const Plan& plan, std::size_t group) {
  return scaled_width(plan.groups.groups[group].width, multiplier_of(plan, group));
}

[[noreturn]] void refuse_input(const Plan& plan, std::size_t index, double stated, double actual) {
  const std::size_t producer = input_producer(plan.graph, plan.groups, index);
  fail(plan.graph.nodes[index],
       fmt::format("input multiplier {} contradicts node {}, which feeds it and whose width is multiplied by {}",
                   stated, plan.graph.nodes[producer].name, actual));
}

/// Checks a stated input multiplier: against that of the layer which feeds the node, or against the whole width where
/// several layers do (concat).
void check_input(const Plan& plan, std::size_t index, double stated) {
  const Node& node = plan.graph.nodes[index];
  check_positive(node, stated);
  const ChannelLayout& read = plan.groups.layouts[node.inputs.front()];
  if (read.parts.size() == 1) {
    const std::size_t group = read.parts.front().group;
    if (scaled_width(plan.groups.groups[group].width, stated) != new_width(plan, group))
      refuse_input(plan, index, stated, multiplier_of(plan, group));
    return;
  }
  std::vector<std::int64_t> widths;
  for (std::size_t group = 0; group < plan.groups.groups.size(); ++group) widths.push_back(new_width(plan, group));
  const std::int64_t before = width_of(plan.graph, node.inputs.front());
  const std::int64_t after = layout_width(read, widths);
  if (scaled_width(before, stated) != after)
    refuse_input(plan, index, stated, static_cast<double>(after) / static_cast<double>(before));
}

/// Tells whether two values have channels of one group.
bool share_channels(const ChannelLayout& left, const ChannelLayout& right) {
  return std::any_of(left.parts.begin(), left.parts.end(), [&](const ChannelPart& part) {
    return std::any_of(right.parts.begin(), right.parts.end(),
                       [&](const ChannelPart& other) { return other.group == part.group; });
  });
}

void check_parent(const Plan& plan, std::size_t index, const std::string& parent) {
  const Node& node = plan.graph.nodes[index];
  const auto named = plan.graph.find(parent);
  if (!named)
    fail(node, fmt::format("its parent \"{}\" does not exist{}", parent, suggestion(parent, plan.graph.node_names())));
  if (*named < index && share_channels(plan.groups.layouts[*named], plan.groups.layouts[node.inputs.front()])) return;
  const std::size_t producer = input_producer(plan.graph, plan.groups, index);
  fail(node, fmt::format("parent {} contradicts the graph: the input comes from {}", parent,
                         plan.graph.nodes[producer].name));
}

void check_statements(const Plan& plan) {
  for (std::size_t i = 0; i < plan.graph.nodes.size(); ++i) {
    if (plan.asked[i] == nullptr) continue;
    if (plan.asked[i]->parent) check_parent(plan, i, *plan.asked[i]->parent);
    if (plan.asked[i]->input_multiplier) check_input(plan, i, *plan.asked[i]->input_multiplier);
  }
}

Plan make_plan(const Graph& graph, const ScaleChannelsSettings& settings) {
  Plan plan{graph, channel_groups(graph), {}, {}, {}};
  plan.asked.resize(graph.nodes.size());
  plan.scale.resize(plan.groups.groups.size());
  plan.scaled_by.resize(plan.groups.groups.size());
  look_up_nodes(plan, settings);
  choose_multipliers(plan);
  check_statements(plan);
  return plan;
}

/// Gives a node the width that it reads.
void follow(Node& node, const OpDeclaration& op, std::int64_t width) {
  if (op.follow_input)
    op.follow_input(node, width);
  else
    node.set(op.input_width_attribute, width);
}

void apply(const Plan& plan, Graph& graph) {
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    Node& node = graph.nodes[i];
    const OpDeclaration& op = op_of(node);
    if (op.follow_input || !op.input_width_attribute.empty()) {
      const std::int64_t width = width_read(op, graph.nodes[node.inputs.front()].output_shape);
      if (width != width_read(op, plan.graph.nodes[node.inputs.front()].output_shape)) follow(node, op, width);
    }
    if (sets_width(plan.graph.nodes[i])) node.set(op.output_width_attribute, new_width(plan, plan.groups.group_of(i)));
    infer_node(graph, node);
  }
}

}  // namespace

std::optional<ChannelMode> channel_mode(std::string_view name) {
  for (const ChannelMode mode :
       {ChannelMode::kOutputOnly, ChannelMode::kBoth, ChannelMode::kInputOnly, ChannelMode::kLinear})
    if (to_string(mode) == name) return mode;
  return std::nullopt;
}

std::string to_string(ChannelMode mode) {
  switch (mode) {
    case ChannelMode::kOutputOnly: return "output_only";
    case ChannelMode::kBoth: return "both";
    case ChannelMode::kInputOnly: return "input_only";
    case ChannelMode::kLinear: return "linear";
  }
  throw InternalError("unknown channel mode");
}

std::int64_t scaled_width(std::int64_t width, double multiplier) {
  const double scaled = std::max(1.0, std::floor(static_cast<double>(width) * multiplier + 0.5));
  if (scaled > static_cast<double>(kWidestLayer))
    throw UserError(fmt::format("a width of {} x {} is beyond the widest layer, {}", width, multiplier, kWidestLayer));
  return static_cast<std::int64_t>(scaled);
}

Graph scale_channels(const Graph& graph, const ScaleChannelsSettings& settings) {
  Graph scaled = graph;
  apply(make_plan(graph, settings), scaled);
  verify(scaled);
  return scaled;
}

}  // namespace lathe::ir
