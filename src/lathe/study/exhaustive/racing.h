#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lathe/base/trial_state.h"
#include "lathe/recipe/study_settings.h"
#include "lathe/storage/trial_record.h"
#include "lathe/study/exhaustive/value_errors.h"

/// Racing: which candidates of a noisy study are on the front, and which need another seed to tell.
namespace lathe::study {

using storage::Decider;
using storage::Membership;
using storage::Standing;

/// Judges all candidates by what is known now. Whether one candidate is at least as good as another in an objective is
/// told by Welch's t statistic of their means, whose error is that of the difference over new seeds and new rows: rows
/// are the same for all candidates, and what these say alike of both does not count (value_errors.h). Since few seeds
/// estimate a variance badly, each candidate's is drawn towards what is usual (fit_variance_trend; Smyth, "Linear
/// models and empirical Bayes methods", SAGMB 3(1), 2004, section 3); while all candidates together have fewer than 8
/// degrees of freedom, the best ranks get another seed each and nothing is decided. A candidate is off the front when
/// one of the observed front dominates it with the confidence asked for, on it when the probabilities that any other
/// one does add up to less than the rest; neither assumes that the errors of the objectives are independent. Each look
/// spends a part of the error, so that looking again and again keeps the confidence (Pocock, Biometrika 64(2), 1977).
/// Racing as in Maron, Moore, "Hoeffding races", NIPS 1993, and Birattari et al., "A racing algorithm for configuring
/// metaheuristics", GECCO 2002.
///
/// Behind the objectives a racer may have violations of constraints, which are met up to 0. A candidate is on the front
/// only if it meets them, and beats others only as surely as it does; the observed front has those whose means do.
///
/// Another seed is wanted of open candidates, of the rivals that leave them open, and of all that are not off the front
/// and have fewer than min_repeats; not for a comparison that the rows alone leave open, even if max_repeats seeds
/// moved it by as much as they are likely to. The caller adds the repeats that are wanted and asks again, until none
/// is. A pure function: the order of the candidates does not matter.
std::vector<Standing> race(std::span<const Racer> racers, const std::vector<Direction>& directions,
                           const recipe::RacingSettings& settings, std::int64_t rows = 0);

/// Says what would decide between two candidates whose difference `gap` has variances by seeds and by rows, as it is
/// known from so many `seeds` of each and `rows`, when |gap| must be `needed` standard errors.
Decider decider_of(double gap, double seed_variance, double row_variance, std::int64_t seeds, std::int64_t rows,
                   double needed);

}  // namespace lathe::study
