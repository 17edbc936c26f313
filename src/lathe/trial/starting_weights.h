#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lathe/base/hash.h"
#include "lathe/engine/state.h"
#include "lathe/recipe/study_settings.h"
#include "lathe/space/space.h"

namespace lathe::trial {

/// Knows what the candidates of a study begin from: fresh weights, some that were loaded, or those of the trained base
/// network. Thread safe once they are all there.
class StartingWeights {
 public:
  /// `loaded` holds weights that were trained before; null for fresh ones. `settings` and `space` must outlive it.
  StartingWeights(const recipe::StudySettings& settings, const space::SearchSpace& space,
                  std::shared_ptr<const engine::State> loaded);

  /// Tells whether candidates begin from a trained base network that is not there yet.
  bool needs_base() const;
  /// Gives the trained weights of the base network. Before the first candidate is prepared: keys depend on them.
  void start_from(std::shared_ptr<const engine::State> base);
  /// Says what candidates begin from: `fresh seed=0`, the hash of the weights that were loaded, or the policy and that
  /// hash: `net2wider 1f3a...`.
  const std::string& text() const { return text_; }

  /// Tells whether there are none but fresh ones (yet).
  bool all_fresh() const { return !loaded_; }

  /// Returns what seed `repeat` of the candidate `key` begins from.
  engine::State state(const ir::Graph& graph, const Digest& key, std::uint64_t repeat) const;
  /// Names the tensors of the graph that would be evaluated with weights that were never trained; empty when training.
  std::vector<std::string> untrained_tensors(const ir::Graph& graph) const;

 private:
  std::string description() const;

  const recipe::StudySettings& settings_;
  const space::SearchSpace& space_;
  std::shared_ptr<const engine::State> loaded_;
  std::string text_;
};

}  // namespace lathe::trial
