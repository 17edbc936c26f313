#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "lathe/engine/backend.h"

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
  /// Returns what is kept per tensor under each of `moment_ends`, in the order of the tensors.
  const std::vector<std::vector<at::Tensor>>& moments() const { return moments_; }
  std::vector<std::string> moment_ends() const { return rule_->moments(settings_); }
  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps) { steps_ = steps; }

 private:
  void add_penalties();
  void apply_sgd(double learning_rate);
  void apply_adam(double learning_rate);
  void apply_other(double learning_rate);

  engine::OptimizerSettings settings_;
  const engine::OptimizerDeclaration* rule_ = &engine::optimizer_named(settings_.name);
  std::int64_t steps_ = 0;
  std::vector<at::Tensor> values_, gradients_;
  std::vector<std::vector<at::Tensor>> moments_;  ///< as many as the rule keeps
  std::vector<bool> penalised_;
};

}  // namespace lathe::backend::libtorch
