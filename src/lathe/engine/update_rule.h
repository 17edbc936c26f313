#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lathe/engine/optimizer.h"
#include "lathe/engine/state.h"

namespace lathe::engine {

/// Says which numbers of a session's update rule are meant.
struct MomentPlace {
  std::size_t moment = 0;   ///< place of its end in OptimizerDeclaration::moments
  std::size_t tensor = 0;   ///< place of its tensor in state_layout
  std::size_t trained = 0;  ///< the same among the trainable tensors alone
};

/// Holds what every session keeps of its update rule but the moments themselves: the rule, its settings, the count of
/// steps, and how moments stand in checkpoints (Session::optimizer_state).
class UpdateRule {
 public:
  /// Chooses the rule and begins to count. Throws UserError for an unknown name.
  void set(const OptimizerSettings& settings);

  const OptimizerSettings& settings() const { return settings_; }
  const OptimizerDeclaration& declaration() const { return *declaration_; }
  /// Returns how many numbers are kept per weight.
  std::size_t moments() const { return declaration_->moments(settings_).size(); }

  std::int64_t steps() const { return step_.number; }
  /// Counts a step and returns it.
  const OptimizerStep& next(double learning_rate);

  /// Returns the state of a session whose tensors are those of `layout` (state_layout); `read` copies one tensor's
  /// moments into the vector, which has its size.
  State save(const State& layout, const std::function<void(const MomentPlace&, std::vector<float>&)>& read) const;
  /// Takes it back: `write` stores one tensor's moments. Throws DataError, before anything is written, where a tensor
  /// is missing or of another size.
  void load(const State& state, const State& layout,
            const std::function<void(const MomentPlace&, const std::vector<float>&)>& write);

 private:
  OptimizerSettings settings_;
  const OptimizerDeclaration* declaration_ = &optimizer_named(settings_.name);
  OptimizerStep step_{.number = 0};
};

}  // namespace lathe::engine
