#include "lathe/study/exhaustive/racing.h"

#include <algorithm>
#include <cmath>

#include "lathe/sampler/domination.h"
#include "lathe/study/exhaustive/front_probability.h"
#include "lathe/study/exhaustive/student.h"

namespace lathe::study {
namespace {

// Degrees of freedom of all candidates together below which the noise counts as unknown.
constexpr double kLeastDegrees = 8;
// Above so many Student's distribution is the normal one.
constexpr double kMostDegrees = 1e6;
// From so many on 8 standard errors are beyond all doubt.
constexpr double kDegreesOfSure = 10;
// Standard errors of a difference at which it may count as decided.
constexpr double kDecided = 1.645;

struct Candidate {
  std::int64_t repeats = 0;
  bool off = false;
  double surely_met = 1, perhaps_met = 1;  // bounds of the probability that it meets all constraints
};

// Returns the share of error for each of the max_repeats - 1 looks at growing data, so that all together keep the
// confidence. Pocock's nominal levels (Biometrika 64(2), 1977) follow looks^(-2/3) within 7 % up to ten looks.
double tail_of_one_look(const recipe::RacingSettings& settings) {
  const auto looks = static_cast<double>(std::max<std::int64_t>(settings.max_repeats - 1, 1));
  return (1 - settings.confidence) * std::pow(looks, -2.0 / 3.0);
}

class Race {
 public:
  Race(std::span<const Racer> racers, const std::vector<Direction>& directions, const recipe::RacingSettings& settings,
       std::int64_t rows)
      : settings_(settings), tail_(tail_of_one_look(settings)), candidates_(racers.size()), standings_(racers.size()) {
    for (std::size_t i = 0; i < racers.size(); ++i)
      candidates_[i].repeats = standings_[i].seeds = static_cast<std::int64_t>(racers[i].repeats.size());
    for (std::size_t objective = 0; objective < directions.size(); ++objective) {
      const double sign = directions[objective] == Direction::kMaximize ? -1 : 1;
      errors_.emplace_back(racers, objective, sign, rows);
      for (std::size_t i = 0; i < racers.size(); ++i) describe(errors_.back(), i, sign);
    }
    for (std::size_t value = directions.size(); value < racers.front().repeats.front().size(); ++value) {
      violations_.emplace_back(racers, value, 1, rows);
      for (std::size_t i = 0; i < racers.size(); ++i) bound_met(violations_.back(), i);
    }
    rank_means();
  }

  std::vector<Standing> judge() && {
    if ((candidates_.size() > 1 || !violations_.empty()) && noise_unknown() && want_seeds_for_noise())
      return std::move(standings_);
    for (std::size_t i = 0; i < candidates_.size(); ++i) judge_off(i);
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      if (candidates_[i].off) continue;
      judge_on(i);
      if (candidates_[i].repeats < settings_.min_repeats) want_seed(i);
    }
    return std::move(standings_);
  }

 private:
  void describe(const ValueErrors& errors, std::size_t i, double sign) {
    standings_[i].means.push_back(sign * errors.mean(i));
    standings_[i].standard_errors.push_back(std::sqrt(errors.seed_variance(i)));
    standings_[i].sampling_errors.push_back(std::sqrt(errors.row_variance(i)));
    standings_[i].total_errors.push_back(
        joint_error(standings_[i].standard_errors.back(), standings_[i].sampling_errors.back()));
  }

  // Adds what is known of one violation to the bounds of meeting all constraints (Frechet).
  void bound_met(const ValueErrors& errors, std::size_t i) {
    const double probability = met(errors, i);
    candidates_[i].surely_met = std::max(candidates_[i].surely_met - (1 - probability), 0.0);
    candidates_[i].perhaps_met = std::min(candidates_[i].perhaps_met, probability);
  }

  // Returns the probability that a violation is truly at most 0.
  static double met(const ValueErrors& errors, std::size_t i) {
    const double seeds = known(errors.seed_variance(i)), variance = seeds + known(errors.row_variance(i));
    if (!(variance > 0)) return errors.mean(i) <= 0 ? 1 : 0;
    const double degrees = seeds > 0 ? variance * variance / (seeds * seeds / errors.degrees(i)) : kMostDegrees;
    return student_cdf(-errors.mean(i) / std::sqrt(variance), std::min(degrees, kMostDegrees));
  }

  // Ranks the candidates whose means meet the constraints, and behind them the others by their violations.
  void rank_means() {
    std::vector<sampler::ConstrainedPoint> points(candidates_.size());
    for (std::size_t i = 0; i < points.size(); ++i) {
      for (const ValueErrors& errors : errors_) points[i].losses.push_back(errors.mean(i));
      for (const ValueErrors& errors : violations_) points[i].violation += std::max(errors.mean(i), 0.0);
      standings_[i].meets = points[i].violation == 0;
    }
    ranks_ = sampler::constrained_ranks(points);
    for (std::size_t i = 0; i < ranks_.size(); ++i) {
      if (ranks_[i] == 0 && standings_[i].meets) front_.push_back(i);
    }
  }

  bool noise_unknown() const {
    return std::any_of(errors_.begin(), errors_.end(),
                       [](const ValueErrors& errors) { return errors.all_degrees() < kLeastDegrees; });
  }

  // Wants seeds of the best ranks that may have more, until two candidates get one; false when none may.
  bool want_seeds_for_noise() {
    const std::size_t ranks = *std::max_element(ranks_.begin(), ranks_.end()) + 1;
    int wanted = 0;
    for (std::size_t rank = 0; rank < ranks && wanted < 2; ++rank) {
      for (std::size_t i = 0; i < ranks_.size(); ++i) wanted += ranks_[i] == rank && want_seed(i) ? 1 : 0;
    }
    return wanted > 0;
  }

  // Returns the probability that candidate j is truly at least as good as candidate i in one objective.
  double not_worse(std::size_t j, std::size_t i, const ValueErrors& errors) const {
    const double gap = errors.mean(i) - errors.mean(j);  // of losses: positive where j is better
    const double left = known(errors.seed_variance(j)), right = known(errors.seed_variance(i));
    if (surely(gap, j, i, errors)) return gap > 0 ? 1 : 0;
    const double variance = left + right + errors.row_variance_of_difference(j, i);
    if (!(variance > 0)) return gap >= 0 ? 1 : 0;
    // Welch and Satterthwaite's degrees of freedom of a difference of means; the rows are many.
    const auto part = [&](std::size_t k, double seeds) { return seeds > 0 ? seeds * seeds / errors.degrees(k) : 0; };
    const double parts = part(j, left) + part(i, right);
    const double degrees = parts > 0 ? std::min(variance * variance / parts, kMostDegrees) : kMostDegrees;
    return student_cdf(gap / std::sqrt(variance), degrees);
  }

  static double known(double variance) { return std::isfinite(variance) ? variance : 0; }

  // Tells cheaply that no error changes which of two means is better: each is as large as it may be, and against the
  // gap.
  bool surely(double gap, std::size_t j, std::size_t i, const ValueErrors& errors) const {
    constexpr double kErrors = 8;
    if (std::min(errors.degrees(i), errors.degrees(j)) < kDegreesOfSure) return false;
    const auto error = [&](std::size_t k) {
      return std::sqrt(known(errors.seed_variance(k))) + std::sqrt(known(errors.row_variance(k)));
    };
    const double most = kErrors * (error(j) + error(i));
    return most > 0 && std::abs(gap) > most;
  }

  // Bounds the probability that j dominates i without assuming that the objectives' errors are independent (Frechet).
  std::pair<double, double> dominates(std::size_t j, std::size_t i) const {
    double sum = 0, least = 1;
    bool differ = false;
    for (const ValueErrors& errors : errors_) {
      const double probability = not_worse(j, i, errors);
      if (probability == 0) return {0, 0};
      sum += probability;
      least = std::min(least, probability);
      differ |=
          errors.mean(j) != errors.mean(i) ||
          known(errors.seed_variance(j)) + known(errors.seed_variance(i)) + errors.row_variance_of_difference(j, i) > 0;
    }
    if (!differ) return {0, 0};
    return {std::max(0.0, sum - static_cast<double>(errors_.size() - 1)), least};
  }

  // Tells whether further seeds can decide between two candidates: whether the error that max_repeats seeds of both
  // would leave is small enough if they moved the gap by one standard error of the seeds.
  bool seeds_can_tell(std::size_t j, std::size_t i) const {
    return std::any_of(errors_.begin(), errors_.end(), [&](const ValueErrors& errors) {
      const double seeds = known(errors.seed_variance(j)) + known(errors.seed_variance(i));
      return seeds_can_tell(std::abs(errors.mean(j) - errors.mean(i)), seeds, errors.row_variance_of_difference(j, i),
                            ended(errors, j) + ended(errors, i));
    });
  }

  // Tells the same of whether a candidate meets the constraints.
  bool seeds_can_tell_met(std::size_t i) const {
    if (candidates_[i].surely_met >= 1 - tail_) return false;
    return std::any_of(violations_.begin(), violations_.end(), [&](const ValueErrors& errors) {
      if (met(errors, i) >= 1 - tail_) return false;
      return seeds_can_tell(std::abs(errors.mean(i)), known(errors.seed_variance(i)), known(errors.row_variance(i)),
                            ended(errors, i));
    });
  }

  static bool seeds_can_tell(double gap, double seeds, double rows, double ended) {
    if (!(seeds > 0)) return false;
    return !(rows > 0) || gap + std::sqrt(seeds) > kDecided * std::sqrt(rows + ended);
  }

  // Returns the variance by the seeds that max_repeats of them would leave.
  double ended(const ValueErrors& errors, std::size_t i) const {
    return known(errors.seed_variance(i)) * static_cast<double>(errors.seeds(i)) /
           static_cast<double>(settings_.max_repeats);
  }

  void judge_off(std::size_t i) {
    double beaten = 0;
    for (const std::size_t j : front_) {
      if (j != i) beaten = std::max(beaten, dominates(j, i).first - (1 - candidates_[j].surely_met));
    }
    beaten = std::max(beaten, 1 - candidates_[i].perhaps_met);
    standings_[i].at_least = 0;
    standings_[i].at_most = 1 - beaten;
    candidates_[i].off = beaten >= 1 - tail_;
    if (candidates_[i].off) standings_[i].membership = Membership::kOff;
  }

  void judge_on(std::size_t i) {
    double beaten = 1 - candidates_[i].surely_met;
    std::vector<std::pair<std::size_t, double>> rivals;
    for (std::size_t j = 0; j < candidates_.size(); ++j) {
      if (j == i || candidates_[j].off) continue;
      const double probability = std::min(dominates(j, i).second, candidates_[j].perhaps_met);
      beaten += probability;
      if (probability > 0) rivals.emplace_back(j, probability);
    }
    Standing& standing = standings_[i];
    standing.at_least = std::clamp(1 - beaten, 0.0, standing.at_most);
    if (beaten <= tail_) {
      standing.membership = Membership::kOn;
      return;
    }
    std::erase_if(
        rivals, [&](const auto& rival) { return !seeds_can_tell(rival.first, i) && !seeds_can_tell_met(rival.first); });
    const bool more = (!rivals.empty() || seeds_can_tell_met(i)) && want_seeds(i, rivals);
    standing.membership = more ? Membership::kOpen : Membership::kTied;
  }

  // Wants another seed of an open candidate, and of the rivals that leave it open and have no more seeds than it; false
  // when none of them may have more.
  bool want_seeds(std::size_t i, const std::vector<std::pair<std::size_t, double>>& rivals) {
    bool any = want_seed(i);
    const double share = tail_ / static_cast<double>(rivals.size());
    for (const auto& [j, probability] : rivals) {
      if (probability > share && candidates_[j].repeats <= candidates_[i].repeats) any |= want_seed(j);
    }
    return any;
  }

  bool want_seed(std::size_t i) {
    if (candidates_[i].repeats >= settings_.max_repeats) return false;
    standings_[i].another_seed = true;
    return true;
  }

  const recipe::RacingSettings& settings_;
  double tail_;  // of error that one look may have
  std::vector<Candidate> candidates_;
  std::vector<Standing> standings_;
  std::vector<ValueErrors> errors_, violations_;  // one per objective, one per bound
  std::vector<std::size_t> ranks_;
  std::vector<std::size_t> front_;  // of the means
};

}  // namespace

std::vector<Standing> race(std::span<const Racer> racers, const std::vector<Direction>& directions,
                           const recipe::RacingSettings& settings, std::int64_t rows) {
  if (racers.empty()) return {};
  return Race(racers, directions, settings, rows).judge();
}

Decider decider_of(double gap, double seed_variance, double row_variance, std::int64_t seeds, std::int64_t rows,
                   double needed) {
  Decider decider;
  const double allowed = gap * gap / (needed * needed);  // variance at which the gap would tell
  decider.equal = !(allowed > 0);
  if (decider.equal) return decider;
  constexpr double kMost = 1e12;
  const auto further = [&](double variance, double rest, std::int64_t now) -> std::optional<std::int64_t> {
    if (!(variance > 0) || !(allowed > rest)) return std::nullopt;
    const double wanted = std::ceil(static_cast<double>(now) * variance / (allowed - rest));
    if (!(wanted < kMost)) return std::nullopt;
    return std::max<std::int64_t>(static_cast<std::int64_t>(wanted) - now, 1);
  };
  decider.seeds = further(seed_variance, row_variance, seeds);
  decider.rows = further(row_variance, seed_variance, rows);
  return decider;
}

}  // namespace lathe::study
