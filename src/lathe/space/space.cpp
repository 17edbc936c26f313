#include "lathe/space/space.h"

#include <fmt/format.h>

#include <algorithm>

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
    return earlier.key == entries[index].key && earlier.distribution == entries[index].distribution;
  });
}

bool fits(const Dimension& dimension, const SampledConfig& config, double code) {
  return std::all_of(dimension.entries.begin(), dimension.entries.end(), [&](const Entry& entry) {
    const Scalar* value = find_value(config, entry.node, entry.key);
    return value != nullptr && parameter::same_value(*value, entry.value(code));
  });
}

std::optional<double> find_code(const Dimension& dimension, const SampledConfig& config) {
  const Entry& first = dimension.entries.front();
  if (parameter::is_numeric(first.distribution)) {
    const Scalar* value = find_value(config, first.node, first.key);
    const auto code = value != nullptr ? parameter::code_of(first.distribution, *value) : std::nullopt;
    return code && fits(dimension, config, *code) ? code : std::nullopt;
  }
  for (std::int64_t choice = 0; choice < *dimension.size(); ++choice) {
    if (fits(dimension, config, static_cast<double>(choice))) return static_cast<double>(choice);
  }
  return std::nullopt;
}

}  // namespace

Scalar Dimension::choice(double code) const {
  std::string joined;
  std::size_t parts = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (repeats_earlier_entry(entries, i)) continue;
    if (parts++ > 0) joined += '/';
    joined += to_string(entries[i].value(code));
  }
  return parts == 1 ? entries.front().value(code) : Scalar(std::move(joined));
}

std::optional<std::int64_t> SearchSpace::size() const {
  const auto count = parameters_.count();
  return count ? std::optional(static_cast<std::int64_t>(*count)) : std::nullopt;
}

std::string SearchSpace::size_text() const {
  if (const auto count = size()) return fmt::format("{}", *count);
  const bool continuous =
      std::any_of(dimensions_.begin(), dimensions_.end(), [](const Dimension& dimension) { return !dimension.size(); });
  return continuous ? "infinitely many" : "more than 2^62";
}

bool SearchSpace::is_there(const Key& key, const Assignment& assignment) const {
  if (key.dimension) return assignment[*key.dimension] != parameter::kInactive;
  if (!key.condition) return true;
  const double parent = assignment[key.condition->parent];
  return parent != parameter::kInactive && key.condition->active[static_cast<std::size_t>(parent)];
}

TrainingChoices SearchSpace::sample(const std::vector<Key>& keys, const Assignment& assignment) const {
  TrainingChoices values;
  values.reserve(keys.size());
  for (const Key& key : keys) {
    if (!is_there(key, assignment)) continue;
    const double code = key.dimension ? assignment[*key.dimension] : 0;
    values.emplace_back(key.name, parameter::choice(key.distribution, code));
  }
  return values;
}

SampledConfig SearchSpace::sample(const Assignment& assignment) const {
  LATHE_CHECK(parameters_.contains(assignment), "an assignment of another space");
  SampledConfig config;
  config.reserve(nodes_.size() + 1);
  for (const Node& node : nodes_) {
    if (auto values = sample(node.keys, assignment); !values.empty()) config.emplace_back(node.name, std::move(values));
  }
  if (auto values = sample(training_, assignment); !values.empty()) config.emplace_back(kTraining, std::move(values));
  return config;
}

Candidate SearchSpace::decode(const Assignment& assignment) const {
  SampledConfig config = sample(assignment);
  ir::Graph graph = apply_pipeline(base_, read_node_configs(config));
  return {assignment, std::move(graph), std::move(config), sample(training_, assignment)};
}

// Tells whether keys with a single choice have it, and keys that are not there are absent or NA.
bool SearchSpace::agrees(const std::string& node, const std::vector<Key>& keys, const Assignment& assignment,
                         const SampledConfig& config) const {
  return std::all_of(keys.begin(), keys.end(), [&](const Key& key) {
    const Scalar* value = find_value(config, node, key.name);
    if (value == nullptr) return true;
    if (!is_there(key, assignment)) return std::holds_alternative<std::monostate>(*value);
    return key.dimension || parameter::same_value(*value, parameter::choice(key.distribution, 0));
  });
}

std::optional<Assignment> SearchSpace::find(const SampledConfig& config) const {
  Assignment assignment(dimensions_.size(), parameter::kInactive);
  for (std::size_t i = 0; i < dimensions_.size(); ++i) {
    if (!parameters_.is_active(assignment, i)) continue;
    const auto code = find_code(dimensions_[i], config);
    if (!code) return std::nullopt;
    assignment[i] = *code;
  }
  for (const Node& node : nodes_) {
    if (!agrees(node.name, node.keys, assignment, config)) return std::nullopt;
  }
  if (!agrees(kTraining, training_, assignment, config)) return std::nullopt;
  return assignment;
}

}  // namespace lathe::space
