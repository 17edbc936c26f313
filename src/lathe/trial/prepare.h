#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "lathe/base/hash.h"
#include "lathe/engine/backend.h"
#include "lathe/engine/train.h"
#include "lathe/recipe/study_settings.h"
#include "lathe/space/space.h"
#include "lathe/trial/runner.h"
#include "lathe/trial/starting_weights.h"

namespace lathe::trial {

/// Holds a candidate ready to be evaluated.
struct Prepared {
  space::Candidate candidate;
  std::shared_ptr<const engine::Backend> backend;
  Digest key;
};

/// Makes candidates ready: decodes them, chooses their back ends and computes their keys. Thread safe.
class Preparer {
 public:
  /// All that is given by reference must outlive it.
  Preparer(const recipe::StudySettings& settings, const space::SearchSpace& space, const Runner& runner,
           const StartingWeights& weights, engine::BackendList backends);

  /// Throws UserError (an impossible network) and UnsupportedError.
  Prepared candidate(const space::Assignment& assignment) const;
  /// Returns the base network ready to be trained by the study's own recipe (seed 0) from fresh weights. The study must
  /// train, and have no other weights yet.
  Prepared base() const;

 private:
  std::shared_ptr<const engine::Backend> backend_of(const ir::Graph& graph, const engine::LossSettings& loss) const;
  Digest key_of(const Prepared& prepared, const std::string& runner, const std::string& weights) const;

  const recipe::StudySettings& settings_;
  const space::SearchSpace& space_;
  const Runner& runner_;
  const StartingWeights& weights_;
  engine::BackendList backends_;
  std::string runner_text_;
};

}  // namespace lathe::trial
