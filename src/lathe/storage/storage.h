#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lathe/base/trial_state.h"
#include "lathe/parameter/distribution.h"

/// Studies in Optuna's relational schema. This header knows no database and no sampler.
namespace lathe::storage {

/// Holds a point in time; stored as UTC with microseconds.
using Time = std::chrono::system_clock::time_point;

/// Holds the value of one parameter of a trial.
struct Parameter {
  std::string name;
  std::shared_ptr<const parameter::Distribution> distribution;  ///< the trials of a study share a few
  double value = 0;  ///< as Optuna's tables hold it: the index of a choice, or the number
};

/// Holds JSON texts by key.
using Attributes = std::map<std::string, std::string>;

struct Trial {
  std::int64_t trial_id = 0;  ///< of the database
  std::int64_t number = 0;    ///< from 0, without gaps within the study
  TrialState state = TrialState::kRunning;
  std::vector<double> values = {};  ///< one per objective; empty unless complete; infinities allowed
  std::vector<Parameter> parameters = {};
  std::map<std::int64_t, double> intermediate_values = {};
  Attributes user_attributes = {}, system_attributes = {};
  std::optional<Time> started = {}, completed = {};
  /// What the evaluated rows said, a text per seed: written by finish_trial into a table of lathe's own
  /// (`lathe_outcomes`), read by Storage::outcomes alone.
  std::vector<std::string> outcomes = {};
};

struct StudyInfo {
  std::int64_t study_id = 0;
  std::string name = {};
  std::vector<Direction> directions = {};  ///< empty where Optuna left them unset
  Attributes user_attributes = {}, system_attributes = {};
};

/// Says which trials of a study to load.
struct TrialSelection {
  std::vector<TrialState> states = {};  ///< empty: all
  std::int64_t newest = 0;              ///< only so many of them, those with the highest numbers; 0: all
};

/// Counts the trials of a study.
struct TrialCounts {
  std::map<TrialState, std::int64_t> by_state = {};  ///< without those that are 0
  std::optional<Time> first_started = {}, last_completed = {};

  std::int64_t in(TrialState state) const {
    const auto found = by_state.find(state);
    return found == by_state.end() ? 0 : found->second;
  }
  std::int64_t all() const {
    std::int64_t sum = 0;
    for (const auto& [state, count] : by_state) sum += count;
    return sum;
  }
};

/// Holds a parameter that trials of a study have, and what they may choose for it.
struct NamedDistribution {
  std::string name;
  std::shared_ptr<const parameter::Distribution> distribution;
};

/// Holds what a worker writes when it begins a trial.
struct NewTrial {
  /// The number that the parameters were proposed for; nullopt: whatever comes next.
  std::optional<std::int64_t> number = {};
  std::vector<Parameter> parameters = {};
  Attributes user_attributes = {}, system_attributes = {};
  Time started = {};
};

/// Keeps studies. One transaction per call; every call is thread safe, and safe against other processes. Errors:
/// SystemError with the address and the database's reason (read-only, locked, full, corrupted, newer schema, connection
/// lost for longer than the retries last); a failed call changes nothing.
///
/// Numbers of a study's trials run from 0 without gaps, in the order of the ids. Finished trials never change.
/// Heartbeats and their ages are told by the database's clock, so that the clocks of the workers may differ.
class Storage {
 public:
  virtual ~Storage() = default;
  /// Prints where studies are kept, without a password: `sqlite:///mase_output/jsc/study.db`, `postgresql://host/db`,
  /// `memory`.
  virtual std::string address() const = 0;

  /// Creates a study; UserError when the name is taken.
  virtual std::int64_t create_study(const std::string& name, const std::vector<Direction>& directions,
                                    const Attributes& user_attributes, const Attributes& system_attributes) = 0;
  /// Creates a study with trials that ended elsewhere (import, copies), in one transaction. Ids are new; numbers are
  /// 0, 1, ... in the order of the list. UserError when the name is taken.
  virtual std::int64_t import_study(const StudyInfo& study, const std::vector<Trial>& trials) = 0;
  virtual std::vector<StudyInfo> studies() = 0;
  virtual std::optional<StudyInfo> find_study(const std::string& name) = 0;
  /// Adds or replaces attributes.
  virtual void set_study_attributes(std::int64_t study_id, const Attributes& user_attributes,
                                    const Attributes& system_attributes) = 0;
  /// Deletes a study with all that belongs to it.
  virtual void delete_study(std::int64_t study_id) = 0;

  /// Inserts a RUNNING trial with its parameters and a heartbeat. Returns nullopt, and writes nothing, when the next
  /// number of the study is not `number`: another worker was faster.
  virtual std::optional<Trial> start_trial(std::int64_t study_id, const NewTrial& trial) = 0;
  /// Inserts a WAITING trial whose parameters are fixed (system attribute fixed_params, as Optuna's enqueue_trial).
  virtual Trial enqueue_trial(std::int64_t study_id, const std::vector<Parameter>& fixed,
                              const Attributes& user_attributes) = 0;
  /// Turns a WAITING trial into a RUNNING one with these parameters; false when another worker did.
  virtual bool claim_waiting_trial(std::int64_t trial_id, const NewTrial& trial) = 0;
  /// Lists the RUNNING trials whose last heartbeat is older than `grace`. Trials without a heartbeat (of other
  /// programs) are never listed.
  virtual std::vector<std::int64_t> stale_trials(std::int64_t study_id, std::chrono::duration<double> grace) = 0;
  /// Returns the last sign of life of each RUNNING trial that has one, as a text that changes with the next.
  virtual std::map<std::int64_t, std::string> heartbeats(std::int64_t study_id) = 0;
  /// Takes over a RUNNING trial whose heartbeat is older than `grace`: renews the heartbeat and sets the attributes;
  /// false when somebody else did or it ended.
  virtual bool take_over_trial(std::int64_t trial_id, std::chrono::duration<double> grace,
                               const Attributes& user_attributes) = 0;
  /// Says that these RUNNING trials are still worked on.
  virtual void heartbeat(const std::vector<std::int64_t>& trial_ids) = 0;
  /// Ends a RUNNING trial: state, values, attributes, intermediate values, completion time; false, and nothing written,
  /// when it has ended already (a worker that was given up came back).
  virtual bool finish_trial(const Trial& trial) = 0;

  /// Loads all trials in the order of their numbers.
  virtual std::vector<Trial> trials(std::int64_t study_id) = 0;
  /// Loads the trials with an id above `last_trial_id`, and those listed in `unfinished`, in the order of their
  /// numbers: what a reader that knows the rest must read again.
  virtual std::vector<Trial> changed_trials(std::int64_t study_id, std::int64_t last_trial_id,
                                            const std::vector<std::int64_t>& unfinished) = 0;
  /// Loads some trials in the order of their numbers.
  virtual std::vector<Trial> selected_trials(std::int64_t study_id, const TrialSelection& selection) = 0;
  /// Counts the trials of all studies, by study id, without loading them; studies without a trial are not in it.
  virtual std::map<std::int64_t, TrialCounts> trial_counts() = 0;
  /// Lists the parameters of a study's trials in the order in which they first came up; one whose choices changed comes
  /// once for each.
  virtual std::vector<NamedDistribution> distributions(std::int64_t study_id) = 0;
  /// Tells cheaply whether anybody else may have written since the last call; true where it is not known.
  virtual bool changed_by_others() = 0;

  /// Adds a further evaluation of a finished trial, with another seed (a table of lathe's own, `lathe_repeats`), and
  /// what its rows said (empty: not kept); an existing one of the same number stays.
  virtual void add_repeat(std::int64_t trial_id, std::int64_t repeat, const std::string& json,
                          const std::string& outcomes = {}) = 0;
  /// Returns all further evaluations of a study: trial id -> repeat -> JSON.
  virtual std::map<std::int64_t, std::map<std::int64_t, std::string>> repeats(std::int64_t study_id) = 0;
  /// Returns what is kept of the rows of some trials: trial id -> seed -> text.
  virtual std::map<std::int64_t, std::map<std::int64_t, std::string>> outcomes(
      const std::vector<std::int64_t>& trial_ids) = 0;
};

}  // namespace lathe::storage
