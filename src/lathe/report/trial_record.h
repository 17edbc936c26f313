#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lathe/base/profile.h"
#include "lathe/parameter/distribution.h"
#include "lathe/storage/trial_record.h"

/// What reports know of a study: plain values, whatever study, database or program they come from.
namespace lathe::report {

using parameter::to_string;
using storage::Decider;
using storage::Metrics;
using storage::SampledConfig;
using storage::Scalar;
using storage::Standing;
using storage::TrialRecord;

/// Finds a number by name; nullopt when absent.
std::optional<double> find_metric(const Metrics& metrics, const std::string& name);

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
