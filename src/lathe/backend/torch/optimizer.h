#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "lathe/engine/backend.h"
#include "lathe/engine/update_rule.h"

namespace lathe::backend::libtorch {

/// Holds what is trained and applies the update rule: a few operations for all tensors together, in float32.
class Optimizer {
 public:
  /// Adds a tensor; its gradient is made here, zero. `penalised`: l1 and l2 act on it.
  void add(const at::Tensor& values, bool penalised);

  /// Chooses the rule and clears gradients, moments and the count of steps.
  void set(const engine::OptimizerSettings& settings);
  /// Applies one step with `gradients` divided by `scale`, and clears them.
  void apply(double learning_rate, double scale);
  /// Tells whether all gradients are finite. Waits for the device.
  bool gradients_finite() const;
  void clear_gradients();

  const std::vector<at::Tensor>& gradients() const { return gradients_; }
  /// Returns what the rule keeps: moment by moment, in the order of the tensors.
  const std::vector<std::vector<at::Tensor>>& moments() const { return moments_; }
  const engine::UpdateRule& rule() const { return rule_; }
  engine::UpdateRule& rule() { return rule_; }

 private:
  void add_penalties();
  void apply_sgd(const engine::OptimizerStep& step);
  void apply_adam(const engine::OptimizerStep& step);
  void apply_other(const engine::OptimizerStep& step);

  engine::UpdateRule rule_;
  std::vector<at::Tensor> values_, gradients_;
  std::vector<std::vector<at::Tensor>> moments_;  ///< as many as the rule keeps
  std::vector<bool> penalised_;
};

}  // namespace lathe::backend::libtorch
