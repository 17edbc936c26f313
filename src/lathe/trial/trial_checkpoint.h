#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "lathe/base/hash.h"
#include "lathe/checkpoint/checkpoint.h"
#include "lathe/engine/backend.h"
#include "lathe/engine/train.h"
#include "lathe/sampler/sampler.h"

namespace lathe::trial {

/// Holds what a training that was cut off continues from.
struct SavedTraining {
  checkpoint::TrainingState training;
  std::vector<sampler::Report> reports;  ///< what it had told the pruner, which let it go on each time
  std::size_t judged = 0;                ///< how many of them came before the end of the training
};

/// Keeps the training of one seed of one candidate in a file, from time to time while it runs: a training state under
/// the candidate key and the seed. Equal keys mean equal trainings, so whoever finds the file may go on with it.
class TrialCheckpoint {
 public:
  /// `judging` says what the reports in the file are of (recipe::judging_text): a file with others is left out.
  TrialCheckpoint(const std::filesystem::path& folder, const Digest& key, std::uint64_t repeat, std::string judging);

  /// Reads what an earlier process left. A file that is damaged or of something else is left out with a warning.
  /// `total_steps` are those that the training plans.
  std::optional<SavedTraining> read(const ir::Graph& graph, std::int64_t total_steps) const;
  /// Writes the state of a session, atomically. Where that cannot be done (a full disk) it warns, and the training goes
  /// on without.
  void save(const engine::Session& session, const engine::TrainReport& so_far,
            const std::vector<sampler::Report>& reports, std::size_t judged) const;
  /// Removes the file where there is one.
  void remove() const;
  /// Takes over what lies in another folder (that of an earlier version of lathe), where there is nothing here.
  void take_from(const std::filesystem::path& earlier) const;

 private:
  std::filesystem::path path_;
  std::string key_, repeat_, judging_;
};

/// Removes the states of trainings that a study which has ended left in its folder (those of trials that were given
/// up), and the folder where nothing else is in it.
void remove_trial_checkpoints(const std::filesystem::path& folder);

}  // namespace lathe::trial
