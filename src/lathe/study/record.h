#pragma once

#include <map>
#include <string>
#include <vector>

#include "lathe/recipe/study_settings.h"
#include "lathe/space/space.h"
#include "lathe/storage/storage.h"
#include "lathe/study/trial.h"

/// Says how trials stand in Optuna's tables.
namespace lathe::study {

/// Holds the values that a waiting trial was enqueued with, by parameter.
using FixedValues = std::map<std::string, space::Scalar>;

/// Returns the active parameters of an assignment, in the order of the space.
std::vector<storage::Parameter> storage_parameters(const parameter::Space& space,
                                                   const parameter::Assignment& assignment);

/// User attribute that counts how many workers began a trial. Stored: do not change.
inline constexpr const char* kAttemptsAttribute = "lathe:attempts";
/// "true" while a trial waits that its own worker left on the user's wish (Ctrl-C). Stored: do not change.
inline constexpr const char* kInterruptedAttribute = "lathe:interrupted";

/// Returns what a worker writes when it begins a trial: who it is, and which attempt this is.
storage::Attributes worker_attributes(const std::string& worker, std::int64_t attempts);

/// Returns an ended trial as it is stored: state, values and, as user attributes, MASE's four dictionaries
/// (software_metrics, hardware_metrics, scaled_metrics, sampled_config) and lathe's own facts (`lathe:key`, equal for
/// equal candidates, `lathe:reason`, `lathe:failure`, `lathe:untrained`, `lathe:spreads`, `lathe:network`,
/// `lathe:ran_on` (device and memory), `lathe:standard_errors` and `lathe:repeats` where a trial has several seeds,
/// `lathe:reports` where there are several objectives); constraints as Optuna's system attribute.
storage::Trial storage_trial(const Trial& trial);

/// Returns the constraints of a trial as Optuna stores them, each at most 0 where it is met; empty without any.
std::vector<double> read_constraints(const storage::Trial& stored);

/// Holds a trial that was read from a database.
struct StoredTrial {
  Trial trial;
  bool in_space = true;      ///< whether its parameters are those of the space; false: the assignment is empty
  std::string worker;        ///< of a trial that lathe began
  bool interrupted = false;  ///< its worker ended on the user's wish
  FixedValues fixed = {};    ///< of a waiting trial
};

/// Checks that the trials of a study, ordered by number, are all there. Throws DataError that names the missing one.
void check_numbers(const recipe::StudySettings& settings, const std::vector<storage::Trial>& stored);

/// Reads a trial of lathe or of another program. Attributes of another kind than lathe's are left out; what is no JSON
/// is damage: DataError with the study, the trial and the attribute. So is a complete trial with too few or many
/// values.
StoredTrial read_trial(const recipe::StudySettings& settings, const space::SearchSpace& space,
                       const storage::Trial& stored);

}  // namespace lathe::study
