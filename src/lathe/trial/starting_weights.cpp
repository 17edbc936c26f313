#include "lathe/trial/starting_weights.h"

#include <fmt/format.h>

#include "lathe/base/profile.h"
#include "lathe/engine/inherit.h"
#include "lathe/engine/tensor_name.h"

namespace lathe::trial {
namespace {

const engine::NamedTensor* find_tensor(const engine::State& state, const std::string& name, const Shape& shape) {
  for (const engine::NamedTensor& tensor : state) {
    if (tensor.name == name && tensor.shape == shape) return &tensor;
  }
  return nullptr;
}

}  // namespace

StartingWeights::StartingWeights(const recipe::StudySettings& settings, const space::SearchSpace& space,
                                 std::shared_ptr<const engine::State> loaded)
    : settings_(settings), space_(space), loaded_(std::move(loaded)), text_(description()) {}

bool StartingWeights::needs_base() const { return settings_.weights != engine::WeightPolicy::kFresh && !loaded_; }

void StartingWeights::start_from(std::shared_ptr<const engine::State> base) {
  loaded_ = std::move(base);
  text_ = description();
}

std::string StartingWeights::description() const {
  const std::string hash = loaded_ ? engine::hash_state(*loaded_).to_hex() : std::string();
  if (settings_.weights != engine::WeightPolicy::kFresh)
    return fmt::format("{} {}", engine::to_string(settings_.weights), hash);
  return loaded_ ? hash : fmt::format("fresh seed={}", settings_.seed);
}

engine::State StartingWeights::state(const ir::Graph& graph, const Digest& key, std::uint64_t repeat) const {
  const PhaseScope phase(Phase::kDecode);
  engine::State state = engine::initial_state(graph, settings_.seed, key.first_word(), repeat);
  if (!loaded_) return state;
  if (settings_.weights != engine::WeightPolicy::kFresh)
    return engine::transfer_weights(space_.base(), *loaded_, graph, std::move(state), settings_.weights);
  for (engine::NamedTensor& tensor : state) {
    if (const engine::NamedTensor* trained = find_tensor(*loaded_, tensor.name, tensor.shape)) tensor = *trained;
  }
  return state;
}

std::vector<std::string> StartingWeights::untrained_tensors(const ir::Graph& graph) const {
  std::vector<std::string> names;
  if (settings_.train || settings_.weights != engine::WeightPolicy::kFresh) return names;
  for (const ir::Node& node : graph.nodes) {
    for (const ir::Parameter& parameter : node.parameters) {
      if (!parameter.trainable) continue;
      std::string name = engine::tensor_name(node, parameter);
      if (!loaded_ || find_tensor(*loaded_, name, parameter.shape) == nullptr) names.push_back(std::move(name));
    }
  }
  return names;
}

}  // namespace lathe::trial
