#pragma once

#include <ATen/ATen.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "lathe/backend/torch/number_format.h"
#include "lathe/ir/graph.h"

/// What the ops are computed with: tensors of libtorch, the batch first, channels second in images and sequences.
namespace lathe::backend::libtorch {

/// Holds one parameter or buffer of a node.
struct Tensor {
  const ir::Parameter* parameter = nullptr;
  /// Float32 on the device (4-dimensional weights channels-last); counters of batches stay in the machine's memory.
  at::Tensor values;
  std::shared_ptr<const NumberFormat> format;  ///< null: not quantised
};

/// Holds one node.
struct NodeState {
  const ir::Node* node = nullptr;
  std::size_t index = 0;                       ///< in the graph
  std::size_t last_reader = 0;                 ///< the last node that reads its value
  std::vector<Tensor> tensors;                 ///< in the order of the node's parameters
  std::shared_ptr<const NumberFormat> format;  ///< of a quantise node

  /// Finds a tensor by name; null when the node has none.
  const Tensor* find(std::string_view name) const;
};

/// Says what a kernel computes: one node for one batch.
struct Call {
  const NodeState& state;
  std::span<const at::Tensor> inputs;
  bool training = false;
  at::ScalarType precision = at::kFloat;  ///< of the operands of products
  const at::Tensor& mask;                 ///< dropout in training: bytes, 1 where a value is kept

  const ir::Node& node() const { return *state.node; }
  const at::Tensor& input() const { return inputs[0]; }
  /// Returns a parameter as forward and backward passes read it: quantised where it has a format. Undefined when the
  /// node has none of that name.
  at::Tensor parameter(std::string_view name) const;
  /// Returns a parameter as an operand of a product.
  at::Tensor operand(std::string_view name) const;
  /// Returns an input as an operand of a product.
  at::Tensor operand(std::size_t input) const { return inputs[input].to(precision); }
};

/// Computes the value of a node; the gradient is libtorch's own.
using Kernel = at::Tensor (*)(const Call&);

/// Computes an activation from its formula, value and gradient: the kernel of those that have no other.
at::Tensor formula_of_activation(const Call& call);

/// Finds the kernel of an op; null when there is none.
Kernel find_kernel(std::string_view op);

}  // namespace lathe::backend::libtorch
