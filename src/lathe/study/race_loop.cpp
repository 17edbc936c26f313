#include "lathe/study/race_loop.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "lathe/base/log.h"
#include "lathe/study/front_probability.h"
#include "lathe/study/objective.h"
#include "lathe/study/parallel.h"

namespace lathe::study {
namespace {

using nlohmann::ordered_json;
using StoredRepeats = std::map<std::int64_t, std::map<std::int64_t, std::string>>;

// Holds a candidate in the race.
struct Candidate {
  std::size_t trial = 0;  // index of the first trial that has it
  Racer racer;
  bool failed = false;  // a further seed did not end well: it gets no more
};

std::optional<std::vector<double>> values_of(const StudySettings& settings,
                                             const std::map<std::string, double>& metrics) {
  const Scores scores = score(settings, metrics);
  if (!scores.reason.empty()) return std::nullopt;
  return scores.values;
}

std::optional<std::map<std::string, double>> metrics_in(const std::string& text) {
  const ordered_json document = ordered_json::parse(text, nullptr, false);
  if (!document.is_object() || !document.contains("metrics") || !document["metrics"].is_object()) return std::nullopt;
  std::map<std::string, double> metrics;
  for (const auto& [name, value] : document["metrics"].items()) {
    if (value.is_number()) metrics[name] = value.get<double>();
  }
  return metrics;
}

// Makes a candidate of the seeds of its trial. Those of earlier races are taken when the race comes to them, so that a
// race that was cut off takes the same course again.
Candidate candidate_of(const StudySettings& settings, const std::vector<Trial>& trials, std::size_t index) {
  Candidate candidate{.trial = index, .racer = {}};
  const Trial& trial = trials[index];
  for (const auto& metrics : trial.evaluation->repeats) {
    if (auto values = values_of(settings, metrics)) candidate.racer.repeats.push_back(std::move(*values));
  }
  if (candidate.racer.repeats.empty()) candidate.racer.repeats.push_back(trial.values);
  return candidate;
}

std::vector<Candidate> candidates_of(const StudySettings& settings, const std::vector<Trial>& trials) {
  std::vector<Candidate> candidates;
  std::map<Digest, bool> seen;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const Trial& trial = trials[i];
    const bool races =
        trial.state == TrialState::kComplete && trial.feasible() && trial.evaluation && trial.key != Digest{};
    if (races && seen.emplace(trial.key, true).second) candidates.push_back(candidate_of(settings, trials, i));
  }
  return candidates;
}

std::vector<Standing> standings_of(const std::vector<Candidate>& candidates, const StudySettings& settings) {
  std::vector<Racer> racers;
  for (const Candidate& candidate : candidates) racers.push_back(candidate.racer);
  return race(racers, settings.directions, *settings.racing);
}

void add_seed(const std::optional<std::vector<double>>& values, Candidate& candidate) {
  if (values)
    candidate.racer.repeats.push_back(*values);
  else
    candidate.failed = true;
}

// Takes the next seed of a candidate from what an earlier race or another worker stored; false where there is none.
bool take_stored(const StudySettings& settings, const StoredRepeats& stored, const Trial& trial, Candidate& candidate) {
  const auto known = stored.find(trial.trial_id);
  if (known == stored.end()) return false;
  const auto found = known->second.find(static_cast<std::int64_t>(candidate.racer.repeats.size()));
  if (found == known->second.end()) return false;
  const auto metrics = metrics_in(found->second);
  add_seed(metrics ? values_of(settings, *metrics) : std::nullopt, candidate);
  return true;
}

// Runs one more seed of a candidate and keeps it.
void run_seed(const StudySettings& settings, Evaluator& evaluator, storage::Storage& storage, const Trial& trial,
              const engine::StopToken& stop, Candidate& candidate) {
  const auto repeat = static_cast<std::int64_t>(candidate.racer.repeats.size());
  const Prepared prepared = evaluator.prepare(trial.assignment);
  const Evaluation evaluation = evaluator.evaluate(prepared, static_cast<std::uint64_t>(repeat), stop);
  if (evaluation.interrupted) return;
  const auto values = evaluation.complete ? values_of(settings, evaluation.metrics) : std::nullopt;
  const ordered_json document =
      values ? ordered_json{{"metrics", evaluation.metrics}} : ordered_json{{"reason", evaluation.reason}};
  storage.add_repeat(trial.trial_id, repeat, document.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
  add_seed(values, candidate);
}

// Adds the errors of the evaluated rows and the probabilities of being on the front.
void add_uncertainty(const StudySettings& settings, const std::vector<Candidate>& candidates,
                     const std::vector<Trial>& trials, std::int64_t rows, std::vector<Standing>& standings) {
  std::vector<UncertainPoint> points;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const Trial& trial = trials[candidates[i].trial];
    Standing& standing = standings[i];
    standing.sampling_errors = sampling_errors(settings, trial.evaluation->metrics, rows);
    for (std::size_t k = 0; k < standing.means.size(); ++k) {
      standing.total_errors.push_back(joint_error(standing.standard_errors[k], standing.sampling_errors[k]));
    }
    points.push_back({standing.means, standing.total_errors, trial.key.first_word()});
  }
  const std::vector<double> probabilities = front_probabilities(points, settings.directions, settings.seed);
  for (std::size_t i = 0; i < standings.size(); ++i) standings[i].front_probability = probabilities[i];
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
              const StudySettings& settings, StudyResult& result) {
  std::map<Digest, const Standing*> by_key;
  for (std::size_t i = 0; i < candidates.size(); ++i) by_key[result.trials[candidates[i].trial].key] = &standings[i];
  result.best.clear();
  for (std::size_t i = 0; i < result.trials.size(); ++i) {
    Trial& trial = result.trials[i];
    const auto found = by_key.find(trial.key);
    if (trial.state != TrialState::kComplete || found == by_key.end()) continue;
    trial.standing = *found->second;
    if (trial.standing->membership != Membership::kOff) result.best.push_back(i);
  }
  if (settings.directions.size() > 1) return keep_front_of_means(settings.directions, result);
  const double sign = settings.directions.front() == Direction::kMaximize ? -1 : 1;
  std::stable_sort(result.best.begin(), result.best.end(), [&](std::size_t a, std::size_t b) {
    return sign * result.trials[a].standing->means.front() < sign * result.trials[b].standing->means.front();
  });
}

}  // namespace

void run_race(const StudySettings& settings, Evaluator& evaluator, storage::Storage& storage, std::int64_t study_id,
              StudyResult& result, const engine::StopToken& stop,
              const std::function<void(std::int64_t, std::int64_t)>& progress) {
  std::vector<Candidate> candidates = candidates_of(settings, result.trials);
  if (candidates.empty()) return;
  std::int64_t done = 0;
  while (!stop.requested()) {
    const std::vector<Standing> standings = standings_of(candidates, settings);
    std::vector<std::size_t> wanted;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (standings[i].another_seed && !candidates[i].failed) wanted.push_back(i);
    }
    if (wanted.empty()) break;
    const StoredRepeats stored = storage.repeats(study_id);
    const std::size_t known = std::erase_if(wanted, [&](std::size_t i) {
      return take_stored(settings, stored, result.trials[candidates[i].trial], candidates[i]);
    });
    done += static_cast<std::int64_t>(known);
    const std::int64_t planned = done + static_cast<std::int64_t>(wanted.size());
    run_parallel(
        wanted.size(), settings.n_jobs, stop,
        [&](std::size_t i) {
          Candidate& candidate = candidates[wanted[i]];
          run_seed(settings, evaluator, storage, result.trials[candidate.trial], stop, candidate);
        },
        [&](std::size_t) { progress(++done, planned); });
  }
  for (const Candidate& candidate : candidates) {
    if (candidate.failed) {
      log::warning("a further seed of trial {} failed: it is judged by those before",
                   result.trials[candidate.trial].number);
    }
  }
  std::vector<Standing> standings = standings_of(candidates, settings);
  add_uncertainty(settings, candidates, result.trials, evaluator.evaluated_rows(), standings);
  conclude(candidates, standings, settings, result);
}

}  // namespace lathe::study
