#pragma once

#include <filesystem>
#include <map>

#include "lathe/app/search_setup.h"
#include "lathe/report/mase_files.h"
#include "lathe/study/loop.h"

namespace lathe::app {

/// Names the file with the weights of trial `number` in the folder of its study.
std::string trial_weights_file(std::int64_t number);

/// Finds the weights of a trial that was read from a best.json or log.json: in the study's folder where the file lies,
/// or in the one that a copy in PROJECT/search_ckpts came from. Throws DataError where they are absent.
std::filesystem::path saved_weights(const std::filesystem::path& results, const report::TrialRecord& trial);

/// Keeps the weights of the best trials of a search in files of its study's folder, where `--from` finds them. Large
/// ones are written as soon as their trial is among the best, so that they neither fill the memory nor are lost with
/// the process. Used by one thread at a time.
class KeptWeights {
 public:
  explicit KeptWeights(const Search& search) : search_(search) {}

  /// Returns the functions by which the loop hands over weights.
  study::WeightStore store();
  /// Tells whether the weights of a trial are in memory, or in a file of this or an earlier run.
  bool has(const study::Trial& trial);
  /// Writes what is not written yet of the trials to be kept, and removes what this study wrote of ended trials that
  /// are not among them.
  void finish(const study::StudyResult& result);

 private:
  void try_to_save(const study::Trial& trial, const engine::State& state);
  void save(const study::Trial& trial, const engine::State& state);
  std::shared_ptr<const engine::State> find(const study::Trial& trial);
  std::shared_ptr<const engine::State> read(std::int64_t number, const Digest& key) const;
  std::filesystem::path path(std::int64_t number) const;
  bool is_of_this_study(std::int64_t number) const;

  const Search& search_;
  std::map<std::int64_t, Digest> written_;  ///< trial number -> candidate key
};

}  // namespace lathe::app
