#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lathe/base/registry.h"

/// The update rules: what a step makes of weights and gradients, and the list of those that there are.
namespace lathe::engine {

/// Holds everything about the update but the learning rate, which the schedule gives step by step.
struct OptimizerSettings {
  std::string name = "adam";  ///< of the list
  double weight_decay = 0;
  double momentum = 0;                                ///< of the rules that declare it
  bool nesterov = false;                              ///< of the rules that declare it
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;  ///< adam, adamw
  /// Penalties on weights (see is_penalised), as Keras' kernel_regularizer: l1 * sum |w| + l2 * sum w^2 belongs to what
  /// is minimised, but not to the losses that are reported. `update` adds l1 * sign(w) + 2 * l2 * w to the gradient, w
  /// being the weight before its quantisation. weight_decay differs: it acts on every trainable tensor, without the 2.
  double l1 = 0, l2 = 0;
};

/// Says which step an update is.
struct OptimizerStep {
  double learning_rate = 0;
  std::int64_t number = 1;  ///< from 1
};

/// Tensors keep so many further numbers per weight at most.
inline constexpr std::size_t kMostMoments = 2;

/// Points to a run of weights with what belongs to each. Penalties are already in the gradients.
template <typename T>
struct UpdateSlice {
  T* values = nullptr;
  const T* gradients = nullptr;
  std::array<T*, kMostMoments> moments = {};  ///< in the order of OptimizerDeclaration::moments; null beyond
  std::size_t count = 0;
};

/// Declares an update rule: one file in optimizers/ and one line of the list there. Back ends have kernels of their own
/// for some names and call the functions below for the others.
struct OptimizerDeclaration {
  std::string name;
  std::string description;           ///< a phrase with the source
  std::vector<std::string> options;  ///< training settings that it reads and not every rule does: momentum, nesterov
  /// Finds options that contradict each other. Null: none can.
  std::optional<SettingProblem> (*problem)(const OptimizerSettings&) = nullptr;
  /// Names what is kept per weight from step to step, as the ends of the names in checkpoints: `.exp_avg`.
  std::vector<std::string> (*moments)(const OptimizerSettings&) = nullptr;
  /// Prints the rule with all that it reads, canonically (part of the candidate key).
  std::string (*text)(const OptimizerSettings&) = nullptr;
  void (*update)(const OptimizerSettings&, const OptimizerStep&, const UpdateSlice<double>&) = nullptr;
  void (*update_floats)(const OptimizerSettings&, const OptimizerStep&, const UpdateSlice<float>&) = nullptr;

  // Where values, gradients and moments are all 0, both leave them 0: memory may be padded so.

  /// Tells whether the rule reads a training setting of that name: true for those that no rule declares.
  bool reads(const std::string& setting) const;
};

/// Lists the update rules. `at` refuses unknown names for the key `optimizer`.
const Registry<OptimizerDeclaration>& optimizers();
const OptimizerDeclaration& optimizer_named(const std::string& name);
/// Lists the rules that read a training setting which not every rule reads; empty for all other settings.
std::vector<std::string> optimizers_that_alone_read(const std::string& setting);
/// Checks the options of a rule against each other. nullopt: all is well.
std::optional<SettingProblem> find_problem(const OptimizerSettings& settings);

/// Puts the two forms of a rule into its declaration. `Rule` has a static template `update<T>` of the functions' form.
template <typename Rule>
OptimizerDeclaration with_rule(OptimizerDeclaration declaration) {
  declaration.update = Rule::template update<double>;
  declaration.update_floats = Rule::template update<float>;
  return declaration;
}

}  // namespace lathe::engine
