#include "lathe/ir/passes/scale_channels.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lathe/base/error.h"
#include "lathe/base/log.h"
#include "lathe/ir/analysis/channels.h"
#include "lathe/ir/make_node.h"

namespace lathe::ir {
namespace {

constexpr double kWidestLayer = 1 << 24;

/// Holds the settings against the graph: per node what is asked of it.
struct Plan {
  const Graph& graph;
  ChannelGroups groups;
  std::vector<const ChannelScale*> asked;    ///< [nodes] null: nothing
  std::vector<std::optional<double>> scale;  ///< [groups] the group's multiplier
  std::vector<std::size_t> scaled_by;        ///< [groups] the node that asks for it
};

[[noreturn]] void fail(const Node& node, const std::string& message) { throw UserError("node " + node.name, message); }

bool has_width(const Node& node) { return op_of(node).channel_rule == ChannelRule::kProduces; }

std::int64_t width_of(const Node& node) { return node.output_shape.front(); }

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

void look_up_nodes(Plan& plan, const ScaleChannelsSettings& settings) {
  for (const auto& [name, scale] : settings.nodes) {
    const auto index = plan.graph.find(name);
    if (!index)
      throw UserError(
          fmt::format("no node \"{}\" in {}{}", name, plan.graph.name, suggestion(name, plan.graph.node_names())));
    const Node& node = plan.graph.nodes[*index];
    if (!has_width(node))
      fail(node, fmt::format("mode {} needs a layer with a width; {} is {}{}", to_string(scale.mode), name, node.op,
                             settings.hint ? settings.hint(name) : std::string()));
    plan.asked[*index] = &scale;
  }
}

[[noreturn]] void refuse_fixed(const Graph& graph, std::size_t fixed_by, const Node& node, double multiplier) {
  if (fixed_by == 0)
    fail(node, fmt::format("a sum ties its output to the network's input {} ({} features), and it keeps its width; got "
                           "a multiplier of {}",
                           graph.input().name, width_of(node), multiplier));
  fail(node, fmt::format("its output is the network's result ({} classes) and keeps its width; got a multiplier of {}",
                         width_of(node), multiplier));
}

void ask_group(Plan& plan, std::size_t index, double multiplier) {
  const Node& node = plan.graph.nodes[index];
  const std::size_t group = plan.groups.group_of[index];
  const ChannelGroup& members = plan.groups.groups[group];
  if (members.fixed_by && multiplier != 1) refuse_fixed(plan.graph, *members.fixed_by, node, multiplier);
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

double multiplier_of(const Plan& plan, std::size_t node) { return plan.scale[plan.groups.group_of[node]].value_or(1); }

std::int64_t new_width(const Plan& plan, std::size_t node) {
  return scaled_width(width_of(plan.graph.nodes[node]), multiplier_of(plan, node));
}

void check_input(const Plan& plan, std::size_t index, double stated) {
  const Node& node = plan.graph.nodes[index];
  check_positive(node, stated);
  const std::size_t producer = input_producer(plan.graph, plan.groups, index);
  const Node& source = plan.graph.nodes[producer];
  if (scaled_width(width_of(source), stated) == new_width(plan, producer)) return;
  fail(node, fmt::format("input multiplier {} contradicts node {}, which feeds it and whose width is multiplied by {}",
                         stated, source.name, multiplier_of(plan, producer)));
}

void check_parent(const Plan& plan, std::size_t index, const std::string& parent) {
  const Node& node = plan.graph.nodes[index];
  const auto named = plan.graph.find(parent);
  if (!named)
    fail(node, fmt::format("its parent \"{}\" does not exist{}", parent, suggestion(parent, plan.graph.node_names())));
  const std::vector<std::size_t>& feeding = plan.groups.of(node.inputs.front()).members;
  if (*named < index && std::find(feeding.begin(), feeding.end(), *named) != feeding.end()) return;
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

void apply(const Plan& plan, Graph& graph) {
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    Node& node = graph.nodes[i];
    const OpDeclaration& op = op_of(node);
    if (!op.input_width_attribute.empty())
      node.set(op.input_width_attribute, graph.nodes[node.inputs.front()].output_shape.front());
    if (op.channel_rule == ChannelRule::kProduces) node.set(op.output_width_attribute, new_width(plan, i));
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
  if (scaled > kWidestLayer)
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
