#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lathe/report/trial_record.h"
#include "lathe/storage/storage.h"

/// Reads studies for people, from what a storage holds alone: those of lathe, of MASE and of any other program that
/// uses Optuna.
namespace lathe::app {

/// Lists the names of the objectives, one per direction: those that the study stores, else `value`, `value 0`, ...
std::vector<std::string> objective_names(const storage::StudyInfo& info);
/// Prints `maximize accuracy, minimize average_bitwidth`; `not set` where Optuna left the directions open.
std::string objectives_text(const storage::StudyInfo& info);

/// Reads a text attribute; empty where it is absent or no text.
std::string text_attribute(const storage::Attributes& attributes, const std::string& key);
/// Reads an attribute as people read it: a text without quotes, anything else as JSON; empty where it is absent.
std::string shown_attribute(const storage::Attributes& attributes, const std::string& key);

/// Prints a time as `2026-11-21 08:36:22`, UTC.
std::string second_text(storage::Time time);

/// Tells whether a trial met its constraints (or has none).
bool is_feasible(const storage::Trial& trial);

/// Returns the indices of the best trials that the study's race over several seeds ended with, the most probable first;
/// nullopt where there was no race, it is of an earlier version of lathe, or there are newer trials.
std::optional<std::vector<std::size_t>> best_of_race(const storage::StudyInfo& info,
                                                     const std::vector<storage::Trial>& trials);

/// Returns the indices of the best of the complete trials that meet their constraints: with several objectives the
/// Pareto front in the order of numbers; with one the `most` best, best first (of equals the smallest parameters, then
/// the smallest number). Those of a race come first.
std::vector<std::size_t> best_stored_trials(const storage::StudyInfo& info, const std::vector<storage::Trial>& trials,
                                            std::size_t most = 1);

/// Returns a study as tables and CSV show it. Values that no metric stands for are kept as metrics of the objectives'
/// names, so that tables of other programs' studies show them. Waiting trials have the choices that they will run with.
report::StudyRecord stored_record(const storage::StudyInfo& info, const std::vector<storage::Trial>& trials);

}  // namespace lathe::app
