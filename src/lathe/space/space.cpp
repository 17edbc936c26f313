#include "lathe/space/space.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "lathe/base/check.h"
#include "lathe/space/pipeline.h"

namespace lathe::space {
namespace {

const Scalar* find_value(const SampledConfig& config, const std::string& node, const std::string& key) {
  for (const auto& [node_name, keys] : config) {
    if (node_name != node) continue;
    for (const auto& [key_name, value] : keys) {
      if (key_name == key) return &value;
    }
  }
  return nullptr;
}

bool repeats_earlier_entry(const std::vector<Entry>& entries, std::size_t index) {
  return std::any_of(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(index), [&](const Entry& earlier) {
    return earlier.key == entries[index].key && earlier.values == entries[index].values;
  });
}

std::optional<double> find_choice(const Dimension& dimension, const SampledConfig& config) {
  for (std::int64_t choice = 0; choice < dimension.size(); ++choice) {
    const bool fits = std::all_of(dimension.entries.begin(), dimension.entries.end(), [&](const Entry& entry) {
      const Scalar* value = find_value(config, entry.node, entry.key);
      return value != nullptr && parameter::same_value(*value, entry.values[static_cast<std::size_t>(choice)]);
    });
    if (fits) return static_cast<double>(choice);
  }
  return std::nullopt;
}

}  // namespace

Scalar Dimension::choice(std::int64_t index) const {
  const auto place = static_cast<std::size_t>(index);
  std::string joined;
  std::size_t parts = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (repeats_earlier_entry(entries, i)) continue;
    if (parts++ > 0) joined += '/';
    joined += to_string(entries[i].values.at(place));
  }
  return parts == 1 ? entries.front().values.at(place) : Scalar(std::move(joined));
}

std::optional<std::int64_t> SearchSpace::size() const {
  std::int64_t total = 1;
  for (const Dimension& dimension : dimensions_) {
    if (total > std::numeric_limits<std::int64_t>::max() / dimension.size()) return std::nullopt;
    total *= dimension.size();
  }
  return total;
}

SampledConfig SearchSpace::sample(const Assignment& assignment) const {
  LATHE_CHECK_EQ(assignment.size(), dimensions_.size());
  SampledConfig config;
  config.reserve(nodes_.size());
  for (const Node& node : nodes_) {
    auto& keys = config.emplace_back(node.name, std::vector<std::pair<std::string, Scalar>>{}).second;
    keys.reserve(node.keys.size());
    for (const Key& key : node.keys) {
      const auto choice = key.dimension ? static_cast<std::size_t>(assignment[*key.dimension]) : 0;
      keys.emplace_back(key.name, key.values.at(choice));
    }
  }
  return config;
}

Candidate SearchSpace::decode(const Assignment& assignment) const {
  SampledConfig config = sample(assignment);
  ir::Graph graph = apply_pipeline(base_, read_node_configs(config));
  return {assignment, std::move(graph), std::move(config)};
}

std::optional<Assignment> SearchSpace::find(const SampledConfig& config) const {
  Assignment assignment;
  for (const Dimension& dimension : dimensions_) {
    const auto choice = find_choice(dimension, config);
    if (!choice) return std::nullopt;
    assignment.push_back(*choice);
  }
  for (const Node& node : nodes_) {
    for (const Key& key : node.keys) {
      const Scalar* value = key.dimension ? nullptr : find_value(config, node.name, key.name);
      if (value != nullptr && !parameter::same_value(*value, key.values.front())) return std::nullopt;
    }
  }
  return assignment;
}

}  // namespace lathe::space
