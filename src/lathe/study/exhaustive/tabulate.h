#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lathe/recipe/study_settings.h"
#include "lathe/table/contents.h"
#include "lathe/trial/evaluate.h"

/// Trains a whole search space for a table (`lathe table`): every distinct candidate, every seed, nothing stopped.
namespace lathe::study {

/// Switches off what a table cannot have (pruner, racing, constraints, repeats, time limits). Throws UserError where
/// the study does not train, and for metrics that a clock measures: the files are to be the same bits each time.
void fit_to_table(recipe::StudySettings& settings);

/// Returns the table of a space without its trainings: facts, space, distinct candidates (equal networks are one), what
/// is known of each without training. `seeds` of each are to follow. Throws UserError for a space that is infinite, has
/// more than 2^24 points, or of which no network is possible; nullopt when `stop` was requested.
std::optional<table::Contents> plan_table(const recipe::StudySettings& settings, const space::SearchSpace& space,
                                          const trial::Evaluator& evaluator, const std::string& model,
                                          std::int64_t seeds, const engine::StopToken& stop);

/// Holds one training of a table.
struct TableEntry {
  std::int64_t candidate = 0, seed = 0;
  std::map<std::string, double> metrics = {};  ///< all that evaluation computes; empty where it did not end well
  std::string reason = {};                     ///< why not
  std::vector<trial::EpochResult> epochs = {};
};

/// Trains candidate `candidate` with seed `seed`: the trial of `lathe search` with this candidate is seed 0. nullopt
/// when it was interrupted. Throws SystemError when memory is short: that would not happen each time.
std::optional<TableEntry> train_entry(const table::Contents& plan, trial::Evaluator& evaluator, std::int64_t candidate,
                                      std::int64_t seed, const engine::StopToken& stop);

/// Puts all trainings into the plan, in whatever order they ended. Throws UserError when all of them diverged.
table::Contents filled_table(table::Contents plan, const recipe::StudySettings& settings,
                             const std::vector<TableEntry>& entries);

}  // namespace lathe::study
