#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lathe/config/value.h"
#include "lathe/space/space.h"

namespace lathe::sampler {

/// Names the directions of objectives. Stored by name: do not change.
enum class Direction { kMinimize, kMaximize };

/// Names the ends of a trial as Optuna's tables do. Stored by name: do not change.
enum class TrialState { kRunning, kComplete, kPruned, kFail, kWaiting };
std::string to_string(TrialState state);

/// Holds what a sampler may learn from one ended trial.
struct FinishedTrial {
  std::int64_t number = 0;
  space::Assignment assignment;
  TrialState state = TrialState::kComplete;
  std::vector<double> values;  ///< one per objective, as measured (not negated); empty unless complete
};

/// Holds everything that a sampler is made from.
struct SamplerSettings {
  std::string name = "tpe";
  std::uint64_t seed = 0;
  std::vector<std::int64_t> sizes;         ///< choices per dimension
  std::vector<Direction> directions;       ///< one per objective
  std::int64_t n_trials = 0;               ///< planned trials
  const config::Value* options = nullptr;  ///< `[search.strategy.setup.sampler_options]`, or null
};

/// Proposes assignments. What `ask(t)` returns is a function of the settings, t and the trials told so far alone;
/// trials are told in the order of their numbers, and trial t is asked when exactly 0 .. t - lag have been told. Draws
/// come from RandomStream(seed, {t}, purpose). Not thread safe.
class Sampler {
 public:
  virtual ~Sampler() = default;
  /// Returns the assignment of trial `number`; nullopt when the space is exhausted: the study ends.
  virtual std::optional<space::Assignment> ask(std::int64_t number) = 0;
  virtual void tell(const FinishedTrial& trial) = 0;
};

/// Describes one key of `[search.strategy.setup.sampler_options]`, for help texts and docs/reference.
struct SamplerOption {
  std::string name, type, allowed, default_value, description;
};

/// Declares a sampler. One entry in builtin.cpp each.
struct SamplerKind {
  std::string name;
  std::vector<std::string> aliases;  ///< users' spellings (case, `-` and `_` are ignored anyway): brute
  std::string description;
  std::vector<SamplerOption> options;
  std::unique_ptr<Sampler> (*make)(const SamplerSettings&);
};

const std::vector<SamplerKind>& sampler_kinds();
/// Finds a sampler by name or alias, case ignored; throws UserError with the nearest name.
const SamplerKind& sampler_kind(std::string_view name);
std::unique_ptr<Sampler> make_sampler(const SamplerSettings& settings);

/// Returns the indices of the non-dominated entries of `values` (one vector per trial), in order; exact duplicates are
/// all kept, an entry with a NaN never.
std::vector<std::size_t> pareto_front(const std::vector<std::vector<double>>& values,
                                      const std::vector<Direction>& directions);

}  // namespace lathe::sampler
