#include "lathe/engine/state.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_map>

#include "lathe/base/error.h"
#include "lathe/base/random.h"
#include "lathe/engine/state_layout.h"
#include "lathe/engine/tensor_name.h"

namespace lathe::engine {
namespace {

void fill(const ir::Parameter& parameter, RandomStream& stream, std::vector<float>& values) {
  switch (parameter.initializer) {
    case ir::Initializer::kZeros: std::fill(values.begin(), values.end(), 0.0f); break;
    case ir::Initializer::kOnes: std::fill(values.begin(), values.end(), 1.0f); break;
    case ir::Initializer::kNormal:
      for (float& value : values) value = static_cast<float>(stream.normal());
      break;
    case ir::Initializer::kUniformFanIn: {
      const auto bound = static_cast<float>(1.0 / std::sqrt(static_cast<double>(parameter.fan_in)));
      for (float& value : values) value = bound * (2.0f * stream.uniform_float() - 1.0f);
      break;
    }
  }
}

/// Finds tensors by name; of several with one name, the first.
class Index {
 public:
  explicit Index(const State& state) {
    for (const NamedTensor& tensor : state) tensors_.emplace(tensor.name, &tensor);
  }
  const NamedTensor* find(const std::string& name) const {
    const auto found = tensors_.find(name);
    return found == tensors_.end() ? nullptr : found->second;
  }

 private:
  std::unordered_map<std::string_view, const NamedTensor*> tensors_;
};

void check_tensor(const NamedTensor& expected, const NamedTensor& found, const std::string& origin) {
  if (found.shape != expected.shape)
    throw DataError(origin, fmt::format("tensor {} has shape {}, the network needs {}", expected.name,
                                        to_string(found.shape), to_string(expected.shape)));
  if (static_cast<std::int64_t>(found.values.size()) != element_count(expected.shape))
    throw DataError(origin, fmt::format("tensor {} of shape {} holds {} values", expected.name, to_string(found.shape),
                                        found.values.size()));
}

std::vector<std::string> names_of(const State& state) {
  std::vector<std::string> names;
  for (const NamedTensor& tensor : state) names.push_back(tensor.name);
  return names;
}

// Finds a tensor of the state that the network does not know and whose name is near to a missing one.
std::string misspelt(const std::string& missing, const Index& expected, const State& state) {
  std::vector<std::string> unknown;
  for (const NamedTensor& tensor : state)
    if (expected.find(tensor.name) == nullptr) unknown.push_back(tensor.name);
  const std::string near = nearest_name(missing, unknown);
  return near.empty() ? "" : fmt::format("; there is {}", near);
}

void check_no_unexpected(const State& expected, const Index& known, const State& state, const std::string& origin) {
  for (const NamedTensor& tensor : state) {
    if (known.find(tensor.name) == nullptr)
      throw DataError(origin, fmt::format("tensor {} is not in the network{}", tensor.name,
                                          suggestion(tensor.name, names_of(expected))));
  }
}

void check_same_order(const State& expected, const State& state, const std::string& origin) {
  if (state.size() != expected.size())
    throw DataError(origin, fmt::format("{} tensors, the network has {}", state.size(), expected.size()));
  for (std::size_t i = 0; i < state.size(); ++i) {
    if (state[i].name != expected[i].name)
      throw DataError(origin,
                      fmt::format("tensor {} stands where the network has {}", state[i].name, expected[i].name));
  }
}

}  // namespace

std::string tensor_name(const ir::Node& node, const ir::Parameter& parameter) {
  return node.module_path.empty() ? node.name + "." + parameter.name : node.module_path + "." + parameter.name;
}

State state_layout(const ir::Graph& graph) {
  State state;
  for (const ir::Node& node : graph.nodes) {
    for (const ir::Parameter& parameter : node.parameters)
      state.push_back({tensor_name(node, parameter), parameter.shape, {}, parameter.trainable, parameter.integral});
  }
  return state;
}

State zero_state(const ir::Graph& graph) {
  State state = state_layout(graph);
  for (NamedTensor& tensor : state) tensor.values.resize(static_cast<std::size_t>(element_count(tensor.shape)));
  return state;
}

State initial_state(const ir::Graph& graph, std::uint64_t seed, std::uint64_t candidate, std::uint64_t repeat) {
  State state = zero_state(graph);
  RandomStream stream(seed, {candidate, repeat}, "initial_weights");
  std::size_t index = 0;
  for (const ir::Node& node : graph.nodes) {
    for (const ir::Parameter& parameter : node.parameters) fill(parameter, stream, state[index++].values);
  }
  return state;
}

void check_state(const ir::Graph& graph, const State& state, const std::string& origin) {
  const State expected = state_layout(graph);
  const Index known(expected), given(state);
  for (const NamedTensor& tensor : expected) {
    const NamedTensor* found = given.find(tensor.name);
    if (found == nullptr)
      throw DataError(origin, fmt::format("tensor {} of shape {} is missing{}", tensor.name, to_string(tensor.shape),
                                          misspelt(tensor.name, known, state)));
    check_tensor(tensor, *found, origin);
  }
  check_no_unexpected(expected, known, state, origin);
  check_same_order(expected, state, origin);
}

Digest hash_state(const State& state) {
  Hasher hasher;
  for (const NamedTensor& tensor : state) {
    hasher.add_text(tensor.name);
    hasher.add_text(to_string(tensor.shape));
    hasher.add(std::as_bytes(std::span(tensor.values)));
  }
  return hasher.finish();
}

}  // namespace lathe::engine
