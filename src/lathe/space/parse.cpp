#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lathe/base/error.h"
#include "lathe/config/field.h"
#include "lathe/space/choices.h"
#include "lathe/space/leaf.h"
#include "lathe/space/setup.h"
#include "lathe/space/space.h"

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
  static const std::vector<std::string> known{"name", "setup", "seed"};
  for (const config::Member& member : table->as_table()) {
    if (std::find(known.begin(), known.end(), member.name) == known.end()) config::unknown_key(member, known);
  }
  return *table;
}

Dimension make_dimension(const std::vector<Leaf>& leaves, const std::vector<std::size_t>& group) {
  Dimension dimension{leaves[group.front()].name(), {}};
  for (const std::size_t index : group)
    dimension.entries.push_back({leaves[index].node, leaves[index].key, leaves[index].values});
  return dimension;
}

parameter::Space parameters_of(const std::vector<Dimension>& dimensions) {
  std::vector<parameter::Parameter> parameters;
  for (const Dimension& dimension : dimensions) {
    parameter::Categorical list;
    for (std::int64_t k = 0; k < dimension.size(); ++k) list.choices.push_back(dimension.choice(k));
    parameters.push_back({dimension.name, std::move(list)});
  }
  return parameter::Space(std::move(parameters));
}

}  // namespace

SearchSpace parse_space(const config::Value& root, const ir::Graph& base) {
  const config::Value& table = space_table(root);
  if (const config::Value* name = table.find("name")) check_name(*name);
  const Setup setup = read_setup(table.find("setup"), base);
  const config::Value* seed = table.find("seed");
  if (seed == nullptr) table.fail("needs a table [search.search_space.seed] with the choices of each node");
  const std::vector<Leaf> leaves = read_leaves(*seed, setup.by, base);

  SearchSpace space;
  space.base_ = base;
  std::vector<std::optional<std::size_t>> dimension_of(leaves.size());
  const std::vector<std::vector<std::size_t>> groups = group_leaves(leaves, setup);
  check_choices(base, leaves, groups);
  for (const auto& group : groups) {
    if (leaves[group.front()].values.size() < 2) continue;
    for (const std::size_t index : group) dimension_of[index] = space.dimensions_.size();
    space.dimensions_.push_back(make_dimension(leaves, group));
  }
  space.parameters_ = parameters_of(space.dimensions_);
  for (const ir::Node& node : base.nodes) {
    SearchSpace::Node choices{node.name, {}};
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      if (leaves[i].node == node.name) choices.keys.push_back({leaves[i].key, leaves[i].values, dimension_of[i]});
    }
    if (!choices.keys.empty()) space.nodes_.push_back(std::move(choices));
  }
  return space;
}

}  // namespace lathe::space
