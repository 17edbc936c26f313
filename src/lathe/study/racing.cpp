#include "lathe/study/racing.h"

#include <algorithm>
#include <cmath>

#include "lathe/base/check.h"
#include "lathe/sampler/domination.h"
#include "lathe/study/student.h"
#include "lathe/study/variance_prior.h"

namespace lathe::study {
namespace {

using sampler::Losses;

// Degrees of freedom of all candidates together below which the noise counts as unknown.
constexpr double kLeastDegrees = 8;

// Holds the estimate of one objective of one candidate.
struct Estimate {
  double mean = 0;              // as a loss
  double variance_of_mean = 0;  // 0: the objective has no noise
  double degrees = 0;
};

struct Candidate {
  std::vector<Estimate> estimates;
  std::int64_t repeats = 0;
  bool off = false;
};

// Holds what all candidates together tell of the noise of one objective.
struct Noise {
  VariancePrior prior;
  double degrees = 0;
};

// Adds up squared deviations from the mean; exactly 0 for equal values.
double squares_about_mean(const std::vector<double>& values, double& mean) {
  double shift = 0;
  for (const double value : values) shift += value - values.front();
  mean = values.front() + shift / static_cast<double>(values.size());
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return squares;
}

// Returns the share of error for each of the max_repeats - 1 looks at growing data, so that all together keep the
// confidence. Pocock's nominal levels (Biometrika 64(2), 1977) follow looks^(-2/3) within 7 % up to ten looks.
double tail_of_one_look(const RacingSettings& settings) {
  const auto looks = static_cast<double>(std::max<std::int64_t>(settings.max_repeats - 1, 1));
  return (1 - settings.confidence) * std::pow(looks, -2.0 / 3.0);
}

class Race {
 public:
  Race(std::span<const Racer> racers, const std::vector<Direction>& directions, const RacingSettings& settings)
      : settings_(settings), tail_(tail_of_one_look(settings)), candidates_(racers.size()), standings_(racers.size()) {
    for (std::size_t objective = 0; objective < directions.size(); ++objective) {
      estimate(racers, objective, directions[objective] == Direction::kMaximize ? -1 : 1);
    }
    rank_means();
  }

  std::vector<Standing> judge() && {
    if (candidates_.size() > 1 && noise_unknown() && want_seeds_for_noise()) return std::move(standings_);
    for (std::size_t i = 0; i < candidates_.size(); ++i) judge_off(i);
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      if (candidates_[i].off) continue;
      judge_on(i);
      if (candidates_[i].repeats < settings_.min_repeats) want_seed(i);
    }
    return std::move(standings_);
  }

 private:
  void estimate(std::span<const Racer> racers, std::size_t objective, double sign) {
    Noise noise;
    std::vector<double> squares(racers.size()), degrees(racers.size());
    for (std::size_t i = 0; i < racers.size(); ++i) {
      std::vector<double> values;
      for (const std::vector<double>& repeat : racers[i].repeats) {
        LATHE_CHECK(std::isfinite(repeat[objective]), "racer {} objective {}", i, objective);
        values.push_back(sign * repeat[objective]);
      }
      candidates_[i].repeats = standings_[i].seeds = static_cast<std::int64_t>(values.size());
      Estimate estimate;
      squares[i] = squares_about_mean(values, estimate.mean);
      candidates_[i].estimates.push_back(estimate);
      standings_[i].means.push_back(sign * estimate.mean);
      degrees[i] = static_cast<double>(values.size()) - 1;
      noise.degrees += degrees[i];
    }
    noise.prior = fit_variance_prior(squares, degrees);
    noise_.push_back(noise);
    for (std::size_t i = 0; i < racers.size(); ++i) moderate(candidates_[i], objective, squares[i], standings_[i]);
  }

  // Draws the variance of a candidate towards what is usual (Smyth 2004), for few seeds estimate it badly.
  void moderate(Candidate& candidate, std::size_t objective, double squares, Standing& standing) const {
    const auto repeats = static_cast<double>(candidate.repeats);
    const VariancePrior& prior = noise_[objective].prior;
    Estimate& estimate = candidate.estimates[objective];
    estimate.degrees = prior.degrees + repeats - 1;
    if (estimate.degrees > 0) {
      estimate.variance_of_mean = (prior.degrees * prior.variance + squares) / estimate.degrees / repeats;
    }
    standing.standard_errors.push_back(estimate.degrees > 0 ? std::sqrt(estimate.variance_of_mean) : std::nan(""));
  }

  void rank_means() {
    std::vector<Losses> means;
    for (const Candidate& candidate : candidates_) {
      Losses losses;
      for (const Estimate& estimate : candidate.estimates) losses.push_back(estimate.mean);
      means.push_back(std::move(losses));
    }
    ranks_ = sampler::non_dominated_ranks(means);
    for (std::size_t i = 0; i < ranks_.size(); ++i) {
      if (ranks_[i] == 0) front_.push_back(i);
    }
  }

  bool noise_unknown() const {
    return std::any_of(noise_.begin(), noise_.end(), [](const Noise& noise) { return noise.degrees < kLeastDegrees; });
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
  double not_worse(std::size_t j, std::size_t i, std::size_t objective) const {
    const Estimate& left = candidates_[j].estimates[objective];
    const Estimate& right = candidates_[i].estimates[objective];
    const double gap = right.mean - left.mean;  // of losses: positive where j is better
    const double variance = left.variance_of_mean + right.variance_of_mean;
    if (!(variance > 0)) return gap >= 0 ? 1 : 0;
    // Welch and Satterthwaite's degrees of freedom of a difference of means.
    const auto part = [](const Estimate& estimate) {
      return estimate.degrees > 0 ? estimate.variance_of_mean * estimate.variance_of_mean / estimate.degrees : 0;
    };
    return student_cdf(gap / std::sqrt(variance), variance * variance / (part(left) + part(right)));
  }

  // Bounds the probability that j dominates i without assuming that the objectives' errors are independent (Frechet).
  std::pair<double, double> dominates(std::size_t j, std::size_t i) const {
    double sum = 0, least = 1;
    bool differ = false;
    for (std::size_t objective = 0; objective < noise_.size(); ++objective) {
      const double probability = not_worse(j, i, objective);
      if (probability == 0) return {0, 0};
      sum += probability;
      least = std::min(least, probability);
      const Estimate& left = candidates_[j].estimates[objective];
      const Estimate& right = candidates_[i].estimates[objective];
      differ |= left.mean != right.mean || left.variance_of_mean + right.variance_of_mean > 0;
    }
    if (!differ) return {0, 0};
    return {std::max(0.0, sum - static_cast<double>(noise_.size() - 1)), least};
  }

  void judge_off(std::size_t i) {
    double beaten = 0;
    for (const std::size_t j : front_) {
      if (j != i) beaten = std::max(beaten, dominates(j, i).first);
    }
    standings_[i].at_least = 0;
    standings_[i].at_most = 1 - beaten;
    candidates_[i].off = beaten >= 1 - tail_;
    if (candidates_[i].off) standings_[i].membership = Membership::kOff;
  }

  void judge_on(std::size_t i) {
    double beaten = 0;
    std::vector<std::pair<std::size_t, double>> rivals;
    for (std::size_t j = 0; j < candidates_.size(); ++j) {
      if (j == i || candidates_[j].off) continue;
      const double probability = dominates(j, i).second;
      beaten += probability;
      if (probability > 0) rivals.emplace_back(j, probability);
    }
    Standing& standing = standings_[i];
    standing.at_least = std::clamp(1 - beaten, 0.0, standing.at_most);
    if (beaten <= tail_) {
      standing.membership = Membership::kOn;
      return;
    }
    const bool more = want_seeds(i, rivals);
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

  const RacingSettings& settings_;
  double tail_;  // of error that one look may have
  std::vector<Candidate> candidates_;
  std::vector<Standing> standings_;
  std::vector<Noise> noise_;
  std::vector<std::size_t> ranks_;
  std::vector<std::size_t> front_;  // of the means
};

}  // namespace

std::string to_string(Membership membership) {
  switch (membership) {
    case Membership::kOpen: return "open";
    case Membership::kOn: return "on the front";
    case Membership::kOff: return "off the front";
    case Membership::kTied: return "tied";
  }
  return {};
}

std::vector<Standing> race(std::span<const Racer> racers, const std::vector<Direction>& directions,
                           const RacingSettings& settings) {
  if (racers.empty()) return {};
  return Race(racers, directions, settings).judge();
}

}  // namespace lathe::study
