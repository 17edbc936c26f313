#include "lathe/study/exhaustive/race_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "lathe/base/error.h"
#include "lathe/base/json.h"
#include "lathe/base/log.h"
#include "lathe/sampler/domination.h"
#include "lathe/study/exhaustive/front_probability.h"
#include "lathe/study/exhaustive/verdict.h"
#include "lathe/trial/constraint.h"
#include "lathe/trial/objective.h"
#include "lathe/trial/outcomes.h"
#include "lathe/trial/parallel.h"

namespace lathe::study {
namespace {

using nlohmann::ordered_json;
using StoredRepeats = std::map<std::int64_t, std::map<std::int64_t, std::string>>;

// Holds a candidate in the race.
struct Candidate {
  std::size_t trial = 0;  // index of the first trial that has it
  Racer racer;
  bool failed = false;  // a further seed did not end well: it gets no more
  bool paired = false;  // what its rows said is known for every seed
};

std::optional<std::vector<double>> values_of(const recipe::StudySettings& settings,
                                             const std::map<std::string, double>& metrics) {
  std::vector<double> values = trial::raced_values(settings, metrics);
  const bool finite = std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
  return finite ? std::optional(std::move(values)) : std::nullopt;
}

// Returns the values of a further seed as run_seed() keeps it; nullopt where that did not end well.
std::optional<std::vector<double>> stored_values(const recipe::StudySettings& settings, const Trial& trial,
                                                 std::int64_t repeat, const std::string& text) {
  const ordered_json document = json_or_discarded<ordered_json>(text);
  if (document.is_object() && document.contains("reason")) return std::nullopt;
  std::map<std::string, double> metrics;
  if (document.is_object() && document.contains("metrics") && document["metrics"].is_object()) {
    for (const auto& [name, value] : document["metrics"].items()) {
      if (value.is_number()) metrics[name] = value.get<double>();
    }
  }
  auto values = values_of(settings, metrics);
  if (!values) {
    throw DataError(
        fmt::format("study \"{}\", trial {}: what is stored of its seed {} has no metrics: the database is "
                    "damaged",
                    settings.name, trial.number, repeat));
  }
  return values;
}

// Returns the values of a trial with one seed; a violation of which the metrics are not known is met.
std::vector<double> first_values(const recipe::StudySettings& settings, const Trial& trial) {
  std::vector<double> values = trial.values;
  const std::vector<double> violations =
      trial::constraint_values(trial::trained_constraints(settings.constraints), trial.evaluation->metrics);
  values.insert(values.end(), violations.begin(), violations.end());
  return values;
}

// Makes a candidate of the seeds of its trial. Those of earlier races are taken when the race comes to them, so that a
// race that was cut off takes the same course again.
Candidate candidate_of(const recipe::StudySettings& settings, const std::vector<Trial>& trials, std::size_t index) {
  Candidate candidate{.trial = index, .racer = {}};
  const Trial& trial = trials[index];
  for (const auto& metrics : trial.evaluation->repeats) {
    if (auto values = values_of(settings, metrics)) candidate.racer.repeats.push_back(std::move(*values));
  }
  if (candidate.racer.repeats.empty()) candidate.racer.repeats.push_back(first_values(settings, trial));
  return candidate;
}

// Tells whether all constraints that the network alone decides are met, and how far the others are is known where they
// are not.
bool may_be_feasible(const recipe::StudySettings& settings, const Trial& trial) {
  for (std::size_t i = 0; i < settings.constraints.size() && i < trial.constraints.size(); ++i) {
    if (!(trial.constraints[i] > 0)) continue;
    const double known = trial::constraint_values({settings.constraints[i]}, trial.evaluation->metrics).front();
    if (trial::needs_analysis_only(settings.constraints[i]) || !(known > 0) || !std::isfinite(known)) return false;
  }
  return true;
}

std::vector<Candidate> candidates_of(const recipe::StudySettings& settings, const std::vector<Trial>& trials) {
  std::vector<Candidate> candidates;
  std::map<Digest, bool> seen;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const Trial& trial = trials[i];
    // Of an infinite value, as Optuna may store it, no error can be told.
    const bool finite =
        std::all_of(trial.values.begin(), trial.values.end(), [](double v) { return std::isfinite(v); });
    const bool races = trial.state == TrialState::kComplete && trial.evaluation && finite && trial.key != Digest{} &&
                       may_be_feasible(settings, trial);
    if (races && seen.emplace(trial.key, true).second) candidates.push_back(candidate_of(settings, trials, i));
  }
  return candidates;
}

// Most candidates that are compared row by row: those of the best ranks.
constexpr std::size_t kMostPaired = 1024;

// Adds what the rows of an evaluation said; a candidate of which a seed is missing is not compared row by row.
void add_outcomes(const std::string* text, Candidate& candidate) {
  if (!candidate.paired) return;
  const std::optional<trial::Outcomes> outcomes = text != nullptr ? trial::decode(*text) : std::nullopt;
  std::vector<RowSums>& rows = candidate.racer.rows;
  candidate.paired = outcomes.has_value();
  if (!candidate.paired) return rows.clear();
  rows.resize(rows.empty() ? outcomes->size() : std::min(rows.size(), outcomes->size()));
  for (std::size_t k = 0; k < rows.size(); ++k)
    if (!(*outcomes)[k].empty()) rows[k].add((*outcomes)[k]);
}

const std::string* find_seed(const std::map<std::int64_t, std::string>& seeds, std::int64_t seed) {
  const auto found = seeds.find(seed);
  return found == seeds.end() ? nullptr : &found->second;
}

// Splits raced values into those of the objectives and the sum of the broken constraints.
sampler::ConstrainedPoint point_of(const recipe::StudySettings& settings, std::span<const double> values) {
  sampler::ConstrainedPoint point;
  point.losses = sampler::to_losses(values.first(settings.directions.size()), settings.directions);
  for (const double violation : values.subspan(settings.directions.size())) point.violation += std::max(violation, 0.0);
  return point;
}

// Reads what the rows of the trials' own seeds said: of the best ranks, where one of the trials of a candidate kept it.
void read_outcomes(const recipe::StudySettings& settings, storage::Storage& storage, const std::vector<Trial>& trials,
                   std::vector<Candidate>& candidates) {
  std::vector<sampler::ConstrainedPoint> points;
  for (const Candidate& candidate : candidates) points.push_back(point_of(settings, candidate.racer.repeats.front()));
  const std::vector<std::size_t> ranks = sampler::constrained_ranks(points);
  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return ranks[a] < ranks[b]; });
  if (order.size() > kMostPaired) order.resize(kMostPaired);
  std::map<Digest, Candidate*> by_key;
  for (const std::size_t i : order) by_key[trials[candidates[i].trial].key] = &candidates[i];
  std::vector<std::int64_t> ids;
  for (const Trial& trial : trials)
    if (trial.state == TrialState::kComplete && by_key.contains(trial.key)) ids.push_back(trial.trial_id);
  const StoredRepeats stored = storage.outcomes(ids);
  for (const Trial& trial : trials) {
    const auto kept = stored.find(trial.trial_id);
    const auto known = by_key.find(trial.key);
    if (kept == stored.end() || known == by_key.end() || known->second->paired) continue;
    known->second->paired = true;
    for (std::int64_t seed = 0; seed < settings.repeats; ++seed)
      add_outcomes(find_seed(kept->second, seed), *known->second);
  }
}

std::vector<Racer> racers_of(const std::vector<Candidate>& candidates) {
  std::vector<Racer> racers;
  for (const Candidate& candidate : candidates) racers.push_back(candidate.racer);
  return racers;
}

void add_seed(const std::optional<std::vector<double>>& values, const std::string* outcomes, Candidate& candidate) {
  if (!values) {
    candidate.failed = true;
    return;
  }
  candidate.racer.repeats.push_back(*values);
  add_outcomes(outcomes, candidate);
}

// Takes the next seed of a candidate from what an earlier race or another worker stored; false where there is none.
bool take_stored(const recipe::StudySettings& settings, const StoredRepeats& stored, storage::Storage& storage,
                 const Trial& trial, Candidate& candidate) {
  const auto known = stored.find(trial.trial_id);
  if (known == stored.end()) return false;
  const auto repeat = static_cast<std::int64_t>(candidate.racer.repeats.size());
  const auto found = known->second.find(repeat);
  if (found == known->second.end()) return false;
  const StoredRepeats outcomes = candidate.paired ? storage.outcomes({trial.trial_id}) : StoredRepeats{};
  const auto kept = outcomes.find(trial.trial_id);
  add_seed(stored_values(settings, trial, repeat, found->second),
           kept != outcomes.end() ? find_seed(kept->second, repeat) : nullptr, candidate);
  return true;
}

// Runs one more seed of a candidate and keeps it, with what its rows said where these are to be kept.
void run_seed(const recipe::StudySettings& settings, trial::Evaluator& evaluator, storage::Storage& storage,
              const Trial& trial, const engine::StopToken& stop, bool keep_outcomes, Candidate& candidate) {
  const auto repeat = static_cast<std::int64_t>(candidate.racer.repeats.size());
  const trial::Prepared prepared = evaluator.prepare(trial.assignment);
  const trial::Evaluation evaluation = evaluator.evaluate(prepared, static_cast<std::uint64_t>(repeat), stop);
  if (evaluation.interrupted) return;
  const auto values = evaluation.complete ? values_of(settings, evaluation.metrics) : std::nullopt;
  const ordered_json document =
      values ? ordered_json{{"metrics", evaluation.metrics}} : ordered_json{{"reason", evaluation.reason}};
  const bool kept = keep_outcomes && candidate.paired && !evaluation.outcomes.empty();
  storage.add_repeat(trial.trial_id, repeat, document.dump(-1, ' ', false, ordered_json::error_handler_t::replace),
                     kept ? evaluation.outcomes.front() : std::string());
  add_seed(values, kept ? &evaluation.outcomes.front() : nullptr, candidate);
}

// Adds the errors of the evaluated rows of candidates whose outcomes are not known.
void add_sampling_errors(const recipe::StudySettings& settings, const std::vector<Trial>& trials, std::int64_t rows,
                         std::vector<Candidate>& candidates) {
  for (Candidate& candidate : candidates)
    candidate.racer.sampling_errors = sampling_errors(settings, trials[candidate.trial].evaluation->metrics, rows);
}

// Ties the violation of one bound to the objective of the same metric.
std::optional<TiedViolation> tie_of(const recipe::StudySettings& settings, const recipe::Constraint& constraint) {
  if (constraint.kind == nullptr || settings.sum_scaled_metrics) return std::nullopt;
  for (std::size_t k = 0; k < settings.objectives.size(); ++k) {
    const recipe::Objective& objective = settings.objectives[k];
    if (objective.kind != constraint.kind) continue;
    const double bound = constraint.max ? *constraint.max : *constraint.min;
    const double slope = trial::violation(constraint, bound + (constraint.max ? 1 : -1)) * (constraint.max ? 1 : -1);
    return TiedViolation{.objective = k, .slope = slope / objective.scale};
  }
  return std::nullopt;
}

EndedRace ended_race_of(const recipe::StudySettings& settings, const std::vector<Candidate>& candidates,
                        const std::vector<Trial>& trials, std::int64_t rows) {
  EndedRace ended{.racers = racers_of(candidates),
                  .directions = settings.directions,
                  .confidence = settings.racing->confidence,
                  .seed = settings.seed,
                  .rows = rows};
  for (const recipe::Constraint& constraint : trial::trained_constraints(settings.constraints))
    ended.tied.push_back(tie_of(settings, constraint));
  for (const Candidate& candidate : candidates) {
    ended.identities.push_back(trials[candidate.trial].key.first_word());
    ended.numbers.push_back(trials[candidate.trial].number);
  }
  return ended;
}

// Leaves of the best those whose means no other's beat, and those that are surely on the front. Trials that are tied
// with these and beaten in the means can be hundreds; their standing says so.
void keep_front_of_means(const std::vector<Direction>& directions, StudyResult& result) {
  std::vector<std::vector<double>> means;
  for (const std::size_t index : result.best) means.push_back(result.trials[index].standing->means);
  std::vector<bool> on_front(means.size(), false);
  for (const std::size_t i : sampler::pareto_front(means, directions)) on_front[i] = true;
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < means.size(); ++i) {
    const std::size_t index = result.best[i];
    if (on_front[i] || result.trials[index].standing->membership == Membership::kOn) kept.push_back(index);
  }
  result.best = std::move(kept);
}

// Sets the standing of every trial that has one of the candidates, and the best trials.
void conclude(const std::vector<Candidate>& candidates, const std::vector<Standing>& standings,
              const recipe::StudySettings& settings, StudyResult& result) {
  std::map<Digest, const Standing*> by_key;
  for (std::size_t i = 0; i < candidates.size(); ++i) by_key[result.trials[candidates[i].trial].key] = &standings[i];
  result.best.clear();
  for (std::size_t i = 0; i < result.trials.size(); ++i) {
    Trial& trial = result.trials[i];
    const auto found = by_key.find(trial.key);
    if (trial.state != TrialState::kComplete || found == by_key.end()) continue;
    trial.standing = *found->second;
    if (trial.standing->membership != Membership::kOff && trial.feasible()) result.best.push_back(i);
  }
  if (settings.directions.size() > 1) return keep_front_of_means(settings.directions, result);
  const double sign = settings.directions.front() == Direction::kMaximize ? -1 : 1;
  std::stable_sort(result.best.begin(), result.best.end(), [&](std::size_t a, std::size_t b) {
    const Standing &left = *result.trials[a].standing, &right = *result.trials[b].standing;
    if (left.front_probability != right.front_probability) return left.front_probability > right.front_probability;
    return sign * left.means.front() < sign * right.means.front();
  });
}

// Says when candidates could not be compared row by row.
void note_unpaired(const std::vector<Candidate>& candidates) {
  const auto unpaired =
      std::count_if(candidates.begin(), candidates.end(), [](const Candidate& candidate) { return !candidate.paired; });
  if (unpaired == 0 || candidates.size() > kMostPaired) return;
  log::warning(
      "what the evaluated rows said of {} of {} raced candidates is not kept (trials of an older lathe or another "
      "study, "
      "or more than {} MB): their errors count as independent, as if each had been evaluated on rows of its own",
      unpaired, candidates.size(), trial::kOutcomeBytes >> 20);
}

}  // namespace

void run_race(const recipe::StudySettings& settings, trial::Evaluator& evaluator, storage::Storage& storage,
              std::int64_t study_id, StudyResult& result, const engine::StopToken& stop,
              const std::function<void(std::int64_t, std::int64_t)>& progress) {
  std::vector<Candidate> candidates = candidates_of(settings, result.trials);
  if (candidates.empty()) return;
  const std::int64_t rows = evaluator.runner().evaluated_rows();
  read_outcomes(settings, storage, result.trials, candidates);
  add_sampling_errors(settings, result.trials, rows, candidates);
  std::int64_t done = 0, planned_outcomes = 0;
  while (!stop.requested()) {
    const std::vector<Standing> standings = race(racers_of(candidates), settings.directions, *settings.racing, rows);
    std::vector<std::size_t> wanted;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (standings[i].another_seed && !candidates[i].failed) wanted.push_back(i);
    }
    if (wanted.empty()) break;
    planned_outcomes += static_cast<std::int64_t>(wanted.size()) * trial::outcome_bytes(settings, rows);
    const bool keep_outcomes = planned_outcomes <= trial::kOutcomeBytes;
    const StoredRepeats stored = storage.repeats(study_id);
    const std::size_t known = std::erase_if(wanted, [&](std::size_t i) {
      return take_stored(settings, stored, storage, result.trials[candidates[i].trial], candidates[i]);
    });
    done += static_cast<std::int64_t>(known);
    const std::int64_t planned = done + static_cast<std::int64_t>(wanted.size());
    trial::run_parallel(
        wanted.size(), settings.n_jobs, stop,
        [&](std::size_t i) {
          Candidate& candidate = candidates[wanted[i]];
          run_seed(settings, evaluator, storage, result.trials[candidate.trial], stop, keep_outcomes, candidate);
        },
        [&](std::size_t) { progress(++done, planned); });
  }
  for (const Candidate& candidate : candidates) {
    if (candidate.failed) {
      log::warning("a further seed of trial {} failed: it is judged by those before",
                   result.trials[candidate.trial].number);
    }
  }
  note_unpaired(candidates);
  std::vector<Standing> standings = race(racers_of(candidates), settings.directions, *settings.racing, rows);
  judge_ended_race(ended_race_of(settings, candidates, result.trials, rows), standings);
  conclude(candidates, standings, settings, result);
}

}  // namespace lathe::study
