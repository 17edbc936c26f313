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
  std::vector<double> values;  ///< one per objective; empty unless complete; infinities allowed
  std::vector<Parameter> parameters;
  std::map<std::int64_t, double> intermediate_values;
  Attributes user_attributes, system_attributes;
  std::optional<Time> started, completed;
};

struct StudyInfo {
  std::int64_t study_id = 0;
  std::string name;
  std::vector<Direction> directions;  ///< empty where Optuna left them unset
  Attributes user_attributes, system_attributes;
};

/// Keeps studies. One transaction per call; every call is thread safe. Errors: SystemError with the path or address and
/// the database's reason (read-only, locked, full, corrupted, newer schema); a failed call changes nothing.
class Storage {
 public:
  virtual ~Storage() = default;
  /// Creates a study; UserError when the name is taken.
  virtual std::int64_t create_study(const std::string& name, const std::vector<Direction>& directions,
                                    const Attributes& user_attributes, const Attributes& system_attributes) = 0;
  virtual std::vector<StudyInfo> studies() = 0;
  virtual void set_study_attributes(std::int64_t study_id, const Attributes& user_attributes) = 0;
  /// Inserts a RUNNING trial with its parameters; returns its id. The number is the next of the study and is returned in
  /// the trial.
  virtual Trial start_trial(std::int64_t study_id, const std::vector<Parameter>& parameters, Time started) = 0;
  /// Ends a RUNNING trial: state, values, attributes, intermediate values, completion time, in one transaction.
  virtual void finish_trial(const Trial& trial) = 0;
  /// Loads all trials in the order of their numbers.
  virtual std::vector<Trial> trials(std::int64_t study_id) = 0;
};

}  // namespace lathe::storage
