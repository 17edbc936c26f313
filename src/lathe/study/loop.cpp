#include "lathe/study/loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <map>
#include <thread>

#include "lathe/base/check.h"
#include "lathe/base/log.h"
#include "lathe/space/pipeline.h"
#include "lathe/study/record.h"

namespace lathe::study {

std::string to_string(StudyEnd end) {
  switch (end) {
    case StudyEnd::kAllTrials: return "all trials done";
    case StudyEnd::kSpaceExhausted: return "space exhausted";
    case StudyEnd::kTimeout: return "timeout";
    case StudyEnd::kInterrupted: return "interrupted";
  }
  return {};
}

std::vector<std::size_t> best_trials(const std::vector<Trial>& trials,
                                     const std::vector<Direction>& directions) {
  std::vector<std::size_t> complete;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (trials[i].state == TrialState::kComplete) complete.push_back(i);
  }
  if (complete.empty()) return {};
  if (directions.size() == 1) {
    const double sign = directions.front() == Direction::kMaximize ? -1 : 1;
    return {*std::min_element(complete.begin(), complete.end(), [&](std::size_t a, std::size_t b) {
      const double left = sign * trials[a].values.front(), right = sign * trials[b].values.front();
      return left != right ? left < right : trials[a].assignment < trials[b].assignment;
    })};
  }
  std::vector<std::vector<double>> values;
  for (const std::size_t index : complete) values.push_back(trials[index].values);
  std::vector<std::size_t> best;
  for (const std::size_t position : sampler::pareto_front(values, directions)) best.push_back(complete[position]);
  return best;
}

namespace {

// Computes the scaled metrics and the values of the objectives from the metrics of an evaluation.
void score(const StudySettings& settings, const std::map<std::string, double>& metrics, Trial& trial) {
  double sum = 0;
  for (const Objective& objective : settings.objectives) {
    const double value =
        objective.kind != nullptr ? metrics.at(objective.kind->name) : objective.expression->evaluate(metrics);
    const double scaled = objective.scale * value;
    trial.scaled[objective.name] = scaled;
    sum += scaled;
    if (!settings.sum_scaled_metrics) trial.values.push_back(scaled);
    if (!std::isfinite(scaled)) trial.reason = fmt::format("the objective {} is not finite", objective.name);
  }
  if (settings.sum_scaled_metrics) trial.values = {sum};
}

std::shared_ptr<const Evaluation> failed_evaluation(const std::string& reason) {
  Evaluation evaluation;
  evaluation.reason = reason;
  return std::make_shared<const Evaluation>(std::move(evaluation));
}

// Notes on each trial which earlier one had the same candidate.
void mark_duplicates(std::vector<Trial>& trials) {
  std::map<Digest, std::int64_t> first;
  for (Trial& trial : trials) {
    if (!trial.evaluation) continue;
    const auto [found, inserted] = first.emplace(trial.key, trial.number);
    if (!inserted) trial.duplicate_of = found->second;
  }
}

}  // namespace

struct StudyLoop::State {
  const StudySettings& settings;
  const space::SearchSpace& space;
  Evaluator& evaluator;
  std::unique_ptr<sampler::Sampler> sampler;
  storage::Storage* storage;
  std::int64_t study_id;

  State(const StudySettings& settings_in, const space::SearchSpace& space_in, Evaluator& evaluator_in,
        std::unique_ptr<sampler::Sampler> sampler_in, storage::Storage* storage_in, std::int64_t study_id_in)
      : settings(settings_in),
        space(space_in),
        evaluator(evaluator_in),
        sampler(std::move(sampler_in)),
        storage(storage_in),
        study_id(study_id_in) {}

  // One result per candidate key; the first trial that asks for a key evaluates it. Null while it runs.
  struct Shared {
    std::shared_ptr<const Evaluation> evaluation;
  };

  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::int64_t, Trial> trials;  // all that were asked
  std::map<std::int64_t, bool> ended;    // by number
  std::map<Digest, std::shared_ptr<Shared>> results;
  std::map<std::int64_t, std::int64_t> storage_ids;
  std::int64_t next_number = 0;
  std::int64_t told = 0;  // trials 0 .. told-1 are known to the sampler
  std::size_t ended_count = 0;
  std::optional<std::int64_t> best_number;
  std::optional<StudyEnd> end;
  bool reproducible = true;
  std::exception_ptr failure;
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  const engine::StopToken* stop = nullptr;
  engine::StopToken running;        // stops the running trials: follows `stop`, and is set when the study fails
  std::vector<std::int64_t> front;  // complete trials that no ended one beats; they keep their weights
  TrialEnd trial_end;

  bool first_are_ended(std::int64_t count) const {
    for (std::int64_t number = told; number < count; ++number) {
      const auto found = ended.find(number);
      if (found == ended.end() || !found->second) return false;
    }
    return true;
  }

  void tell_up_to(std::int64_t count) {
    for (; told < count; ++told) {
      const Trial& trial = trials.at(told);
      sampler->tell({.number = told, .assignment = trial.assignment, .state = trial.state, .values = trial.values});
    }
  }

  std::optional<Trial> ask();
  void run_trial(Trial& trial);
  std::shared_ptr<const Evaluation> evaluate_once(const Prepared& prepared);
  std::shared_ptr<const Evaluation> evaluate_now(const Prepared& prepared);
  void describe(const Prepared& prepared, Trial& trial) const;
  void finish(Trial trial);
  void keep_weights_of_front(const Trial& trial);
  void work();
};

// Waits until the trial's lag is met and asks for it; nullopt when the study is over.
std::optional<Trial> StudyLoop::State::ask() {
  std::unique_lock lock(mutex);
  while (true) {
    if (end || failure) return std::nullopt;
    if (stop->requested())
      end = StudyEnd::kInterrupted;
    else if (next_number >= settings.n_trials)
      end = StudyEnd::kAllTrials;
    else if (std::chrono::steady_clock::now() >= deadline) {
      end = StudyEnd::kTimeout;
      reproducible = false;
    }
    if (end) {
      changed.notify_all();
      return std::nullopt;
    }
    if (first_are_ended(next_number - settings.lag + 1)) break;
    changed.wait_for(lock, std::chrono::milliseconds(200));
  }
  tell_up_to(std::max<std::int64_t>(told, next_number - settings.lag + 1));
  const std::optional<space::Assignment> assignment = sampler->ask(next_number);
  if (!assignment) {
    end = StudyEnd::kSpaceExhausted;
    changed.notify_all();
    return std::nullopt;
  }
  Trial trial{.number = next_number, .assignment = *assignment, .started = std::chrono::system_clock::now()};
  if (storage != nullptr) {
    const storage::Trial stored =
        storage->start_trial(study_id, storage_parameters(space.parameters(), trial.assignment), trial.started);
    storage_ids[trial.number] = stored.trial_id;
  }
  sampler->announce(trial.number, trial.assignment);
  ended[trial.number] = false;
  trials[trial.number] = trial;
  ++next_number;
  changed.notify_all();
  return trial;
}

std::shared_ptr<const Evaluation> StudyLoop::State::evaluate_now(const Prepared& prepared) {
  return std::make_shared<const Evaluation>(evaluator.evaluate(prepared, 0, running));
}

// Evaluates the candidate, or takes the result of the trial that had the same one, waiting for it where it is running.
std::shared_ptr<const Evaluation> StudyLoop::State::evaluate_once(const Prepared& prepared) {
  std::shared_ptr<Shared> shared;
  {
    std::unique_lock lock(mutex);
    auto& slot = results[prepared.key];
    if (slot) {
      shared = slot;
      changed.wait(lock, [&] { return shared->evaluation != nullptr || failure; });
      return shared->evaluation != nullptr ? shared->evaluation : failed_evaluation("interrupted");
    }
    shared = slot = std::make_shared<Shared>();
  }
  std::shared_ptr<const Evaluation> evaluation;
  try {
    evaluation = evaluate_now(prepared);
  } catch (const InternalError&) {
    throw;
  } catch (const Error& error) {
    evaluation = failed_evaluation(error.what());
  }
  {
    const std::lock_guard lock(mutex);
    shared->evaluation = evaluation;
  }
  changed.notify_all();
  return evaluation;
}

void StudyLoop::State::describe(const Prepared& prepared, Trial& trial) const {
  trial.config = prepared.candidate.config;
  trial.key = prepared.key;
  trial.widths = space::width_summary(prepared.candidate.graph);
  trial.bits = space::bits_summary(prepared.candidate.graph);
  trial.untrained = !evaluator.untrained_tensors(prepared.candidate.graph).empty();
}

void StudyLoop::State::run_trial(Trial& trial) {
  trial.state = TrialState::kFail;
  try {
    const Prepared prepared = evaluator.prepare(trial.assignment);
    describe(prepared, trial);
    trial.evaluation = evaluate_once(prepared);
    trial.reason = trial.evaluation->reason;
    if (trial.evaluation->complete) score(settings, trial.evaluation->metrics, trial);
    if (trial.reason.empty())
      trial.state = TrialState::kComplete;
    else
      trial.values.clear();
  } catch (const InternalError&) {
    throw;
  } catch (const Error& error) {
    trial.reason = error.what();
  }
}

void StudyLoop::State::finish(Trial trial) {
  trial.completed = std::chrono::system_clock::now();
  std::int64_t trial_id = 0;
  {
    const std::lock_guard lock(mutex);
    if (const auto found = storage_ids.find(trial.number); found != storage_ids.end()) trial_id = found->second;
  }
  if (storage != nullptr) storage->finish_trial(storage_trial(trial, trial_id));
  if (!trial.reason.empty()) log::info("trial {} failed: {}", trial.number, trial.reason);

  const std::lock_guard lock(mutex);
  if (trial.evaluation && trial.evaluation->timed_out) reproducible = false;
  trials[trial.number] = trial;
  ended[trial.number] = true;
  ++ended_count;
  if (settings.directions.size() == 1 && trial.state == TrialState::kComplete) {
    if (!best_number || best_trials({trials.at(*best_number), trial}, settings.directions).front() == 1) {
      best_number = trial.number;
    }
  }
  keep_weights_of_front(trial);
  if (trial_end) trial_end(trial, ended_count, best_number);
  changed.notify_all();
}

// Puts an ended trial into the front or drops its weights, and those of the trials that it beats.
void StudyLoop::State::keep_weights_of_front(const Trial& trial) {
  if (trial.state != TrialState::kComplete) return;
  front.push_back(trial.number);
  std::vector<std::vector<double>> values;
  for (const std::int64_t number : front) values.push_back(trials.at(number).values);
  std::vector<std::int64_t> kept;
  for (const std::size_t index : sampler::pareto_front(values, settings.directions)) kept.push_back(front[index]);
  for (const std::int64_t number : front) {
    if (std::find(kept.begin(), kept.end(), number) == kept.end()) trials.at(number).evaluation->state.reset();
  }
  front = std::move(kept);
}

void StudyLoop::State::work() {
  try {
    while (std::optional<Trial> trial = ask()) {
      run_trial(*trial);
      finish(std::move(*trial));
    }
  } catch (...) {
    const std::lock_guard lock(mutex);
    if (!failure) failure = std::current_exception();
    running.request();
    changed.notify_all();
  }
}

StudyLoop::StudyLoop(const StudySettings& settings, const space::SearchSpace& space, Evaluator& evaluator,
                     std::unique_ptr<sampler::Sampler> sampler, storage::Storage* storage, std::int64_t study_id)
    : state_(new State(settings, space, evaluator, std::move(sampler), storage, study_id)) {}

StudyLoop::~StudyLoop() = default;

StudyResult StudyLoop::run(const engine::StopToken& stop, const TrialEnd& trial_end) {
  const auto began = std::chrono::steady_clock::now();
  State& state = *state_;
  state.stop = &stop;
  state.running.follow(&stop);
  state.trial_end = trial_end;
  if (state.settings.timeout_seconds) {
    state.deadline = began + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                 std::chrono::duration<double>(*state.settings.timeout_seconds));
  }
  if (state.settings.n_jobs > state.settings.lag) {
    log::warning(
        "n_jobs = {} but lag = {}: at most {} trials run at the same time, since trial t is proposed from the "
        "results of trials 0 .. t - lag; raise search.strategy.setup.lag to use more",
        state.settings.n_jobs, state.settings.lag, state.settings.lag);
  }
  std::vector<std::thread> threads;
  const std::int64_t workers = std::min({state.settings.n_jobs, state.settings.lag, state.settings.n_trials});
  for (std::int64_t i = 1; i < workers; ++i) threads.emplace_back([&state] { state.work(); });
  state.work();
  for (std::thread& thread : threads) thread.join();
  if (state.failure) std::rethrow_exception(state.failure);

  StudyResult result;
  for (auto& [number, trial] : state.trials) result.trials.push_back(std::move(trial));
  mark_duplicates(result.trials);
  result.best = best_trials(result.trials, state.settings.directions);
  result.end = state.end.value_or(StudyEnd::kAllTrials);
  if (stop.requested()) result.end = StudyEnd::kInterrupted;
  result.reproducible = state.reproducible && !state.settings.measures(metric::Source::kMeasured);
  result.wall_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return result;
}

}  // namespace lathe::study
