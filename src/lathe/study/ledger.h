#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "lathe/recipe/study_settings.h"
#include "lathe/sampler/sampler.h"
#include "lathe/space/space.h"
#include "lathe/storage/storage.h"
#include "lathe/study/record.h"
#include "lathe/study/trial.h"

namespace lathe::study {

/// Holds a trial that this process is to run.
struct Begun {
  Trial trial;
  std::span<const sampler::FinishedTrial> history = {};  ///< what its pruner may look at; valid as long as the ledger
};

/// Says what the ledger can offer a worker.
enum class Offer {
  kTrial,      ///< a trial to run
  kWait,       ///< nothing until other trials end
  kAllBegun,   ///< all planned trials have begun
  kExhausted,  ///< the sampler has no further point
};

/// Holds what this process knows of a study, and feeds the sampler in the one order that makes a study the same on any
/// number of workers and after any restart: before trial t is announced, exactly the trials 0 .. t - lag have been
/// told. Reads what other workers wrote through the storage. Not thread safe.
///
/// Trials of other programs take part where their parameters are those of the space; others are kept and shown, but the
/// sampler does not learn from them. A trial that runs elsewhere without a heartbeat counts as failed: nobody says
/// whether it will ever end.
class Ledger {
 public:
  Ledger(const recipe::StudySettings& settings, const space::SearchSpace& space, sampler::Sampler& sampler,
         storage::Storage& storage, std::int64_t study_id);

  /// Reads what other workers wrote since the last call; everything at the first.
  void refresh();
  /// Begins the next trial where possible: writes it as RUNNING and returns it in `begun`.
  Offer begin(std::optional<Begun>& begun);
  /// Takes over a trial whose worker died: one that has ended on this machine, or one whose heartbeat is too old. A
  /// trial that was begun `max_attempts` times is ended as failed.
  std::optional<Begun> take_over();
  /// Notes the end of a trial that this process ran and wrote to the storage; `first` is false where another worker
  /// ended it before (this one had been given up). Returns the trial as it stands in the study.
  const Trial& end(const Trial& trial, bool first);
  /// Lets go of a trial without ending it: it stays RUNNING until somebody takes it over. `counts`: whether this was
  /// one of its attempts; not so where the user interrupted it.
  void release(const Trial& trial, bool counts);

  /// Lists the ids of the trials that this process runs.
  const std::vector<std::int64_t>& running_ids() const { return running_; }
  /// Returns all trials by number.
  const std::map<std::int64_t, Trial>& trials() const { return trials_; }
  std::size_t ended() const { return trials_.size() - unfinished_.size(); }
  /// Tells whether a trial is begun and not ended, here or elsewhere.
  bool any_running() const;
  /// Returns the numbers of the trials that ended since the last call.
  std::vector<std::int64_t> take_newly_ended();
  /// Returns how many trials the study is to have: n_trials, and those copied from elsewhere.
  std::int64_t planned() const;

 private:
  struct Row {
    std::int64_t trial_id = 0;
    std::string worker;        ///< who runs it
    bool in_space = true;      ///< whether its parameters are those of the space
    bool announced = false;    ///< whether the sampler knows its point
    bool interrupted = false;  ///< its worker ended on the user's wish
    bool foreign = false;      ///< runs in a program that sends no heartbeats
    FixedValues fixed = {};    ///< of a waiting trial
    std::size_t history = 0;   ///< trials that had been told when it was announced
  };

  /// Holds a heartbeat and since when it has been the same.
  struct Watched {
    std::string beat;
    std::chrono::steady_clock::time_point since;
  };

  std::vector<std::int64_t> silent_trials();
  void merge(const storage::Trial& stored);
  void note_state(const Trial& trial);
  void reload();
  bool runs_here(const Row& row) const;
  bool ended_up_to(std::int64_t count) const;
  void tell_up_to(std::int64_t count);
  void announce(std::int64_t number);
  void announce_known();
  std::optional<space::Assignment> ask(std::int64_t number) const;
  std::optional<Offer> begin_new(std::optional<Begun>& begun);
  std::optional<Offer> begin_waiting(std::int64_t number, std::optional<Begun>& begun);
  space::Assignment completed(std::int64_t number, const FixedValues& fixed) const;
  void own(Trial trial, std::int64_t trial_id, std::optional<Begun>& begun);
  std::optional<Begun> begin_again(std::int64_t number, std::chrono::duration<double> grace);
  storage::NewTrial new_trial(const Trial& trial) const;
  void append(sampler::FinishedTrial trial);
  Begun begun_trial(const Trial& trial) const;

  const recipe::StudySettings& settings_;
  const space::SearchSpace& space_;
  sampler::Sampler& sampler_;
  storage::Storage& storage_;
  std::int64_t study_id_;
  std::string worker_;

  std::map<std::int64_t, Trial> trials_;
  std::map<std::int64_t, Row> rows_;
  std::set<std::int64_t> unfinished_;  ///< numbers of the trials that wait or run, here or elsewhere
  std::vector<std::int64_t> running_;  ///< ids of those that run here
  std::vector<std::int64_t> newly_ended_;
  std::vector<std::vector<sampler::FinishedTrial>> histories_;  ///< the last one grows; earlier ones keep spans alive
  std::int64_t last_trial_id_ = 0;
  std::int64_t announced_ = 0;  ///< trials 0 .. announced_ - 1 are known to the sampler
  std::int64_t told_ = 0;       ///< of these 0 .. told_ - 1 with their results
  std::int64_t imported_ = 0;
  bool loaded_ = false;
  std::chrono::steady_clock::time_point next_look_{};
  std::map<std::int64_t, Watched> watched_;  ///< stale trials, by the database's id
};

}  // namespace lathe::study
