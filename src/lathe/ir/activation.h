#pragma once

#include <string>

#include "lathe/base/registry.h"
#include "lathe/ir/activation_text.h"
#include "lathe/ir/formula_steps.h"
#include "lathe/ir/graph.h"

/// Activations as values: what is known of one stands in its file in activations/, and the program walks their list.
namespace lathe::ir {

/// Holds an activation.
struct Activation {
  std::string name;
  ActivationText text;
  /// Computes the value at x, and the gradient from the gradient `dy` of the value and what `reads_output` says.
  double (*value)(const ActivationNumbers&, double x) = nullptr;
  double (*gradient)(const ActivationNumbers&, double at, double dy) = nullptr;
  /// Tells whether the gradient is computed at the output in place of the input.
  bool (*reads_output)(const ActivationNumbers&) = nullptr;
  FormulaSteps (*value_steps)(const ActivationNumbers&) = nullptr;
  FormulaSteps (*gradient_steps)(const ActivationNumbers&) = nullptr;

  /// Returns a node's attributes.
  ActivationNumbers numbers(const Node& node) const;
  ActivationNumbers default_numbers() const;
};

/// Returns all activations, in the order of activations/builtin.def.
const Registry<Activation>& activations();

}  // namespace lathe::ir
