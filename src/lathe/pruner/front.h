#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lathe/pruner/pruner.h"

namespace lathe::pruner {

/// Declares `front`: ends trials that are not going to be on the Pareto front, with a bound on the error.
///
/// The rungs are those of successive halving (Jamieson, Talwalkar, "Non-stochastic best arm identification and
/// hyperparameter optimization", AISTATS 2016; Li et al., "Hyperband", JMLR 18(185), 2018): after min_resource *
/// reduction_factor^r of the resource, below max_resource. What is dropped is decided by confidence bounds as in
/// Hoeffding races (Maron, Moore, NIPS 1993), not by a fixed share. The bounds are those of split conformal prediction
/// (Vovk, Gammerman, Shafer, "Algorithmic learning in a random world", Springer 2005, section 4.1; Lei et al., JASA
/// 113(523), 2018, theorem 2.2), which assume no form of the learning curves.
///
/// Trials 0 .. calibration - 1 always run to their end. For a trial at rung r, the gain from the rung's report to the
/// final value is taken of the n calibration trials that reached the rung and completed, for each measured objective.
/// The bound of the trial's final value is its report plus the k-th smallest gain, k = ceil((n + 1) * (1 - share)),
/// share = (1 - confidence) / (rungs * measured objectives); where k > n there is no bound and nothing is dropped. It
/// is never less than the report plus the largest gain among the calibration trials that are on the front of the
/// calibration trials. Objectives that are known before training are exact. A trial is dropped when a complete trial
/// that meets the constraints is not worse in any exact objective, not worse than the bound in any measured one, and
/// better somewhere.
///
/// Statement. Let every trial have a final value and reports whether it is dropped or not (those it would have, trained
/// to its end; final values as a study records them: of its first seed, or the mean of `repeats` seeds), and let the
/// order of the trials be a uniformly random permutation of the space. Then for each trial t, the probability that t
/// completes, its final value is on the front of all final values, and t is dropped is at most 1 - confidence. Hence at
/// most a share of 1 - confidence of all candidates is expected to be dropped wrongly.
///   Proof: t and the calibration trials that reach rung r and complete are exchangeable, so that the gain of t exceeds
/// their k-th smallest one with probability at most `share`; else the bound holds, and the trial that beats the bound
/// dominates t. The shares of all rungs and objectives are added up. It does not matter how the competitors were
/// chosen. Statement for members of the front. Given that t is on the front of all final values, it is dropped with
/// probability at most rungs * measured objectives * E[1 / (J + 1)], where J counts the calibration trials that are on
/// the front of all, too: these are on the front of the calibration trials, and the largest of J + 1 exchangeable gains
/// is t's with probability 1 / (J + 1). This one is the stronger, and needs a large calibration to be so.
///
/// Assumptions, and what is not promised: the order is random (brute_force's is; points that were enqueued by hand or
/// copied from another study among the calibration trials break this); a trial whose report is NaN has diverged and is
/// ended; the final values carry the noise of their seeds, against which the bound is no statement about expected
/// values. Probabilities are over the order of the trials, not given a particular network.
///
/// Stateless: O(trials) per decision (one look at each complete trial, stopping at the first that beats the bound) and
/// O(calibration) for the bounds; reports between rungs cost nothing.
PrunerKind front_kind();

/// Returns how many of the rungs min_resource * reduction_factor^r lie below max_resource.
std::int64_t front_rungs(std::int64_t min_resource, std::int64_t reduction_factor, std::int64_t max_resource);

/// Returns the least number of complete calibration trials with which `front` can drop anything.
std::int64_t least_calibration(double confidence, std::int64_t rungs, std::int64_t measured_objectives);

/// Returns the k-th smallest of the gains, k = ceil((n + 1) * (1 - share)): an upper bound that a further exchangeable
/// gain exceeds with probability at most `share`. Infinite where k > n. NaN gains count as infinite.
double conformal_bound(std::vector<double> gains, double share);

}  // namespace lathe::pruner
