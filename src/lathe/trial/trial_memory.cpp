#include "lathe/trial/trial_memory.h"

#include <fmt/format.h>

#include "lathe/base/process_memory.h"

namespace lathe::trial {
namespace {

// Returns the budget of the running trials: what the user gave, or what the machine has.
MemoryBudget budget_of(const recipe::StudySettings& settings) {
  if (settings.max_memory_bytes) return {settings.max_memory_bytes, ""};
  return {available_memory(), " (what was free at the start)"};
}

}  // namespace

TrialMemory::TrialMemory(const recipe::StudySettings& settings) : settings_(settings), budget_(budget_of(settings)) {}

// The memory of other devices is not the machine's: their back ends say when it is not enough, unless the user does.
bool TrialMemory::counts(const engine::Backend& backend) const {
  return settings_.max_memory_bytes || backend.accelerator() == "cpu";
}

std::optional<std::string> TrialMemory::refusal(const engine::Backend& backend, std::int64_t bytes) const {
  if (settings_.trial_memory_bytes && bytes > *settings_.trial_memory_bytes)
    return fmt::format("needs {}, trial_memory is {}", memory_text(bytes), memory_text(*settings_.trial_memory_bytes));
  return counts(backend) ? budget_.refusal(bytes) : std::nullopt;
}

MemoryBudget::Share TrialMemory::share(const engine::Backend& backend, std::int64_t bytes,
                                       const engine::StopToken& stop) {
  return {budget_, counts(backend) ? bytes : 0, stop};
}

std::int64_t planned_bytes(const engine::CompiledNetwork& network, const ir::Graph& graph) {
  std::int64_t values = 0;
  for (const ir::Node& node : graph.nodes) {
    for (const ir::Parameter& parameter : node.parameters) values += element_count(parameter.shape);
  }
  return network.session_bytes() + values * static_cast<std::int64_t>(sizeof(float));
}

}  // namespace lathe::trial
