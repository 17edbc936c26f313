#include "lathe/storage/memory.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "lathe/base/check.h"
#include "lathe/storage/check.h"
#include "lathe/storage/text.h"

namespace lathe::storage {
namespace {

using Clock = std::chrono::steady_clock;
using Repeats = std::map<std::int64_t, std::map<std::int64_t, std::string>>;

struct Study {
  StudyInfo info;
  std::vector<std::int64_t> trial_ids;  ///< by number
};

struct StoredTrial {
  Trial trial;
  std::int64_t study_id = 0;
  std::optional<Clock::time_point> heartbeat = {};
};

void add(Attributes& target, const Attributes& attributes) {
  for (const auto& [key, value] : attributes) target[key] = value;
}

class MemoryStorage final : public Storage {
 public:
  std::string address() const override { return "memory"; }

  std::int64_t create_study(const std::string& name, const std::vector<Direction>& directions,
                            const Attributes& user_attributes, const Attributes& system_attributes) override {
    LATHE_CHECK(!directions.empty(), "study \"{}\" without a direction", name);
    const std::lock_guard lock(mutex_);
    return insert_study({.name = name,
                         .directions = directions,
                         .user_attributes = user_attributes,
                         .system_attributes = system_attributes});
  }

  std::int64_t import_study(const StudyInfo& study, const std::vector<Trial>& trials) override {
    for (const Trial& trial : trials) check_values(trial, study.directions.size());
    const std::lock_guard lock(mutex_);
    const std::int64_t study_id = insert_study(study);
    for (const Trial& trial : trials) insert_trial(study_id, trial);
    return study_id;
  }

  std::vector<StudyInfo> studies() override {
    const std::lock_guard lock(mutex_);
    std::vector<StudyInfo> all;
    for (const auto& [id, study] : studies_) all.push_back(study.info);
    return all;
  }

  std::optional<StudyInfo> find_study(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, study] : studies_) {
      if (study.info.name == name) return study.info;
    }
    return std::nullopt;
  }

  void set_study_attributes(std::int64_t study_id, const Attributes& user_attributes,
                            const Attributes& system_attributes) override {
    const std::lock_guard lock(mutex_);
    StudyInfo& info = study(study_id).info;
    add(info.user_attributes, user_attributes);
    add(info.system_attributes, system_attributes);
  }

  void delete_study(std::int64_t study_id) override {
    const std::lock_guard lock(mutex_);
    const auto found = studies_.find(study_id);
    if (found == studies_.end()) return;
    for (const std::int64_t trial_id : found->second.trial_ids) {
      trials_.erase(trial_id);
      repeats_.erase(trial_id);
      outcomes_.erase(trial_id);
    }
    studies_.erase(found);
  }

  std::optional<Trial> start_trial(std::int64_t study_id, const NewTrial& trial) override {
    const std::lock_guard lock(mutex_);
    const auto next = static_cast<std::int64_t>(study(study_id).trial_ids.size());
    if (trial.number && *trial.number != next) return std::nullopt;
    StoredTrial& stored = insert_trial(study_id, {});
    begin(stored, trial);
    return stored.trial;
  }

  Trial enqueue_trial(std::int64_t study_id, const std::vector<Parameter>& fixed,
                      const Attributes& user_attributes) override {
    const std::lock_guard lock(mutex_);
    return insert_trial(study_id, {.state = TrialState::kWaiting,
                                   .user_attributes = user_attributes,
                                   .system_attributes = {{"fixed_params", fixed_parameters_json(fixed)}}})
        .trial;
  }

  bool claim_waiting_trial(std::int64_t trial_id, const NewTrial& trial) override {
    const std::lock_guard lock(mutex_);
    const auto found = trials_.find(trial_id);
    if (found == trials_.end() || found->second.trial.state != TrialState::kWaiting) return false;
    begin(found->second, trial);
    return true;
  }

  std::vector<std::int64_t> stale_trials(std::int64_t study_id, std::chrono::duration<double> grace) override {
    const std::lock_guard lock(mutex_);
    std::vector<std::int64_t> stale;
    for (const std::int64_t trial_id : trial_ids(study_id)) {
      if (is_stale(trials_.at(trial_id), grace)) stale.push_back(trial_id);
    }
    return stale;
  }

  std::map<std::int64_t, std::string> heartbeats(std::int64_t study_id) override {
    const std::lock_guard lock(mutex_);
    std::map<std::int64_t, std::string> beats;
    for (const std::int64_t trial_id : trial_ids(study_id)) {
      const StoredTrial& stored = trials_.at(trial_id);
      if (stored.trial.state != TrialState::kRunning || !stored.heartbeat) continue;
      beats[trial_id] = std::to_string(stored.heartbeat->time_since_epoch().count());
    }
    return beats;
  }

  bool take_over_trial(std::int64_t trial_id, std::chrono::duration<double> grace,
                       const Attributes& user_attributes) override {
    const std::lock_guard lock(mutex_);
    const auto found = trials_.find(trial_id);
    if (found == trials_.end() || !is_stale(found->second, grace)) return false;
    found->second.heartbeat = Clock::now();
    add(found->second.trial.user_attributes, user_attributes);
    return true;
  }

  void heartbeat(const std::vector<std::int64_t>& trial_ids) override {
    const std::lock_guard lock(mutex_);
    for (const std::int64_t trial_id : trial_ids) {
      const auto found = trials_.find(trial_id);
      const bool runs = found != trials_.end() && found->second.trial.state == TrialState::kRunning;
      if (runs) found->second.heartbeat = Clock::now();
    }
  }

  bool finish_trial(const Trial& trial) override {
    check_end(trial);
    const std::lock_guard lock(mutex_);
    const auto found = trials_.find(trial.trial_id);
    if (found == trials_.end() || found->second.trial.state != TrialState::kRunning) return false;
    check_values(trial, studies_.at(found->second.study_id).info.directions.size());
    Trial& stored = found->second.trial;
    stored.state = trial.state;
    stored.values = trial.values;
    for (const auto& [step, value] : trial.intermediate_values) stored.intermediate_values[step] = value;
    add(stored.user_attributes, trial.user_attributes);
    add(stored.system_attributes, trial.system_attributes);
    stored.completed = trial.completed.value_or(std::chrono::system_clock::now());
    for (std::size_t seed = 0; seed < trial.outcomes.size(); ++seed)
      outcomes_[trial.trial_id].emplace(static_cast<std::int64_t>(seed), trial.outcomes[seed]);
    return true;
  }

  std::vector<Trial> trials(std::int64_t study_id) override {
    const std::lock_guard lock(mutex_);
    std::vector<Trial> all;
    for (const std::int64_t trial_id : trial_ids(study_id)) all.push_back(trials_.at(trial_id).trial);
    return all;
  }

  std::vector<Trial> changed_trials(std::int64_t study_id, std::int64_t last_trial_id,
                                    const std::vector<std::int64_t>& unfinished) override {
    const std::lock_guard lock(mutex_);
    std::vector<Trial> changed;
    for (const std::int64_t trial_id : unfinished) {
      const auto found = trials_.find(trial_id);
      if (found != trials_.end() && trial_id <= last_trial_id) changed.push_back(found->second.trial);
    }
    const std::vector<std::int64_t>& ids = trial_ids(study_id);
    for (auto id = std::upper_bound(ids.begin(), ids.end(), last_trial_id); id != ids.end(); ++id) {
      changed.push_back(trials_.at(*id).trial);
    }
    std::sort(changed.begin(), changed.end(), [](const Trial& a, const Trial& b) { return a.number < b.number; });
    return changed;
  }

  std::vector<Trial> selected_trials(std::int64_t study_id, const TrialSelection& selection) override {
    std::vector<Trial> selected = trials(study_id);
    const auto& states = selection.states;
    std::erase_if(selected, [&](const Trial& trial) {
      return !states.empty() && std::find(states.begin(), states.end(), trial.state) == states.end();
    });
    const auto count = static_cast<std::int64_t>(selected.size());
    if (selection.newest > 0 && count > selection.newest) {
      selected.erase(selected.begin(), selected.end() - static_cast<std::ptrdiff_t>(selection.newest));
    }
    return selected;
  }

  std::map<std::int64_t, TrialCounts> trial_counts() override {
    const std::lock_guard lock(mutex_);
    std::map<std::int64_t, TrialCounts> all;
    for (const auto& [id, stored] : trials_) {
      TrialCounts& counts = all[stored.study_id];
      const Trial& trial = stored.trial;
      ++counts.by_state[trial.state];
      if (trial.started) counts.first_started = std::min(counts.first_started.value_or(*trial.started), *trial.started);
      counts.last_completed = std::max(counts.last_completed, trial.completed);
    }
    return all;
  }

  std::vector<NamedDistribution> distributions(std::int64_t study_id) override {
    std::vector<NamedDistribution> found;
    for (const Trial& trial : trials(study_id)) {
      for (const Parameter& parameter : trial.parameters) {
        const bool known = std::any_of(found.begin(), found.end(), [&](const NamedDistribution& each) {
          return each.name == parameter.name && *each.distribution == *parameter.distribution;
        });
        if (!known) found.push_back({parameter.name, parameter.distribution});
      }
    }
    return found;
  }

  /// Others share this object, if any; what they write is not told from the caller's own.
  bool changed_by_others() override { return true; }

  void add_repeat(std::int64_t trial_id, std::int64_t repeat, const std::string& json,
                  const std::string& outcomes) override {
    const std::lock_guard lock(mutex_);
    repeats_[trial_id].emplace(repeat, json);
    if (!outcomes.empty()) outcomes_[trial_id].emplace(repeat, outcomes);
  }

  Repeats outcomes(const std::vector<std::int64_t>& trial_ids) override {
    const std::lock_guard lock(mutex_);
    Repeats found;
    for (const std::int64_t trial_id : trial_ids) {
      if (const auto known = outcomes_.find(trial_id); known != outcomes_.end()) found.insert(*known);
    }
    return found;
  }

  Repeats repeats(std::int64_t study_id) override {
    const std::lock_guard lock(mutex_);
    Repeats found;
    for (const auto& [trial_id, list] : repeats_) {
      if (trials_.at(trial_id).study_id == study_id) found.emplace(trial_id, list);
    }
    return found;
  }

 private:
  Study& study(std::int64_t study_id) {
    const auto found = studies_.find(study_id);
    if (found == studies_.end()) throw_absent_study("storage", address());
    return found->second;
  }

  /// Lists the trials of a study; none where it is not there.
  const std::vector<std::int64_t>& trial_ids(std::int64_t study_id) const {
    static const std::vector<std::int64_t> kNone;
    const auto found = studies_.find(study_id);
    return found == studies_.end() ? kNone : found->second.trial_ids;
  }

  std::int64_t insert_study(StudyInfo info) {
    for (const auto& [id, study] : studies_) {
      if (study.info.name == info.name) throw_taken_name(address(), info.name);
    }
    info.study_id = ++last_study_id_;
    studies_[info.study_id].info = info;
    return info.study_id;
  }

  /// Appends a trial to a study; its id and number are new.
  StoredTrial& insert_trial(std::int64_t study_id, Trial trial) {
    std::vector<std::int64_t>& ids = study(study_id).trial_ids;
    trial.trial_id = ++last_trial_id_;
    trial.number = static_cast<std::int64_t>(ids.size());
    ids.push_back(trial.trial_id);
    return trials_.emplace(trial.trial_id, StoredTrial{std::move(trial), study_id}).first->second;
  }

  static void begin(StoredTrial& stored, const NewTrial& trial) {
    stored.trial.state = TrialState::kRunning;
    stored.trial.started = trial.started;
    stored.trial.parameters = trial.parameters;
    add(stored.trial.user_attributes, trial.user_attributes);
    add(stored.trial.system_attributes, trial.system_attributes);
    stored.heartbeat = Clock::now();
  }

  static bool is_stale(const StoredTrial& stored, std::chrono::duration<double> grace) {
    return stored.trial.state == TrialState::kRunning && stored.heartbeat && Clock::now() - *stored.heartbeat > grace;
  }

  std::mutex mutex_;
  std::map<std::int64_t, Study> studies_;
  std::unordered_map<std::int64_t, StoredTrial> trials_;
  Repeats repeats_, outcomes_;
  std::int64_t last_study_id_ = 0, last_trial_id_ = 0;
};

}  // namespace

std::unique_ptr<Storage> open_memory() { return std::make_unique<MemoryStorage>(); }

}  // namespace lathe::storage
