#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lathe/base/error.h"
#include "lathe/config/field.h"
#include "lathe/space/choices.h"
#include "lathe/space/conditions.h"
#include "lathe/space/leaf.h"
#include "lathe/space/setup.h"
#include "lathe/space/space.h"
#include "lathe/space/training.h"

namespace lathe::space {
namespace {

/// Lists the names of spaces that users write. One composable space serves them all.
const std::vector<std::string>& space_names() {
  static const std::vector<std::string> names{"graph",
                                              "graph/quantize/mixed_precision_ptq",
                                              "graph/quantize/mixed_precision_qat",
                                              "graph/quantize/channel_size_modifier",
                                              "graph/quantize/channel_multiplier",
                                              "graph/model_arch/channel_size_modifier",
                                              "graph/model_arch/channel_multiplier",
                                              "graph/architecture/channel_size_modifier"};
  return names;
}

struct RefusedSpace {
  std::string_view name, reason;
};
constexpr std::array<RefusedSpace, 3> kRefusedSpaces{
    {{"module/manual_hf/quantize/llm_mixed_precision_ptq", "it needs a HuggingFace transformer"},
     {"graph/hardware/systolic_mapping", "it was never finished in MASE either"},
     {"graph/tensorrt/mixed_precision_ptq", "it needs TensorRT"}}};

void check_name(const config::Value& value) {
  const std::string& name = value.as_string();
  const auto& known = space_names();
  if (std::find(known.begin(), known.end(), name) != known.end()) return;
  for (const RefusedSpace& refused : kRefusedSpaces) {
    if (name == refused.name) value.fail(fmt::format("\"{}\" is not available here: {}", name, refused.reason));
  }
  value.fail(fmt::format("unknown search space \"{}\"{}", name, suggestion(name, known)));
}

const config::Value& space_table(const config::Value& root) {
  const config::Value* table = root.find_path("search.search_space");
  if (table == nullptr)
    throw UserError(root.position(), "search.search_space", "the table is missing; it names the choices");
  static const std::vector<std::string> known{"name", "setup", "seed", "training"};
  for (const config::Member& member : table->as_table()) {
    if (std::find(known.begin(), known.end(), member.name) == known.end()) config::unknown_key(member, known);
  }
  return *table;
}

Dimension make_dimension(const std::vector<Leaf>& leaves, const std::vector<std::size_t>& group) {
  Dimension dimension{leaves[group.front()].name(), {}};
  for (const std::size_t index : group)
    dimension.entries.push_back({leaves[index].node, leaves[index].key, leaves[index].distribution});
  return dimension;
}

/// Returns what samplers see of a dimension: its range, or its choices by name.
parameter::Distribution distribution_of(const Dimension& dimension) {
  const parameter::Distribution& first = dimension.entries.front().distribution;
  if (parameter::is_numeric(first)) return first;
  parameter::Categorical list;
  for (std::int64_t k = 0; k < *dimension.size(); ++k) list.choices.push_back(dimension.choice(static_cast<double>(k)));
  return list;
}

std::vector<Key> keys_of(const std::string& node, const std::vector<Leaf>& leaves, const Decisions& decisions) {
  std::vector<Key> keys;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    if (leaves[i].node != node) continue;
    keys.push_back({leaves[i].key, leaves[i].distribution, decisions.dimension_of[i], decisions.when[i]});
  }
  return keys;
}

const config::Value* training_table(const config::Value& table, const ir::Graph& base) {
  const config::Value* training = table.find("training");
  if (training != nullptr && base.find(kTraining)) {
    training->fail(fmt::format("{} has a node of this name; rename it", base.name));
  }
  return training;
}

std::vector<Leaf> read_all_leaves(const config::Value& table, By by, const ir::Graph& base) {
  const config::Value* seed = table.find("seed");
  const config::Value* training = training_table(table, base);
  if (seed == nullptr && training == nullptr) {
    table.fail("needs a table [search.search_space.seed] with the choices of each node");
  }
  std::vector<Leaf> leaves = seed != nullptr ? read_leaves(*seed, by, base) : std::vector<Leaf>{};
  if (training == nullptr) return leaves;
  for (Leaf& leaf : read_training_leaves(*training)) leaves.push_back(std::move(leaf));
  return leaves;
}

}  // namespace

SearchSpace parse_space(const config::Value& root, const ir::Graph& base) {
  const config::Value& table = space_table(root);
  if (const config::Value* name = table.find("name")) check_name(*name);
  const Setup setup = read_setup(table.find("setup"), base);
  const std::vector<Leaf> leaves = read_all_leaves(table, setup.by, base);
  const Decisions decisions = decide(leaves, group_leaves(leaves, setup, base));
  check_unread(leaves, decisions);
  check_choices(base, leaves, decisions);

  SearchSpace space;
  space.base_ = base;
  std::vector<parameter::Parameter> parameters;
  for (const auto& group : decisions.groups) {
    if (leaves[group.front()].constant()) continue;
    const Dimension& dimension = space.dimensions_.emplace_back(make_dimension(leaves, group));
    parameters.push_back({dimension.name, distribution_of(dimension), decisions.when[group.front()]});
  }
  space.parameters_ = parameter::Space(std::move(parameters));
  for (const ir::Node& node : base.nodes) {
    std::vector<Key> keys = keys_of(node.name, leaves, decisions);
    if (!keys.empty()) space.nodes_.push_back({node.name, std::move(keys)});
  }
  space.training_ = keys_of(kTraining, leaves, decisions);
  if (const config::Value* training = training_table(table, base)) space.training_table_ = *training;
  return space;
}

}  // namespace lathe::space
