#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lathe/base/trial_state.h"
#include "lathe/study/settings.h"

/// Racing: which candidates of a noisy study are on the front, and which need another seed to tell.
namespace lathe::study {

/// Holds the evaluations of one candidate so far, one vector of objectives per seed, as measured. All finite.
struct Racer {
  std::vector<std::vector<double>> repeats;
};

/// Says what is known of a candidate.
enum class Membership {
  kOpen,  ///< more seeds will tell
  kOn,    ///< on the front with the confidence asked for
  kOff,   ///< beaten with the confidence asked for
  kTied,  ///< not to be told apart from others with max_repeats seeds
};
/// Prints `open`, `on the front`, `off the front`, `tied`. Stored by name: do not change.
std::string to_string(Membership membership);

/// Holds the standing of one candidate.
struct Standing {
  Membership membership = Membership::kOpen;
  double at_least = 0, at_most = 1;  ///< bounds of the probability that the candidate is on the front
  bool another_seed = false;         ///< whether the race wants one more repeat of it now
  std::int64_t seeds = 0;            ///< evaluations so far
  std::vector<double> means = {}, standard_errors = {};  ///< one per objective; errors of the seeds
  std::vector<double> sampling_errors = {};  ///< of the evaluated rows, see front_probability.h; set by run_race
  std::vector<double> total_errors = {};     ///< of both together; set by run_race
  double front_probability = 0;              ///< of being on the front, see front_probabilities; set by run_race
};

/// Judges all candidates by what is known now. Whether one candidate is at least as good as another in an objective is
/// told by Welch's t statistic of their means. Since few seeds estimate a variance badly, each candidate's is drawn
/// towards what is usual among all candidates (fit_variance_prior; Smyth, "Linear models and empirical Bayes methods",
/// SAGMB 3(1), 2004, section 3); while all candidates together have fewer than 8 degrees of
/// freedom, the best ranks get another seed each and nothing is decided. A candidate is off the front when one of the
/// observed front dominates it with the confidence asked for, on it when the probabilities that any other one does add
/// up to less than the rest; neither assumes that the errors of the objectives are independent. Each look
/// spends a part of the error, so that looking again and again keeps the confidence (Pocock, Biometrika 64(2), 1977).
/// Racing as in Maron, Moore, "Hoeffding races", NIPS 1993, and Birattari et al., "A racing algorithm for configuring
/// metaheuristics", GECCO 2002.
///
/// Another seed is wanted of open candidates, of the rivals that leave them open, and of all that are not off the front
/// and have fewer than min_repeats. The caller adds the repeats that
/// are wanted and asks again, until none is. A pure function: the order of the candidates does not matter.
std::vector<Standing> race(std::span<const Racer> racers, const std::vector<Direction>& directions,
                           const RacingSettings& settings);

}  // namespace lathe::study
