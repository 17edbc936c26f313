#include "lathe/study/loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <new>
#include <set>
#include <thread>

#include "lathe/base/check.h"
#include "lathe/base/log.h"
#include "lathe/base/profile.h"
#include "lathe/base/threads.h"
#include "lathe/recipe/study_pruner.h"
#include "lathe/sampler/domination.h"
#include "lathe/space/summary.h"
#include "lathe/study/ledger.h"
#include "lathe/study/record.h"
#include "lathe/trial/constraint.h"
#include "lathe/trial/evaluation_cache.h"
#include "lathe/trial/objective.h"
#include "lathe/trial/outcomes.h"

namespace lathe::study {

std::string to_string(StudyEnd end) {
  switch (end) {
    case StudyEnd::kAllTrials: return "all trials done";
    case StudyEnd::kSpaceExhausted: return "space exhausted";
    case StudyEnd::kTimeout: return "timeout";
    case StudyEnd::kInterrupted: return "interrupted";
    case StudyEnd::kFailed: return "failed";
  }
  return {};
}

StudyEnd study_end_from_name(const std::string& name) {
  for (const StudyEnd end :
       {StudyEnd::kAllTrials, StudyEnd::kSpaceExhausted, StudyEnd::kTimeout, StudyEnd::kInterrupted}) {
    if (to_string(end) == name) return end;
  }
  return StudyEnd::kFailed;
}

namespace {

using Clock = std::chrono::steady_clock;

// How often a waiting thread looks for what other workers wrote.
constexpr std::chrono::milliseconds kPoll{100};

Clock::duration seconds(double count) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(count));
}

// Notes on each trial which earlier one had the same candidate.
void mark_duplicates(std::vector<Trial>& trials) {
  std::map<Digest, std::int64_t> first;
  for (Trial& trial : trials) {
    if (!trial.evaluation || trial.key == Digest{}) continue;
    const auto [found, inserted] = first.emplace(trial.key, trial.number);
    if (!inserted) trial.duplicate_of = found->second;
  }
}

// Weights of so many bytes leave the memory at once.
constexpr std::size_t kLargeState = 1 << 20;

std::size_t bytes_of(const engine::State& state) {
  std::size_t bytes = 0;
  for (const engine::NamedTensor& tensor : state) bytes += tensor.values.size() * sizeof(float);
  return bytes;
}

// Picks the complete trials whose weights are kept.
std::set<std::size_t> kept_among(const std::vector<const Trial*>& trials, const recipe::StudySettings& settings) {
  std::vector<std::vector<double>> values;
  for (const Trial* trial : trials) values.push_back(trial->values);
  const std::vector<std::size_t> front = sampler::pareto_front(values, settings.directions);
  const std::vector<std::size_t> kept = trials_with_weights(trials, front, settings.directions, settings.keep_best);
  return {kept.begin(), kept.end()};
}

}  // namespace

struct StudyLoop::State {
  const recipe::StudySettings& settings;
  trial::Evaluator& evaluator;
  std::unique_ptr<sampler::Sampler> sampler;
  std::unique_ptr<pruner::Pruner> pruner;
  storage::Storage& storage;
  const OpenedStudy study;

  std::mutex mutex;
  std::condition_variable changed;
  Ledger ledger;
  trial::EvaluationCache cache;
  std::optional<std::int64_t> best_number;
  std::set<std::int64_t> kept;  // numbers of the trials that keep their weights
  WeightStore store_weights;
  std::optional<StudyEnd> end;
  bool reproducible;
  bool done = false;  // the threads have ended
  std::exception_ptr failure;
  Clock::time_point deadline = Clock::time_point::max();
  const engine::StopToken* stop = nullptr;
  engine::StopToken running;  // stops the running trials: follows `stop`, and is set when the study fails
  TrialEnd trial_end;

  State(const recipe::StudySettings& settings_in, const space::SearchSpace& space, trial::Evaluator& evaluator_in,
        std::unique_ptr<sampler::Sampler> sampler_in, storage::Storage& storage_in, const OpenedStudy& study_in)
      : settings(settings_in),
        evaluator(evaluator_in),
        sampler(std::move(sampler_in)),
        pruner(make_pruner(settings_in)),
        storage(storage_in),
        study(study_in),
        ledger(settings_in, space, *sampler, storage_in, study_in.id),
        reproducible(!study_in.clock_had_a_say) {}

  std::optional<Begun> next();
  std::optional<StudyEnd> early_end() const;
  void run_trial(Begun& begun);
  void evaluate(const Begun& begun, Trial& trial);
  bool prune(const Begun& begun, std::span<const sampler::Report> reports) const;
  bool serves(const Begun& begun, const trial::Evaluation& evaluation) const;
  bool store(const Trial& trial, std::vector<std::string> outcomes);
  std::vector<std::string> take_outcomes(const Begun& begun);
  void finish(const Begun& begun);
  void publish();
  void keep_weights(const Trial& trial);
  void store_if_large(const Trial& trial);
  bool machine_decided(const trial::Evaluation& evaluation) const;
  void note_clock();
  void work();
  void beat();
  void fail();
};

std::optional<StudyEnd> StudyLoop::State::early_end() const {
  if (stop->requested()) return StudyEnd::kInterrupted;
  if (Clock::now() >= deadline) return StudyEnd::kTimeout;
  return std::nullopt;
}

// Waits for a trial to run: one whose worker died, or the next one once its lag is met. nullopt: the study is over.
std::optional<Begun> StudyLoop::State::next() {
  const PhaseScope waits(Phase::kIdle);
  std::unique_lock lock(mutex);
  while (!end && !failure) {
    end = early_end();
    if (end) {
      if (*end == StudyEnd::kTimeout) note_clock();
      break;
    }
    ledger.refresh();
    publish();
    if (auto taken = ledger.take_over()) return taken;
    std::optional<Begun> begun;
    const Offer offer = ledger.begin(begun);
    if (offer == Offer::kTrial) return begun;
    if (offer != Offer::kWait && !ledger.any_running()) {
      end = offer == Offer::kExhausted ? StudyEnd::kSpaceExhausted : StudyEnd::kAllTrials;
      break;
    }
    changed.wait_for(lock, kPoll);
  }
  changed.notify_all();
  return std::nullopt;
}

bool StudyLoop::State::prune(const Begun& begun, std::span<const sampler::Report> reports) const {
  const PhaseScope phase(Phase::kSampler);
  return pruner && pruner->prune(begun.trial.number, reports, begun.history);
}

// Tells whether another trial's evaluation is what this one would come to: its own pruner would have ended it at the
// same report, or not at all.
bool StudyLoop::State::serves(const Begun& begun, const trial::Evaluation& evaluation) const {
  if (evaluation.out_of_memory) return false;  // there may be more by now
  if (!pruner || evaluation.ruled_out) return true;
  if (!evaluation.complete && !evaluation.pruned) return false;
  for (std::size_t count = 1; count <= evaluation.judged; ++count) {
    if (prune(begun, std::span(evaluation.reports).first(count))) {
      return evaluation.pruned && count == evaluation.reports.size();
    }
  }
  return evaluation.complete;
}

void StudyLoop::State::evaluate(const Begun& begun, Trial& trial) {
  const trial::Prepared prepared = evaluator.prepare(trial.assignment);
  trial.sampled_config = prepared.candidate.config;
  trial.key = prepared.key;
  trial.widths = space::width_summary(prepared.candidate.graph);
  trial.bits = space::bits_summary(prepared.candidate.graph);
  trial.untrained = !evaluator.weights().untrained_tensors(prepared.candidate.graph).empty();
  const auto run = [&] {
    std::vector<sampler::Report> reports;
    return evaluator.evaluate_trial(prepared, running, [&](const sampler::Report& report) {
      reports.push_back(report);
      return prune(begun, reports);
    });
  };
  trial.evaluation = cache.get(
      prepared.key, [&](const trial::Evaluation& evaluation) { return serves(begun, evaluation); }, run);
}

void StudyLoop::State::run_trial(Begun& begun) {
  Trial& trial = begun.trial;
  trial.state = TrialState::kFail;
  if (!trial.reason.empty()) return;  // it cannot be run: given up, or enqueued with a value that does not exist
  try {
    evaluate(begun, trial);
  } catch (const InternalError&) {
    throw;
  } catch (const Error& error) {
    trial.reason = error.what();
    trial.failure = trial::failure_of(error);
    return;
  } catch (const std::bad_alloc&) {
    trial.reason = "out of memory while its network was made";
    trial.failure = trial::Failure::kMemory;
    return;
  }
  const trial::Evaluation& evaluation = *trial.evaluation;
  trial.reason = evaluation.reason;
  trial.failure = trial::failure_of(evaluation);
  trial.constraints = evaluation.constraints;
  trial.reports = evaluation.reports;
  if (evaluation.pruned || evaluation.ruled_out) {
    trial.state = TrialState::kPruned;
  } else if (evaluation.complete) {
    trial::Scores scores = trial::score(settings, evaluation.metrics);
    trial.scaled_metrics = {scores.scaled.begin(), scores.scaled.end()};
    trial.reason = scores.reason;
    if (!trial.reason.empty()) {
      trial.failure = trial::Failure::kDiverged;
      return;
    }
    trial.values = std::move(scores.values);
    trial.state = TrialState::kComplete;
  }
}

// Writes the end of a trial; false when another worker had ended it.
bool StudyLoop::State::store(const Trial& trial, std::vector<std::string> outcomes) {
  const PhaseScope phase(Phase::kStorage);
  storage::Trial stored = storage_trial(trial);
  stored.outcomes = std::move(outcomes);
  return storage.finish_trial(stored);
}

// Takes what the rows said of a complete trial where the study keeps it: while that fits, and of those that no trial
// that it may know beats. Depends on the trials 0 .. t - lag alone, whoever runs them.
std::vector<std::string> StudyLoop::State::take_outcomes(const Begun& begun) {
  if (!begun.trial.evaluation) return {};
  std::vector<std::string> outcomes;
  {
    const std::lock_guard lock(mutex);
    outcomes = std::exchange(begun.trial.evaluation->outcomes, {});
  }
  if (begun.trial.state != TrialState::kComplete || outcomes.empty()) return {};
  std::size_t bytes = 0;
  for (const std::string& text : outcomes) bytes += text.size();
  const auto so_far = static_cast<std::int64_t>(bytes * begun.history.size());
  if (so_far <= trial::kOutcomeBytes) return outcomes;
  const std::vector<double> own = sampler::to_losses(begun.trial.values, settings.directions);
  const bool beaten = std::any_of(begun.history.begin(), begun.history.end(), [&](const sampler::FinishedTrial& other) {
    return other.state == TrialState::kComplete &&
           sampler::dominates(sampler::to_losses(other.values, settings.directions), own);
  });
  return beaten ? std::vector<std::string>{} : outcomes;
}

void StudyLoop::State::finish(const Begun& begun) {
  Trial trial = begun.trial;
  if (trial.evaluation && trial.evaluation->interrupted) {
    const std::lock_guard lock(mutex);
    ledger.release(trial, failure != nullptr);
    return;
  }
  trial.completed = std::chrono::system_clock::now();
  const bool first = store(trial, take_outcomes(begun));
  if (trial.state == TrialState::kFail) log::info("trial {} failed: {}", trial.number, trial.reason);

  const std::lock_guard lock(mutex);
  if (trial.evaluation && (trial.evaluation->timed_out || machine_decided(*trial.evaluation))) note_clock();
  ledger.end(trial, first);
  publish();
  changed.notify_all();
}

// Tells whether a trial failed because of the memory that this machine happened to have.
bool StudyLoop::State::machine_decided(const trial::Evaluation& evaluation) const {
  return evaluation.out_of_memory && !settings.max_memory_bytes && !settings.trial_memory_bytes;
}

// Notes that the clock or the machine had a say, for this and all later runs of the study.
void StudyLoop::State::note_clock() {
  if (!reproducible) return;
  reproducible = false;
  storage.set_study_attributes(study.id, {{kClockAttribute, "true"}}, {});
}

// Takes note of the trials that ended since the last call, here or elsewhere.
void StudyLoop::State::publish() {
  const PhaseScope phase(Phase::kOther);
  for (const std::int64_t number : ledger.take_newly_ended()) {
    const Trial& trial = ledger.trials().at(number);
    if (trial.evaluation && trial.key != Digest{}) cache.put(trial.key, trial.evaluation);
    if (trial.state == TrialState::kComplete && settings.directions.size() == 1 && trial.feasible()) {
      const bool better =
          !best_number || comes_first(trial, ledger.trials().at(*best_number), settings.directions.front());
      if (better) best_number = number;
    }
    keep_weights(trial);
    if (trial_end) trial_end(trial, ledger.ended(), best_number);
  }
}

// Puts an ended trial among those whose weights are kept, or drops its weights, and those of the trials that it beats.
void StudyLoop::State::keep_weights(const Trial& trial) {
  if (!trial.evaluation) return;
  if (trial.state != TrialState::kComplete || !trial.feasible()) {
    trial.evaluation->state.reset();
    return;
  }
  kept.insert(trial.number);
  std::vector<const Trial*> candidates;
  for (const std::int64_t number : kept) candidates.push_back(&ledger.trials().at(number));
  const std::set<std::size_t> stay = kept_among(candidates, settings);
  std::set<const trial::Evaluation*> wanted;  // equal candidates share one
  for (const std::size_t index : stay) wanted.insert(candidates[index]->evaluation.get());
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const Trial& candidate = *candidates[i];
    if (stay.contains(i)) continue;
    kept.erase(candidate.number);
    if (wanted.contains(candidate.evaluation.get())) continue;  // a file may be all that there is of these weights
    candidate.evaluation->state.reset();
    if (store_weights.drop) store_weights.drop(candidate.number);
  }
  if (kept.contains(trial.number)) store_if_large(trial);
}

void StudyLoop::State::store_if_large(const Trial& trial) {
  if (!store_weights.save || !trial.evaluation->state || bytes_of(*trial.evaluation->state) < kLargeState) return;
  store_weights.save(trial);
  trial.evaluation->state.reset();
}

void StudyLoop::State::fail() {
  const std::lock_guard lock(mutex);
  if (!failure) failure = std::current_exception();
  running.request();
  changed.notify_all();
}

void StudyLoop::State::work() {
  try {
    while (std::optional<Begun> begun = next()) {
      run_trial(*begun);
      finish(*begun);
    }
  } catch (...) {
    fail();
  }
}

// Says at regular times that the trials of this process are still worked on.
void StudyLoop::State::beat() {
  try {
    std::unique_lock lock(mutex);
    auto next_beat = Clock::now() + seconds(settings.heartbeat_seconds);
    while (!changed.wait_until(lock, next_beat, [&] { return done; })) {
      next_beat = Clock::now() + seconds(settings.heartbeat_seconds);
      const std::vector<std::int64_t> ids = ledger.running_ids();
      lock.unlock();
      if (!ids.empty()) storage.heartbeat(ids);
      lock.lock();
    }
  } catch (...) {
    fail();
  }
}

StudyLoop::StudyLoop(const recipe::StudySettings& settings, const space::SearchSpace& space,
                     trial::Evaluator& evaluator, std::unique_ptr<sampler::Sampler> sampler, storage::Storage& storage,
                     const OpenedStudy& study)
    : state_(new State(settings, space, evaluator, std::move(sampler), storage, study)) {}

StudyLoop::~StudyLoop() = default;

void StudyLoop::keep_weights_in(WeightStore store) { state_->store_weights = std::move(store); }

StudyResult study_result(std::vector<Trial> trials, const std::vector<Direction>& directions) {
  StudyResult result{.trials = std::move(trials), .best = {}};
  mark_duplicates(result.trials);
  result.best = best_trials(result.trials, directions);
  return result;
}

std::vector<std::size_t> trials_to_keep(const StudyResult& result, const recipe::StudySettings& settings) {
  std::vector<const Trial*> trials;
  for (const Trial& trial : result.trials) trials.push_back(&trial);
  return trials_with_weights(trials, result.best, settings.directions, settings.keep_best);
}

StudyResult StudyLoop::run(const engine::StopToken& stop, const TrialEnd& trial_end) {
  const auto began = Clock::now();
  State& state = *state_;
  state.stop = &stop;
  state.running.follow(&stop);
  state.trial_end = trial_end;
  if (state.settings.timeout_seconds) state.deadline = began + seconds(*state.settings.timeout_seconds);
  if (state.settings.n_jobs > state.settings.lag) {
    log::warning(
        "n_jobs = {} but lag = {}: at most {} trials run at the same time, since trial t is proposed from the "
        "results of trials 0 .. t - lag; raise search.strategy.setup.lag to use more",
        state.settings.n_jobs, state.settings.lag, state.settings.lag);
  }
  std::thread heart = start_thread("the thread that keeps the trials alive", [&state] { state.beat(); });
  ThreadGroup others;
  Profile* const profile = Profile::current();
  try {
    others.start_others(static_cast<std::size_t>(std::min(state.settings.n_jobs, state.settings.lag)),
                        [&state, profile] {
                          const Profile::Thread part(profile);
                          state.work();
                        });
  } catch (...) {
    state.fail();
  }
  state.work();
  {
    const PhaseScope waits(Phase::kIdle);
    others.join();
  }
  {
    const std::lock_guard lock(state.mutex);
    state.done = true;
  }
  state.changed.notify_all();
  heart.join();

  std::vector<Trial> ended;
  for (const auto& [number, trial] : state.ledger.trials()) {
    if (trial.ended()) ended.push_back(trial);
  }
  StudyResult result = study_result(std::move(ended), state.settings.directions);
  result.failure = state.failure;
  result.end = state.failure ? StudyEnd::kFailed : state.end.value_or(StudyEnd::kAllTrials);
  if (stop.requested() && !state.failure) result.end = StudyEnd::kInterrupted;
  result.reproducible = state.reproducible && !state.settings.depends_on_clock();
  result.wall_seconds = std::chrono::duration<double>(Clock::now() - began).count();
  return result;
}

}  // namespace lathe::study
