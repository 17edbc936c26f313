#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/base/registry.h"
#include "lathe/config/value.h"
#include "lathe/sampler/sampler.h"

namespace lathe::pruner {

using sampler::FinishedTrial;
using sampler::Report;

/// Holds everything that a pruner is made from.
struct PrunerSettings {
  std::string name = "none";
  std::string study_name;                  ///< hyperband deals its brackets by it, as Optuna does
  std::vector<Direction> directions = {};  ///< one per objective
  const config::Value* options = nullptr;  ///< `[search.strategy.pruner]` without its own keys, or null
  std::vector<bool> exact =
      {};  ///< per objective: known before training, so that reports hold its final value; may be empty
};

/// Says which running trials are not worth going on with. A pure function of its settings and arguments, so that a
/// study gives the same result with any number of workers: `history` are the trials 0 .. t - lag in the order of their
/// numbers, never one that ended later. Thread safe.
class Pruner {
 public:
  virtual ~Pruner() = default;
  /// Decides after the last of `own`, the reports of trial `number` so far, ascending by step and not empty.
  virtual bool prune(std::int64_t number, std::span<const Report> own,
                     std::span<const FinishedTrial> history) const = 0;
};

/// Declares a pruner. One line of builtin.def each.
struct PrunerKind {
  std::string name;
  std::vector<std::string> aliases;
  std::string description;
  std::vector<sampler::SamplerOption> options;
  bool several_objectives = false;  ///< whether it can rank vectors
  std::unique_ptr<Pruner> (*make)(const PrunerSettings&);
};

const Registry<PrunerKind>& pruner_kinds();
/// Finds a pruner by name or alias, case, `-` and `_` ignored; throws UserError with the nearest name.
const PrunerKind& pruner_kind(std::string_view name);
/// Says why a pruner cannot serve a study of so many objectives; empty when it can.
std::string refusal(const PrunerKind& kind, std::size_t objectives);
/// Throws UserError for unknown names and options, and for a pruner of one objective in a study of several.
std::unique_ptr<Pruner> make_pruner(const PrunerSettings& settings);

}  // namespace lathe::pruner
