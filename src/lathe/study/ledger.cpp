#include "lathe/study/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "lathe/base/check.h"
#include "lathe/base/error.h"
#include "lathe/base/log.h"
#include "lathe/base/profile.h"
#include "lathe/base/random.h"
#include "lathe/sampler/draw.h"
#include "lathe/study/record.h"
#include "lathe/study/worker.h"

namespace lathe::study {
namespace {

using Clock = std::chrono::steady_clock;

// A process that ended on this machine wrote its last heartbeat at least so long ago.
constexpr std::chrono::duration<double> kDeadFor{0.2};
constexpr std::chrono::milliseconds kLookEvery{500};
// So many times the interval of the heartbeats a silent trial is watched.
constexpr double kWatchedBeats = 1.5;
// So many lost races for one number mean that the numbers of the study make no sense.
constexpr int kMostRaces = 1000;

}  // namespace

Ledger::Ledger(const recipe::StudySettings& settings, const space::SearchSpace& space, sampler::Sampler& sampler,
               storage::Storage& storage, std::int64_t study_id)
    : settings_(settings),
      space_(space),
      sampler_(sampler),
      storage_(storage),
      study_id_(study_id),
      worker_(worker_text()),
      histories_(1) {
  histories_.back().reserve(static_cast<std::size_t>(std::clamp<std::int64_t>(settings.n_trials, 16, 1 << 20)));
}

std::int64_t Ledger::planned() const {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  return settings_.n_trials > kMost - imported_ ? kMost : settings_.n_trials + imported_;
}

bool Ledger::any_running() const {
  return std::any_of(unfinished_.begin(), unfinished_.end(), [&](std::int64_t number) {
    return trials_.at(number).state == TrialState::kRunning && !rows_.at(number).foreign;
  });
}

std::vector<std::int64_t> Ledger::take_newly_ended() { return std::exchange(newly_ended_, {}); }

void Ledger::merge(const storage::Trial& stored) {
  last_trial_id_ = std::max(last_trial_id_, stored.trial_id);
  const auto known = trials_.find(stored.number);
  if (known != trials_.end() && known->second.ended()) return;
  StoredTrial read = read_trial(settings_, space_, stored);
  Row& row = rows_[stored.number];
  row.trial_id = stored.trial_id;
  row.worker = read.worker;
  row.in_space = read.in_space;
  row.interrupted = read.interrupted;
  row.foreign = read.trial.state == TrialState::kRunning && read.worker.empty();
  if (read.trial.imported && known == trials_.end()) ++imported_;
  note_state(read.trial);
  row.fixed = std::move(read.fixed);
  trials_[stored.number] = std::move(read.trial);
}

void Ledger::note_state(const Trial& trial) {
  if (!trial.ended()) {
    unfinished_.insert(trial.number);
    return;
  }
  unfinished_.erase(trial.number);
  newly_ended_.push_back(trial.number);
}

void Ledger::refresh() {
  const PhaseScope phase(Phase::kStorage);
  if (!loaded_) {
    const std::vector<storage::Trial> all = storage_.trials(study_id_);
    check_numbers(settings_, all);
    for (const storage::Trial& stored : all) merge(stored);
    loaded_ = true;
    return;
  }
  if (storage_.changed_by_others()) reload();
}

bool Ledger::runs_here(const Row& row) const {
  return std::find(running_.begin(), running_.end(), row.trial_id) != running_.end();
}

void Ledger::reload() {
  std::vector<std::int64_t> unfinished;
  for (const std::int64_t number : unfinished_) {
    const Row& row = rows_.at(number);
    if (!runs_here(row)) unfinished.push_back(row.trial_id);
  }
  for (const storage::Trial& stored : storage_.changed_trials(study_id_, last_trial_id_, unfinished)) merge(stored);
}

bool Ledger::ended_up_to(std::int64_t count) const {
  for (std::int64_t number = told_; number < count; ++number) {
    const auto found = trials_.find(number);
    if (found == trials_.end() || (!found->second.ended() && !rows_.at(number).foreign)) return false;
  }
  return true;
}

void Ledger::append(sampler::FinishedTrial trial) {
  auto& current = histories_.back();
  if (current.size() == current.capacity()) {
    std::vector<sampler::FinishedTrial> larger;
    larger.reserve(2 * current.capacity());
    larger.assign(current.begin(), current.end());
    histories_.push_back(std::move(larger));
  }
  histories_.back().push_back(std::move(trial));
}

void Ledger::tell_up_to(std::int64_t count) {
  const PhaseScope phase(Phase::kSampler);
  for (; told_ < count; ++told_) {
    Row& row = rows_.at(told_);
    if (!row.in_space) continue;
    // The parameters of another program's trial may have come after its turn.
    if (!std::exchange(row.announced, true)) sampler_.announce(told_, trials_.at(told_).assignment);
    sampler::FinishedTrial finished = trials_.at(told_).finished();
    if (finished.state == TrialState::kRunning) finished.state = TrialState::kFail;  // of a program that we cannot ask
    sampler_.tell(finished);
    append(std::move(finished));
  }
}

void Ledger::announce(std::int64_t number) {
  const PhaseScope phase(Phase::kSampler);
  LATHE_CHECK_EQ(number, announced_);
  tell_up_to(number - settings_.lag + 1);
  Row& row = rows_.at(number);
  row.history = histories_.back().size();
  if (row.in_space) sampler_.announce(number, trials_.at(number).assignment);
  row.announced = row.in_space;
  ++announced_;
}

void Ledger::announce_known() {
  while (true) {
    const auto next = trials_.find(announced_);
    if (next == trials_.end() || next->second.state == TrialState::kWaiting) return;
    if (!ended_up_to(announced_ - settings_.lag + 1)) return;
    announce(announced_);
  }
}

storage::NewTrial Ledger::new_trial(const Trial& trial) const {
  return {.number = trial.number,
          .parameters = storage_parameters(space_.parameters(), trial.assignment),
          .user_attributes = worker_attributes(worker_, trial.attempts),
          .started = trial.started.value_or(storage::Time{})};
}

Offer Ledger::begin(std::optional<Begun>& begun) {
  const PhaseScope phase(Phase::kStorage);
  for (int race = 0; race < kMostRaces; ++race) {
    announce_known();
    const auto next = trials_.find(announced_);
    if (next == trials_.end() && announced_ >= planned()) return Offer::kAllBegun;
    if (!ended_up_to(announced_ - settings_.lag + 1)) return Offer::kWait;
    tell_up_to(announced_ - settings_.lag + 1);
    const std::optional<Offer> offer = next == trials_.end() ? begin_new(begun) : begin_waiting(announced_, begun);
    if (offer) return *offer;
    reload();  // another worker was faster
  }
  throw DataError(
      fmt::format("study \"{}\": trial {} cannot be begun, as its number is always taken: the database is damaged",
                  settings_.name, announced_));
}

void Ledger::own(Trial trial, std::int64_t trial_id, std::optional<Begun>& begun) {
  trial.trial_id = trial_id;
  Row& row = rows_[trial.number];
  row.trial_id = trial_id;
  row.worker = worker_;
  last_trial_id_ = std::max(last_trial_id_, trial_id);
  running_.push_back(trial_id);
  trials_[trial.number] = trial;
  unfinished_.insert(trial.number);
  announce(trial.number);
  begun = begun_trial(trial);
}

std::optional<space::Assignment> Ledger::ask(std::int64_t number) const {
  const PhaseScope phase(Phase::kSampler);
  return sampler_.ask(number);
}

std::optional<Offer> Ledger::begin_new(std::optional<Begun>& begun) {
  const std::optional<space::Assignment> assignment = ask(announced_);
  if (!assignment) return Offer::kExhausted;
  Trial trial;
  trial.number = announced_;
  trial.assignment = *assignment;
  trial.started = std::chrono::system_clock::now();
  const std::optional<storage::Trial> stored = storage_.start_trial(study_id_, new_trial(trial));
  if (!stored) return std::nullopt;
  own(trial, stored->trial_id, begun);
  return Offer::kTrial;
}

// Takes the fixed values of a waiting trial, the sampler's for the others; what neither gives is drawn.
space::Assignment Ledger::completed(std::int64_t number, const FixedValues& fixed) const {
  const parameter::Space& space = space_.parameters();
  const std::optional<space::Assignment> proposed = ask(number);
  RandomStream stream(settings_.seed, {static_cast<std::uint64_t>(number)}, "enqueued");
  space::Assignment assignment(space.parameters().size(), parameter::kInactive);
  for (std::size_t i = 0; i < assignment.size(); ++i) {
    if (!space.is_active(assignment, i)) continue;
    const parameter::Parameter& parameter = space.parameters()[i];
    if (const auto value = fixed.find(parameter.name); value != fixed.end()) {
      const auto code = parameter::code_of(parameter.distribution, value->second);
      if (!code) {
        throw UserError(parameter.name, fmt::format("the enqueued value {} is not one of this study",
                                                    parameter::to_string(value->second)));
      }
      assignment[i] = *code;
    } else if (proposed && (*proposed)[i] != parameter::kInactive) {
      assignment[i] = (*proposed)[i];
    } else {
      assignment[i] = sampler::draw_code(parameter.distribution, stream);
    }
  }
  return assignment;
}

std::optional<Offer> Ledger::begin_waiting(std::int64_t number, std::optional<Begun>& begun) {
  Trial trial = trials_.at(number);
  Row& row = rows_.at(number);
  trial.state = TrialState::kRunning;
  trial.started = std::chrono::system_clock::now();
  try {
    trial.assignment = completed(number, row.fixed);
  } catch (const UserError& error) {
    trial.reason = error.what();
    trial.failure = trial::Failure::kRequest;
    row.in_space = false;
  }
  if (!storage_.claim_waiting_trial(row.trial_id, new_trial(trial))) return std::nullopt;
  row.in_space = trial.reason.empty();
  own(trial, row.trial_id, begun);
  return Offer::kTrial;
}

std::optional<Begun> Ledger::begin_again(std::int64_t number, std::chrono::duration<double> grace) {
  Trial trial = trials_.at(number);
  Row& row = rows_.at(number);
  if (number >= announced_ || trial.state != TrialState::kRunning) return std::nullopt;
  const bool given_up = trial.attempts >= settings_.max_attempts;
  if (!given_up) ++trial.attempts;
  storage::Attributes attributes = worker_attributes(worker_, trial.attempts);
  if (row.interrupted) attributes[kInterruptedAttribute] = "false";
  if (!storage_.take_over_trial(row.trial_id, grace, attributes)) return std::nullopt;
  if (row.interrupted) {
    log::info("trial {} was interrupted; it is run again here", number);
  } else {
    log::warning("the worker of trial {} died; attempt {} of {} begins here", number, trial.attempts,
                 settings_.max_attempts);
  }
  row.interrupted = false;
  if (given_up) {
    trial.reason = fmt::format("given up: its workers died {} times while they ran it", trial.attempts);
    trial.failure = trial::Failure::kWorkers;
  } else if (!row.in_space) {
    trial.reason = "enqueued with values that are not of this study";
    trial.failure = trial::Failure::kRequest;
  }
  row.worker = worker_;
  running_.push_back(row.trial_id);
  trials_[number] = trial;
  return begun_trial(trial);
}

// Lists the trials that the database's clock calls stale and that gave no sign of life while this process watched them.
// SQLite has no clock of its own: the age of a heartbeat mixes the clocks of two machines, or one that was set
// meanwhile.
std::vector<std::int64_t> Ledger::silent_trials() {
  const auto stale = storage_.stale_trials(study_id_, std::chrono::duration<double>(settings_.heartbeat_grace_seconds));
  std::map<std::int64_t, Watched> watched;
  std::vector<std::int64_t> silent;
  const auto beats = stale.empty() ? std::map<std::int64_t, std::string>() : storage_.heartbeats(study_id_);
  const std::chrono::duration<double> long_enough(
      std::min(settings_.heartbeat_grace_seconds, kWatchedBeats * settings_.heartbeat_seconds));
  for (const std::int64_t trial_id : stale) {
    const auto beat = beats.find(trial_id);
    if (beat == beats.end()) continue;
    const auto before = watched_.find(trial_id);
    const bool same = before != watched_.end() && before->second.beat == beat->second;
    watched[trial_id] = {beat->second, same ? before->second.since : Clock::now()};
    if (Clock::now() - watched[trial_id].since >= long_enough) silent.push_back(trial_id);
  }
  watched_ = std::move(watched);
  return silent;
}

std::optional<Begun> Ledger::take_over() {
  const PhaseScope phase(Phase::kStorage);
  if (Clock::now() < next_look_) return std::nullopt;
  next_look_ = Clock::now() + kLookEvery;
  announce_known();
  for (const std::int64_t number : std::vector<std::int64_t>(unfinished_.begin(), unfinished_.end())) {
    const Row& row = rows_.at(number);
    if (row.foreign || row.worker.empty() || row.worker == worker_) continue;
    if (!worker_has_ended(row.worker)) continue;
    if (auto begun = begin_again(number, kDeadFor)) return begun;
  }
  const std::vector<std::int64_t> stale = silent_trials();
  if (stale.empty()) return std::nullopt;
  for (const std::int64_t number : std::vector<std::int64_t>(unfinished_.begin(), unfinished_.end())) {
    const Row& row = rows_.at(number);
    if (std::find(stale.begin(), stale.end(), row.trial_id) == stale.end() || runs_here(row)) continue;
    if (auto begun = begin_again(number, std::chrono::duration<double>(settings_.heartbeat_grace_seconds)))
      return begun;
  }
  return std::nullopt;
}

Begun Ledger::begun_trial(const Trial& trial) const {
  const Row& row = rows_.at(trial.number);
  return {trial, std::span<const sampler::FinishedTrial>(histories_.back()).first(row.history)};
}

const Trial& Ledger::end(const Trial& trial, bool first) {
  const PhaseScope phase(Phase::kStorage);
  const Row& row = rows_.at(trial.number);
  std::erase(running_, row.trial_id);
  if (!first) {
    for (const storage::Trial& stored : storage_.changed_trials(study_id_, last_trial_id_, {row.trial_id})) {
      merge(stored);
    }
    if (!trials_.at(trial.number).ended()) {
      throw SystemError("store", fmt::format("trial {} in {}", trial.number, storage_.address()),
                        "it is gone: the study was deleted while it ran");
    }
    return trials_.at(trial.number);
  }
  trials_[trial.number] = trial;
  note_state(trial);
  return trials_.at(trial.number);
}

void Ledger::release(const Trial& trial, bool counts) {
  const PhaseScope phase(Phase::kStorage);
  const std::int64_t trial_id = rows_.at(trial.number).trial_id;
  std::erase(running_, trial_id);
  if (counts) return;
  constexpr std::chrono::duration<double> kAnyAge{-1e9};
  storage_.take_over_trial(trial_id, kAnyAge,
                           {{kAttemptsAttribute, std::to_string(trial.attempts - 1)}, {kInterruptedAttribute, "true"}});
}

}  // namespace lathe::study
