#include "lathe/trial/failure.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace lathe::trial {
namespace {

constexpr std::array<std::pair<Failure, const char*>, 7> kNames{{{Failure::kDiverged, "diverged"},
                                                                 {Failure::kMemory, "memory"},
                                                                 {Failure::kImpossible, "impossible"},
                                                                 {Failure::kTimeout, "timeout"},
                                                                 {Failure::kMachine, "machine"},
                                                                 {Failure::kWorkers, "workers"},
                                                                 {Failure::kRequest, "request"}}};

// Drops `seed 2 of 3: `, which begins the reason of a further seed.
std::string_view without_seed(std::string_view reason) {
  if (!reason.starts_with("seed ")) return reason;
  const std::size_t colon = reason.find(": ");
  return colon == reason.npos ? reason : reason.substr(colon + 2);
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace

std::string to_string(Failure failure) {
  const auto found =
      std::find_if(kNames.begin(), kNames.end(), [&](const auto& name) { return name.first == failure; });
  return found == kNames.end() ? std::string() : found->second;
}

Failure failure_from_text(const std::string& text) {
  const auto found = std::find_if(kNames.begin(), kNames.end(), [&](const auto& name) { return name.second == text; });
  return found == kNames.end() ? Failure::kNone : found->first;
}

bool is_of_candidate(Failure failure) {
  return failure == Failure::kDiverged || failure == Failure::kMemory || failure == Failure::kImpossible;
}

Failure failure_of(const Evaluation& evaluation) {
  if (evaluation.complete || evaluation.pruned || evaluation.ruled_out || evaluation.interrupted) return Failure::kNone;
  if (evaluation.out_of_memory) return Failure::kMemory;
  return evaluation.timed_out ? Failure::kTimeout : Failure::kDiverged;
}

Failure failure_of(const Error& error) {
  const bool refused =
      dynamic_cast<const UserError*>(&error) != nullptr || dynamic_cast<const UnsupportedError*>(&error) != nullptr;
  return refused ? Failure::kImpossible : Failure::kMachine;
}

Failure failure_of_reason(std::string_view stored, bool evaluable) {
  const std::string_view reason = without_seed(stored);
  if (reason.empty()) return Failure::kNone;
  if (reason.starts_with("diverged: ") || reason.ends_with(" is not finite")) return Failure::kDiverged;
  const bool planned =
      reason.starts_with("needs ") && (has(reason, ", max_memory is ") || has(reason, ", trial_memory is "));
  if (planned || reason.starts_with("out of memory")) return Failure::kMemory;
  if (reason.starts_with("trial_timeout of ")) return Failure::kTimeout;
  if (reason.starts_with("given up: ")) return Failure::kWorkers;
  if (reason.starts_with("enqueued with ") || has(reason, "the enqueued value ")) return Failure::kRequest;
  return evaluable ? Failure::kMachine : Failure::kImpossible;
}

}  // namespace lathe::trial
