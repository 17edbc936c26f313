#pragma once

#include <map>

#include "lathe/cli/search_setup.h"
#include "lathe/study/loop.h"

namespace lathe::cli {

/// Keeps the weights of the best trials of a search in files beside its best.json, where `--from` finds them. Large
/// ones are written as soon as their trial is among the best, so that they neither fill the memory nor are lost with
/// the process. Used by one thread at a time.
class KeptWeights {
 public:
  explicit KeptWeights(const Search& search) : search_(search) {}

  /// Returns the functions by which the loop hands over weights.
  study::WeightStore store();
  /// Tells whether the weights of a trial are in memory, or in a file of this or an earlier run.
  bool has(const study::Trial& trial);
  /// Writes what is not written yet of the trials to be kept, and removes the files of all others.
  void finish(const study::StudyResult& result);

 private:
  void try_to_save(const study::Trial& trial, const engine::State& state);
  void save(const study::Trial& trial, const engine::State& state);
  std::shared_ptr<const engine::State> find(const study::Trial& trial);
  std::shared_ptr<const engine::State> read(std::int64_t number, const Digest& key) const;
  std::filesystem::path path(std::int64_t number) const;

  const Search& search_;
  std::map<std::int64_t, Digest> written_;  ///< trial number -> candidate key
};

}  // namespace lathe::cli
