#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lathe/base/profile.h"
#include "lathe/parameter/distribution.h"
#include "lathe/storage/storage.h"

/// What reports know of a study: plain values, whatever study, database or program they come from.
namespace lathe::report {

/// Holds one chosen value; monostate is "NA".
using Scalar = parameter::Choice;
using parameter::to_string;

/// Holds named numbers in the order in which they are shown.
using Metrics = std::vector<std::pair<std::string, double>>;
/// Finds a number by name; nullopt when absent.
std::optional<double> find_metric(const Metrics& metrics, const std::string& name);

/// Holds the chosen values: node -> key -> value.
using SampledConfig = std::vector<std::pair<std::string, std::vector<std::pair<std::string, Scalar>>>>;

/// Says what would decide whether a tied trial is on the front, if the means stay as they are.
struct DeciderRecord {
  std::optional<std::int64_t> rival = {};  ///< number of the trial that it cannot be told apart from; absent: a bound
  std::optional<std::int64_t> seeds = {};  ///< further ones of each of the two; absent: no number of seeds alone
  std::optional<std::int64_t> rows = {};   ///< further evaluated ones; absent: no number of rows alone
  bool equal = false;                      ///< the means are the same: nothing would
};

/// Holds what a race found out about a trial.
struct StandingRecord {
  std::string membership = {};                           ///< `on the front`, `tied`, `off the front`, `open`
  std::int64_t seeds = 0;                                ///< evaluations of the candidate
  std::vector<double> means = {}, standard_errors = {};  ///< one per direction of the study; errors of the seeds
  std::vector<double> sampling_errors = {};              ///< of the evaluated rows; NaN: not known
  std::vector<double> total_errors = {};                 ///< of both
  double front_probability = 0;                          ///< of being on the front, of 10,000 draws
  double at_least = 0, at_most = 1;                      ///< bounds of the probability of being on the front
  bool meets = true;                                     ///< whether the means meet all constraints
  std::optional<DeciderRecord> decider = {};             ///< of a tied one
};

/// Holds one trial.
struct TrialRecord {
  std::int64_t number = 0;
  TrialState state = TrialState::kRunning;
  std::vector<double> values = {};  ///< one per objective of the study; empty unless complete (or pruned)
  Metrics software_metrics = {}, hardware_metrics = {}, scaled_metrics = {};
  Metrics spreads = {};                  ///< of measured metrics: interquartile range / median
  Metrics standard_errors = {};          ///< of metrics that are means over several seeds
  std::vector<double> constraints = {};  ///< each at most 0 where it is met; empty without constraints
  std::vector<std::pair<std::int64_t, std::vector<double>>> reports = {};  ///< step -> one value per direction
  std::optional<StandingRecord> standing = {};                             ///< after a race
  SampledConfig sampled_config = {};
  /// The decisions of the sampler: `seq_blocks_2/config/channel_multiplier` -> `2`.
  std::vector<std::pair<std::string, std::string>> choices = {};
  std::string widths = {};                        ///< `16-32-64-5`
  std::string bits = {};                          ///< `8/4 4/2`
  std::string reason = {};                        ///< of a trial that failed
  std::optional<std::int64_t> duplicate_of = {};  ///< number of the trial whose result this one shares
  bool untrained = false;                         ///< evaluated with weights that were never trained
  bool at_chance = false;                         ///< its accuracy is no better than naming the commonest class
  double seconds = 0;                             ///< spent on this trial
  std::string key = {};                           ///< of the candidate, as the database has it; empty: not known
  std::string weights = {};                       ///< file with its weights, in the study's folder; empty: not kept
  std::string device = {};                        ///< `onednn AVX2 on cpu`; empty: not known
  std::int64_t planned_bytes = 0;                 ///< memory that was planned for it; 0: not known
  std::int64_t peak_bytes = 0;                    ///< most memory of the process meanwhile; 0: not known
  std::optional<storage::Time> started = {}, completed = {};
};

/// Holds the largest memory of a list of trials; zeros: not known.
struct MemoryUse {
  std::int64_t planned_bytes = 0, peak_bytes = 0;
  std::int64_t number = 0;  ///< of the trial with the largest plan
};
MemoryUse largest_memory(const std::vector<TrialRecord>& trials);
/// Prints `largest plan 31.2 MB (trial 4), process at most 120.4 MB`; empty where nothing is known.
std::string memory_line(const std::vector<TrialRecord>& trials);

/// Holds one entry of `[search.strategy.metrics]`.
struct ObjectiveRecord {
  std::string name = {};
  Direction direction = Direction::kMaximize;
};

/// Holds the test scores of one of the best trials.
struct FinalRecord {
  std::int64_t number = 0;                       ///< of the trial
  std::vector<double> scores = {}, losses = {};  ///< one per seed, on all test rows
  double mean_score = 0, standard_error = 0, mean_loss = 0;
  bool regression = false;  ///< scores are r2, else accuracies
  std::string reason = {};  ///< when a training failed
};

/// Holds a study.
struct StudyRecord {
  std::string name = {};
  std::string model = {};
  std::string sampler = {};
  std::uint64_t seed = 0;
  std::int64_t lag = 0;
  std::vector<ObjectiveRecord> objectives = {};  ///< in the order of the file's metrics (alphabetical)
  std::vector<Direction> directions = {};        ///< of TrialRecord::values: one, or one per objective
  std::string backend = {};                      ///< `dense`
  std::string target = {};                       ///< SIMD target, `AVX2`
  std::string accelerator = {};                  ///< `cpu`, `gpu`; empty: not known
  std::int64_t threads_per_trial = 1;
  std::string precision = {};                   ///< `32`, `bf16`; empty: not known
  std::string weights = {};                     ///< what candidates began from: `fresh`, `net2wider`; empty: not known
  std::optional<std::int64_t> space_size = {};  ///< nullopt: continuous, or beyond 62 bits
  std::string by = "name";                      ///< how the file's seed entries name nodes
  std::vector<std::pair<std::string, Scalar>> data = {};  ///< the fingerprint of the data
  std::string preprocessing = {};                         ///< what was done to the rows, as JSON; empty: unknown
  std::string notice = {};                                ///< `simulated jets, not JSC`; empty: none
  std::string settings = {};                              ///< the resolved settings as TOML
  std::string end = {};                                   ///< why the study ended: `all trials`, `timeout`
  bool reproducible = true;                               ///< false: the clock had a say
  double wall_seconds = 0;
  std::vector<TrialRecord> trials = {};  ///< in the order of their numbers
  std::vector<std::size_t> best = {};    ///< indices into trials: the best one, or the Pareto front
  std::vector<FinalRecord> finals = {};
  std::optional<ProfileTotals> profile = {};  ///< where the time of this run went
};

/// Maps each of the best trials that equals an earlier one in every objective (in the means after a race) to the number
/// of the first such: of these the first alone keeps its weights. Keys are indices into trials.
std::map<std::size_t, std::int64_t> best_with_equals(const StudyRecord& study);

}  // namespace lathe::report
