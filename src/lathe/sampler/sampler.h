#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lathe/base/registry.h"
#include "lathe/base/trial_state.h"
#include "lathe/config/value.h"
#include "lathe/parameter/space.h"

namespace lathe::sampler {

using parameter::Assignment;

/// Holds what a runner reported of a trial at one step of its resource (an epoch, samples, seconds).
struct Report {
  std::int64_t step = 0;
  std::vector<double> values;  ///< one per objective, as measured
};

/// Holds what a sampler or pruner may learn from one ended trial.
struct FinishedTrial {
  std::int64_t number = 0;
  Assignment assignment;
  TrialState state = TrialState::kComplete;
  std::vector<double> values = {};       ///< one per objective, as measured (not negated); empty unless complete
  std::vector<double> constraints = {};  ///< each at most 0 where it is met; empty: no constraints, or not known
  std::vector<Report> reports = {};      ///< ascending by step
  /// Of a failed trial: its point would fail again (it diverges, needs too much memory, is no network), so that it
  /// counts as worse than all that did not fail. False: something else failed, and nothing is known of the point.
  bool point_failed = false;
};

/// Adds up what the constraints are violated by; 0: feasible.
double total_violation(const FinishedTrial& trial);

/// Holds everything that a sampler is made from.
struct SamplerSettings {
  std::string name = "tpe";
  std::uint64_t seed = 0;
  parameter::Space space = {};
  std::vector<Direction> directions = {};  ///< one per objective
  std::int64_t n_trials = 0;               ///< planned trials
  const config::Value* options = nullptr;  ///< `[search.strategy.setup.sampler_options]`, or null
};

/// Proposes assignments. What `ask(t)` returns is a function of the settings, t, the trials told so far and the
/// assignments of the trials announced so far alone; it does not depend on what was asked before, so that any process
/// may ask. Trials are told in the order of their numbers; trial t is asked when exactly 0 .. t - lag have been told
/// and all others below t announced. Draws come from RandomStream(seed, {t}, purpose). Not thread safe.
class Sampler {
 public:
  virtual ~Sampler() = default;
  /// Returns the assignment of trial `number`, one that settings.space contains; nullopt when the space is exhausted:
  /// the study ends.
  virtual std::optional<Assignment> ask(std::int64_t number) = 0;
  /// Says what a trial that is not told yet was given, in the order of the numbers. Every trial is announced once,
  /// right after it was asked (or found in a database), before it is told. Parameters that trials enqueued by hand left
  /// open are filled in before.
  virtual void announce(std::int64_t number, const Assignment& assignment) = 0;
  /// Tells an announced trial. Assignments outside the space (of an earlier space, of another program) are never told.
  virtual void tell(const FinishedTrial& trial) = 0;
  /// Says in a sentence what an adaptive sampler decided (`auto`), for the user; empty for others.
  virtual std::string explanation() const { return {}; }
};

/// Describes one key of `[search.strategy.setup.sampler_options]`, for help texts and docs/reference.
struct SamplerOption {
  std::string name, type, allowed, default_value, description;
};

/// Declares a sampler. One line of builtin.def each.
struct SamplerKind {
  std::string name;
  std::vector<std::string> aliases;  ///< users' spellings (case, `-` and `_` are ignored anyway): brute
  std::string description;
  std::vector<SamplerOption> options;
  std::unique_ptr<Sampler> (*make)(const SamplerSettings&);
};

const Registry<SamplerKind>& sampler_kinds();
/// Finds a sampler by name or alias, case ignored; throws UserError with the nearest name.
const SamplerKind& sampler_kind(std::string_view name);
std::unique_ptr<Sampler> make_sampler(const SamplerSettings& settings);

/// Returns the indices of the non-dominated entries of `values` (one vector per trial), in order; exact duplicates are
/// all kept, an entry with a NaN never.
std::vector<std::size_t> pareto_front(const std::vector<std::vector<double>>& values,
                                      const std::vector<Direction>& directions);

}  // namespace lathe::sampler
