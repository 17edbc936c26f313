#pragma once

#include <cstdint>
#include <vector>

#include "lathe/study/exhaustive/front_probability.h"
#include "lathe/study/exhaustive/racing.h"

namespace lathe::study {

/// Holds what there is to conclude from when a race has ended.
struct EndedRace {
  std::vector<Racer> racers;
  std::vector<Direction> directions;
  double confidence = 0.95;
  std::uint64_t seed = 0;                      ///< of the draws
  std::int64_t rows = 0;                       ///< of an evaluation
  std::vector<std::uint64_t> identities = {};  ///< one per racer: first words of the candidate keys
  std::vector<std::int64_t> numbers = {};      ///< one per racer: of its trial
  TiedViolations tied = {};                    ///< of the values behind the objectives
};

/// Gives the standings of a race that has ended the probabilities of being on the front (front_probabilities), and
/// their memberships by them: on the front from `confidence` on, off it up to 1 - confidence, else tied, with what
/// would decide. A candidate of which the means say that no other one beats it is off the front only where another one
/// that may be on it is nowhere known to be worse: else the front would have a gap. Means that break a constraint beat
/// none. Open candidates of a race that was
/// cut off stay open.
void judge_ended_race(const EndedRace& ended, std::vector<Standing>& standings);

}  // namespace lathe::study
