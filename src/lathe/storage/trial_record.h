#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lathe/base/hash.h"
#include "lathe/base/trial_state.h"
#include "lathe/parameter/distribution.h"
#include "lathe/storage/storage.h"

/// What is known of a trial: plain values, whatever study, database, file or program they come from.
namespace lathe::storage {

/// Holds one chosen value; monostate is "NA".
using Scalar = parameter::Choice;
/// Holds named numbers in the order in which they are shown.
using Metrics = std::vector<std::pair<std::string, double>>;
/// Holds the chosen values: node -> key -> value.
using SampledConfig = std::vector<std::pair<std::string, std::vector<std::pair<std::string, Scalar>>>>;

/// Says what a race knows of a candidate.
enum class Membership {
  kOpen,  ///< more seeds will tell
  kOn,    ///< on the front with the confidence asked for
  kOff,   ///< beaten with the confidence asked for
  kTied,  ///< not to be told apart from others by these rows and max_repeats seeds
};
/// Prints `open`, `on the front`, `off the front`, `tied`. Stored by name: do not change.
std::string to_string(Membership membership);

/// Says what would decide whether a tied candidate is on the front, if the means stay as they are.
struct Decider {
  std::optional<std::int64_t> rival = {};  ///< number of the trial that it cannot be told apart from; absent: a bound
  std::optional<std::int64_t> seeds = {};  ///< further ones of each of the two; absent: no number of seeds alone
  std::optional<std::int64_t> rows = {};   ///< further evaluated ones; absent: no number of rows alone
  bool equal = false;                      ///< the means are the same: nothing would
};

/// Holds what a race found out about a candidate.
struct Standing {
  Membership membership = Membership::kOpen;
  double at_least = 0, at_most = 1;  ///< bounds of the probability that the candidate is on the front
  bool another_seed = false;         ///< whether the race wants one more repeat of it now
  std::int64_t seeds = 0;            ///< evaluations so far
  std::vector<double> means = {}, standard_errors = {};  ///< one per direction of the study; errors of the seeds
  bool meets = true;                         ///< whether the means meet the constraints that training decides
  std::vector<double> sampling_errors = {};  ///< of the evaluated rows; NaN: not known
  std::vector<double> total_errors = {};     ///< of both together
  double front_probability = 0;              ///< of being on the front, of 10,000 draws
  std::optional<Decider> decider = {};       ///< of a tied one: what would decide it
};

/// Holds one trial: what a study works with (study::Trial adds what a run needs), reports show and result files keep.
struct TrialRecord {
  std::int64_t number = 0;
  TrialState state = TrialState::kRunning;
  std::vector<double> values = {};                ///< one per direction of the study; empty unless complete (or pruned)
  Metrics scaled_metrics = {};                    ///< by objective
  std::vector<double> constraints = {};           ///< each at most 0 where it is met; empty without constraints
  std::optional<Standing> standing = {};          ///< after a race
  SampledConfig sampled_config = {};              ///< empty when the candidate could not be decoded
  std::string widths = {};                        ///< `16-32-64-5`
  std::string bits = {};                          ///< `8/4 4/2`
  std::string reason = {};                        ///< of a failure, or why the trial was pruned
  std::optional<std::int64_t> duplicate_of = {};  ///< number of the trial whose result this one shares
  bool untrained = false;                         ///< evaluated with weights that were never trained
  Digest key = {};                                ///< of the candidate; zero: not known
  std::optional<Time> started = {}, completed = {};

  // What follows is filled in where a study is shown or kept in files.
  Metrics software_metrics = {}, hardware_metrics = {};
  Metrics spreads = {};          ///< of measured metrics: interquartile range / median
  Metrics standard_errors = {};  ///< of metrics that are means over several seeds
  /// The decisions of the sampler: `seq_blocks_2/config/channel_multiplier` -> `2`.
  std::vector<std::pair<std::string, std::string>> choices = {};
  bool ruled_out = false;          ///< pruned before its training: the network breaks a constraint
  bool at_chance = false;          ///< its accuracy is no better than naming the commonest class
  double seconds = 0;              ///< spent on this trial
  std::string weights = {};        ///< file with its weights, in the study's folder; empty: not kept
  std::string device = {};         ///< `onednn AVX2 on cpu`; empty: not known
  std::int64_t planned_bytes = 0;  ///< memory that was planned for it; 0: not known
  std::int64_t peak_bytes = 0;     ///< most memory of the process meanwhile; 0: not known
};

}  // namespace lathe::storage
