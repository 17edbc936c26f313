// Draws studies from the population that calibration_outcomes wrote, races them, and prints how sure the fronts were
// against the truth, one line of JSON for each way of judging:
//   calibration_bench FILE [studies N] [rows N] [max_repeats N] [seed N]
// A study draws its rows (with replacement) and, for each candidate, the order of its seeds (without); the truth is the
// mean over all rows and seeds of the population. `independent` is the way of lathe before outcomes were kept; `paired`
// that of lathe; `oracle` judges by the same rule as `paired`, from the same races, with the variances and covariances
// of the whole population.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "lathe/base/error.h"
#include "lathe/base/random.h"
#include "lathe/sampler/domination.h"
#include "lathe/study/exhaustive/front_probability.h"
#include "lathe/study/exhaustive/racing.h"
#include "lathe/study/exhaustive/variance_prior.h"
#include "lathe/study/exhaustive/verdict.h"

namespace {

using lathe::Direction;
using lathe::study::Membership;
using lathe::study::Racer;
using lathe::study::RowSums;
using lathe::study::Standing;

const std::vector<Direction> kDirections{Direction::kMaximize, Direction::kMinimize};
constexpr double kConfidence = 0.95;

// Holds the outcomes of all candidates with all seeds on all rows.
class Population {
 public:
  explicit Population(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    file >> candidates_ >> seeds_ >> rows_;
    file.get();
    bytes_ = (rows_ + 7) / 8;
    costs_.resize(candidates_);
    bits_.resize(candidates_ * seeds_ * bytes_);
    for (std::size_t i = 0; i < candidates_; ++i) {
      file.read(reinterpret_cast<char*>(&costs_[i]), sizeof(double));
      file.read(reinterpret_cast<char*>(&bits_[i * seeds_ * bytes_]), static_cast<std::streamsize>(seeds_ * bytes_));
    }
    if (!file) throw lathe::UserError("cannot read " + path);
    summarise();
  }

  std::size_t candidates() const { return candidates_; }
  std::size_t seeds() const { return seeds_; }
  std::size_t rows() const { return rows_; }
  double cost(std::size_t candidate) const { return costs_[candidate]; }
  double accuracy(std::size_t candidate) const { return accuracies_[candidate]; }
  bool right(std::size_t candidate, std::size_t seed, std::size_t row) const {
    return (bits_[(candidate * seeds_ + seed) * bytes_ + row / 8] >> (row % 8) & 1) != 0;
  }

  // Returns the covariance of the errors of two candidates' accuracies with so many rows and seeds.
  double covariance(std::size_t i, std::size_t j, double rows, double seeds) const {
    double sum = 0;
    for (std::size_t row = 0; row < rows_; ++row)
      sum += (shares_[i * rows_ + row] - accuracies_[i]) * (shares_[j * rows_ + row] - accuracies_[j]);
    const double of_rows = sum / static_cast<double>(rows_);
    if (i != j) return of_rows / rows;
    return (of_rows - within_[i] / static_cast<double>(seeds_)) / rows + (by_seeds_[i] + within_[i] / rows) / seeds;
  }

 private:
  void summarise() {
    shares_.resize(candidates_ * rows_);
    for (std::size_t i = 0; i < candidates_; ++i) {
      std::vector<double> means(seeds_);
      for (std::size_t seed = 0; seed < seeds_; ++seed)
        for (std::size_t row = 0; row < rows_; ++row) {
          if (!right(i, seed, row)) continue;
          shares_[i * rows_ + row] += 1.0f / static_cast<float>(seeds_);
          means[seed] += 1.0 / static_cast<double>(rows_);
        }
      double mean = 0, squares = 0, within = 0;
      for (const double value : means) mean += value / static_cast<double>(seeds_);
      for (const double value : means) squares += (value - mean) * (value - mean);
      for (std::size_t row = 0; row < rows_; ++row) {
        const double share = shares_[i * rows_ + row];
        within += share * (1 - share);
      }
      const auto freedom = static_cast<double>(seeds_ - 1);
      accuracies_.push_back(mean);
      by_seeds_.push_back(squares / freedom);
      within_.push_back(within / static_cast<double>(rows_) * static_cast<double>(seeds_) / freedom - by_seeds_.back());
    }
  }

  std::size_t candidates_ = 0, seeds_ = 0, rows_ = 0, bytes_ = 0;
  std::vector<double> costs_, accuracies_;
  std::vector<std::uint8_t> bits_;
  std::vector<float> shares_;              // [candidate][row] of the seeds that are right
  std::vector<double> by_seeds_, within_;  // variance of a seed's accuracy; of a row's outcome from seed to seed
};

struct Options {
  std::int64_t studies = 100, rows = 4000, max_repeats = 10, seed = 0;
};

// Holds the races of one study.
struct Study {
  std::vector<std::uint32_t> rows;
  std::vector<std::vector<std::uint32_t>> seeds;  // of each candidate, in the order in which they are trained
};

Study draw(const Population& population, const Options& options, std::int64_t number) {
  const auto word = static_cast<std::uint64_t>(number);
  const auto seed = static_cast<std::uint64_t>(options.seed);
  Study study;
  lathe::RandomStream rows(seed, {word}, "calibration_rows");
  for (std::int64_t i = 0; i < options.rows; ++i)
    study.rows.push_back(static_cast<std::uint32_t>(rows.below(population.rows())));
  for (std::size_t i = 0; i < population.candidates(); ++i) {
    lathe::RandomStream stream(seed, {word, i}, "calibration_seeds");
    std::vector<std::uint32_t> order(population.seeds());
    lathe::random_permutation(stream, order);
    study.seeds.push_back(std::move(order));
  }
  return study;
}

// Gives a candidate its next seed.
void add_seed(const Population& population, const Study& study, std::size_t candidate, bool paired, Racer& racer) {
  const std::uint32_t seed = study.seeds[candidate][racer.repeats.size()];
  std::vector<float> outcomes;
  double right = 0;
  for (const std::uint32_t row : study.rows) {
    outcomes.push_back(population.right(candidate, seed, row) ? 1.0f : 0.0f);
    right += outcomes.back();
  }
  const double accuracy = right / static_cast<double>(study.rows.size());
  racer.repeats.push_back({accuracy, population.cost(candidate)});
  if (!paired) return;
  for (float& outcome : outcomes) outcome -= static_cast<float>(accuracy);
  racer.rows.resize(2);
  racer.rows[0].add(outcomes);
}

// Races all candidates, with or without what the rows said.
std::vector<Racer> race(const Population& population, const Options& options, const Study& study, bool paired) {
  std::vector<Racer> racers(population.candidates());
  for (std::size_t i = 0; i < racers.size(); ++i) add_seed(population, study, i, paired, racers[i]);
  while (true) {
    const auto standings = lathe::study::race(
        racers, kDirections, {.max_repeats = options.max_repeats, .confidence = kConfidence, .min_repeats = 3},
        paired ? options.rows : 0);
    bool any = false;
    for (std::size_t i = 0; i < racers.size(); ++i) {
      if (!standings[i].another_seed) continue;
      add_seed(population, study, i, paired, racers[i]);
      any = true;
    }
    if (!any) return racers;
  }
}

// Adds up how sure one way of judging was, and how often it was right.
class Score {
 public:
  void add(double probability, Membership membership, bool truth) {
    Tenth& tenth = tenths_[std::min(static_cast<std::size_t>(probability * 10), std::size_t{9})];
    ++tenth.points;
    tenth.probabilities += probability;
    tenth.members += truth ? 1 : 0;
    ++points_;
    members_ += truth ? 1 : 0;
    const double miss = probability - (truth ? 1 : 0);
    squares_ += miss * miss;
    if (membership == Membership::kTied) return;
    ++decided_;
    wrong_ += (membership == Membership::kOn) != truth ? 1 : 0;
  }
  void add_seeds(std::size_t seeds) { seeds_ += seeds; }

  void print(const std::string& name, const Options& options) const {
    const auto points = static_cast<double>(points_);
    const double share = static_cast<double>(members_) / points;
    fmt::print(
        "{{\"way\": \"{}\", \"rows\": {}, \"max_repeats\": {}, \"studies\": {}, \"points\": {}, \"brier\": {:.5f}, "
        "\"base_rate_brier\": {:.5f}, \"decided\": {}, \"wrong\": {}, \"seeds\": {}, \"tenths\": [",
        name, options.rows, options.max_repeats, options.studies, points_, squares_ / points, share * (1 - share),
        decided_, wrong_, seeds_);
    for (std::size_t i = 0; i < tenths_.size(); ++i) {
      const auto count = static_cast<double>(std::max<std::int64_t>(tenths_[i].points, 1));
      fmt::print("{}[{}, {:.3f}, {:.3f}]", i == 0 ? "" : ", ", tenths_[i].points, tenths_[i].probabilities / count,
                 static_cast<double>(tenths_[i].members) / count);
    }
    fmt::print("]}}\n");
  }

 private:
  struct Tenth {
    std::int64_t points = 0, members = 0;
    double probabilities = 0;
  };
  std::array<Tenth, 10> tenths_{};
  std::int64_t points_ = 0, members_ = 0, decided_ = 0, wrong_ = 0;
  std::size_t seeds_ = 0;
  double squares_ = 0;
};

class Calibration {
 public:
  Calibration(const Population& population, const Options& options) : population_(population), options_(options) {
    std::vector<lathe::sampler::Losses> losses;
    for (std::size_t i = 0; i < population.candidates(); ++i)
      losses.push_back({-population.accuracy(i), population.cost(i)});
    for (const std::size_t rank : lathe::sampler::non_dominated_ranks(losses)) truth_.push_back(rank == 0);
    by_rows_.resize(truth_.size() * truth_.size());
    for (std::size_t i = 0; i < truth_.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        by_rows_[i * truth_.size() + j] = by_rows_[j * truth_.size() + i] =
            population.covariance(i, j, static_cast<double>(options.rows), 1);
  }

  void run() {
    for (std::int64_t number = 0; number < options_.studies; ++number) judge(draw(population_, options_, number));
    for (const auto& [name, score] : scores_) score.print(name, options_);
  }

 private:
  void judge(const Study& study) {
    const std::vector<Racer> paired = race(population_, options_, study, true);
    std::vector<Standing> standings =
        lathe::study::race(paired, kDirections, {.max_repeats = 1, .confidence = kConfidence}, options_.rows);
    lathe::study::EndedRace ended{
        .racers = paired, .directions = kDirections, .confidence = kConfidence, .seed = 0, .rows = options_.rows};
    for (std::size_t i = 0; i < paired.size(); ++i) {
      ended.identities.push_back(i);
      ended.numbers.push_back(static_cast<std::int64_t>(i));
    }
    lathe::study::judge_ended_race(ended, standings);
    note("paired", standings);
    note_probabilities(
        "oracle", paired,
        [&](std::size_t i, double seeds) {
          return std::sqrt(population_.covariance(i, i, static_cast<double>(options_.rows), seeds));
        },
        [&](std::size_t i, std::size_t j, std::size_t objective) {
          return objective == 0 ? by_rows_[i * truth_.size() + j] : 0.0;
        });
    note_independent(study);
  }

  // Judges as lathe did before outcomes were kept: seeds by a race that knows no rows, variances drawn towards one
  // prior, independent errors, true values drawn around the measured ones.
  void note_independent(const Study& study) {
    const std::vector<Racer> racers = race(population_, options_, study, false);
    std::vector<double> means, squares, degrees;
    for (const Racer& racer : racers) {
      const auto seeds = static_cast<double>(racer.repeats.size());
      double mean = 0, sum = 0;
      for (const auto& repeat : racer.repeats) mean += repeat[0] / seeds;
      for (const auto& repeat : racer.repeats) sum += (repeat[0] - mean) * (repeat[0] - mean);
      means.push_back(mean);
      squares.push_back(sum);
      degrees.push_back(seeds - 1);
    }
    const lathe::study::VariancePrior prior = lathe::study::fit_variance_prior(squares, degrees);
    std::vector<double> errors;
    for (std::size_t i = 0; i < racers.size(); ++i) {
      const double by_seeds =
          (prior.degrees * prior.variance + squares[i]) / (prior.degrees + degrees[i]) / (degrees[i] + 1);
      errors.push_back(std::sqrt(by_seeds + means[i] * (1 - means[i]) / static_cast<double>(options_.rows)));
    }
    add_all("independent", racers, drawn_alone(means, errors));
  }

  std::vector<double> drawn_alone(const std::vector<double>& means, const std::vector<double>& errors) const {
    constexpr int kDraws = 2000;
    std::vector<std::size_t> order(means.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return population_.cost(a) < population_.cost(b); });
    lathe::RandomStream stream(0, {1}, "calibration_draws");
    std::vector<double> values(means.size()), shares(means.size());
    for (int draw = 0; draw < kDraws; ++draw) {
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = means[i] + errors[i] * stream.normal();
      double best = 0;  // of the cheaper ones
      for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
        std::size_t first = order[begin];
        for (end = begin; end < order.size() && population_.cost(order[end]) == population_.cost(order[begin]); ++end)
          if (values[order[end]] > values[first]) first = order[end];
        if (values[first] > best) shares[first] += 1.0 / kDraws;
        best = std::max(best, values[first]);
      }
    }
    return shares;
  }

  void note(const std::string& name, const std::vector<Standing>& standings) {
    for (std::size_t i = 0; i < standings.size(); ++i) {
      scores_[name].add(standings[i].front_probability, standings[i].membership, truth_[i]);
      scores_[name].add_seeds(static_cast<std::size_t>(standings[i].seeds));
    }
  }

  // Judges by probabilities from errors and covariances that somebody else knows.
  template <typename ErrorOf>
  void note_probabilities(const std::string& name, const std::vector<Racer>& racers, ErrorOf error_of,
                          const lathe::study::ErrorCovariance& covariance) {
    std::vector<lathe::study::UncertainPoint> points;
    for (std::size_t i = 0; i < racers.size(); ++i) {
      double mean = 0;
      const auto seeds = static_cast<double>(racers[i].repeats.size());
      for (const auto& repeat : racers[i].repeats) mean += repeat[0] / seeds;
      points.push_back({{mean, population_.cost(i)}, {error_of(i, seeds), 0}, i});
    }
    add_all(name, racers, lathe::study::front_probabilities(points, kDirections, 0, 10000, covariance));
  }

  void add_all(const std::string& name, const std::vector<Racer>& racers, const std::vector<double>& probabilities) {
    for (std::size_t i = 0; i < racers.size(); ++i) {
      const double p = probabilities[i];
      const Membership membership = p >= kConfidence       ? Membership::kOn
                                    : p <= 1 - kConfidence ? Membership::kOff
                                                           : Membership::kTied;
      scores_[name].add(p, membership, truth_[i]);
      scores_[name].add_seeds(racers[i].repeats.size());
    }
  }

  const Population& population_;
  const Options options_;
  std::vector<bool> truth_;
  std::vector<double> by_rows_;
  std::map<std::string, Score> scores_;
};

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 2 || argc % 2 != 0) throw lathe::UserError("calibration_bench FILE [NAME VALUE]...");
    Options options;
    const std::map<std::string, std::int64_t Options::*> names{{"studies", &Options::studies},
                                                               {"rows", &Options::rows},
                                                               {"max_repeats", &Options::max_repeats},
                                                               {"seed", &Options::seed}};
    for (int i = 2; i + 1 < argc; i += 2) {
      if (!names.contains(argv[i])) throw lathe::UserError(std::string("unknown option ") + argv[i]);
      options.*names.at(argv[i]) = std::stoll(argv[i + 1]);
    }
    Calibration(Population(argv[1]), options).run();
  } catch (const std::exception& error) {
    fmt::print(stderr, "calibration_bench: {}\n", error.what());
    return 1;
  }
  return 0;
}
