#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "lathe/ir/graph.h"
#include "lathe/quant/quantizer.h"

/// What the reference kernels work on. All values are double, row-major, [rows, width] with the batch first.
namespace lathe::backend::ref {

/// Holds one parameter or buffer of a node.
struct Tensor {
  const ir::Parameter* parameter = nullptr;
  std::vector<double> values;     ///< what the optimiser changes
  std::vector<double> effective;  ///< what forward and backward passes read: `values`, or their quantised copy
  std::vector<double> gradient;   ///< accumulated; empty for buffers and in evaluation sessions
  std::vector<double> moment1, moment2;
  std::unique_ptr<const quant::Quantizer> quantizer;  ///< null: not quantised
};

/// Holds one node with its tensors and what its forward pass keeps for the backward pass.
struct NodeState {
  const ir::Node* node = nullptr;
  std::size_t index = 0;                              ///< in the graph
  std::size_t in_width = 0, out_width = 0;            ///< in_width: of the first input
  std::vector<Shape> in_shapes;                       ///< of one sample, in the order of the inputs
  std::vector<Tensor> tensors;                        ///< in the order of the node's parameters
  std::unique_ptr<const quant::Quantizer> quantizer;  ///< of a quantise node
  std::vector<double> saved;                          ///< saved_size() values

  const Shape& out_shape() const { return node->output_shape; }
  /// Finds a tensor by name; null when the node has none.
  Tensor* find(std::string_view name);
  /// Finds a tensor by name; throws InternalError when the node has none.
  Tensor& tensor(std::string_view name);
};

/// Says what the pass at hand is.
struct Pass {
  std::size_t rows = 0;
  bool training = false;
  std::uint64_t dropout_seed = 0;
};

/// The values that a node reads, [rows, width] each, in the order of its inputs.
using Inputs = std::span<const std::span<const double>>;
/// The gradients of these values; one place where a value is read twice.
using InputGradients = std::span<const std::span<double>>;

/// Declares the arithmetic of an op. One entry in builtin.cpp each.
struct Kernel {
  const char* op = "";
  /// Computes `output` [rows, out_width].
  void (*forward)(NodeState&, const Pass&, Inputs, std::span<double> output) = nullptr;
  /// Adds the gradient of the loss to `input_gradients` and to the tensors' gradients, after a forward pass in training
  /// mode with the same inputs and output.
  void (*backward)(NodeState&, const Pass&, Inputs, std::span<const double> output,
                   std::span<const double> output_gradient, InputGradients input_gradients) = nullptr;
  /// Returns how many values a training pass keeps; null: none.
  std::size_t (*saved_size)(const ir::Node&, std::size_t rows) = nullptr;
};

/// Finds the kernel of an op; null when there is none.
const Kernel* find_kernel(std::string_view op);

Kernel linear_kernel();
Kernel convolution_kernel(const char* op);
Kernel batch_norm_kernel(const char* op);
Kernel layer_norm_kernel();
Kernel max_pool_kernel(const char* op);
Kernel average_pool_kernel(const char* op);
Kernel adaptive_average_pool_kernel(const char* op);
Kernel upsample_kernel();
Kernel mean_kernel();
Kernel multiply_kernel();
Kernel concat_kernel();
Kernel permute_kernel();
Kernel matmul_kernel();
Kernel softmax_kernel();
Kernel attention_kernel();
Kernel embedding_kernel();
Kernel position_embedding_kernel();
/// Works value by value, for every op of ir::activations().
const Kernel& activation_kernel();
Kernel dropout_kernel();
Kernel add_kernel();
Kernel quantize_kernel();
/// Makes the kernel of an op that hands its values on unchanged.
Kernel pass_through_kernel(const char* op);

}  // namespace lathe::backend::ref
