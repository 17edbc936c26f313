#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/base/registry.h"
#include "lathe/ir/graph.h"

namespace lathe::ir {

/// Declares one attribute of an op.
struct AttributeDeclaration {
  std::string name;
  /// Its type is the attribute's type. A list of n integers: the attribute has n, and a single one is repeated; an
  /// empty list: any number of integers.
  AttributeValue default_value;
  bool obligatory = false;
  std::string description;
};

/// Says how channels pass an op. The channel-dependency analysis reads
/// nothing else.
enum class ChannelRule {
  kPreserves,  ///< output channel k depends on input channel k alone: activations, dropout, identity, quantize
  kFollows,    ///< as kPreserves, and `input_width_attribute` (with the parameters) must equal the width: batch norm
  kProduces,   ///< a new width, `output_width_attribute`; `input_width_attribute` follows the producer: linear
  kJoins,      ///< the inputs' channels one after the other: concat
  kBlocks,     ///< reads positions: neither its inputs nor its output may change their width: reshape, permute
  kFixed,      ///< the width may not change: input, output
};

/// Says where the per-sample values that an op reads and writes have their channels.
enum class ChannelAxis {
  kAsInput,  ///< where its (first) input has them: activations, sums
  kFirst,    ///< [channels, height, width]: convolution, pooling, batch norm
  kLast,     ///< [positions, channels]: linear, layer norm, embedding, attention
  kByRank,   ///< the last of two dimensions, else the first: concat, mean
};

/// Counts the work of one node for one sample (batch 1); multiply by the batch size. An addition of two values (op add)
/// is one computation, as in the labs' table, and no MAC: BitOPs count products only, as for activations.
struct OpCost {
  std::int64_t macs = 0;            ///< multiply-accumulates
  std::int64_t flops = 0;           ///< `computations` in the lab's convention (a MAC counts as one)
  std::int64_t backward_flops = 0;  ///< `backward_computations` of the lab's table
  std::int64_t lab_parameters = 0;  ///< `total_parameters` of the lab's table (weights without bias)
};

/// Declares an op: everything that the program knows of it but its kernels (one per back end). One entry in
/// ops/builtin.def per op; nothing else in the program switches on op names.
struct OpDeclaration {
  std::string name;         ///< `linear`, also the key that `by = "type"` uses
  std::string module_type;  ///< PyTorch's class, `Linear`; empty for ops without a module
  std::string function;     ///< PyTorch's function, `operator.add`; empty for modules and for what passes make
  std::string description;
  std::vector<AttributeDeclaration> attributes;
  std::size_t input_count = 1;
  bool reads_more = false;  ///< true: input_count is the least number of inputs (add)
  ChannelRule channel_rule = ChannelRule::kPreserves;
  ChannelAxis channel_axis = ChannelAxis::kAsInput;
  /// Says which rule holds for a node, where its attributes decide (a depthwise convolution follows); empty:
  /// channel_rule.
  std::function<ChannelRule(const Node&)> rule_of;
  /// Gives a node another input width, with all attributes that follow from it (groups of a depthwise convolution);
  /// empty: input_width_attribute alone.
  std::function<void(Node&, std::int64_t width)> follow_input;
  /// Says into how many equal blocks a node divides its channels, those it reads and those it writes: attention heads,
  /// groups of a convolution; empty: one.
  std::function<std::int64_t(const Node&)> channel_blocks;
  /// True where an output channel depends on other input channels though the width is kept: layer norm, softmax,
  /// attention. Copies of channels change what such an op computes.
  bool couples_channels = false;
  std::string input_width_attribute;   ///< "in_features", "num_features"
  std::string output_width_attribute;  ///< "out_features"
  std::string format_attribute;        ///< "format": names the number format of the output (quantise nodes)
  /// True where the quantize pass may act (data_in, and weight and bias where there are such parameters).
  bool quantizable = false;
  /// True for quantisers of data that must be unsigned at this op's input (relu, as MASE has it).
  bool unsigned_data_in = false;
  /// True for ops whose training pass couples the rows of a batch (batch norm): one-row batches are avoided.
  bool couples_batch = false;
  /// Computes the per-sample output shape. Throws UserError with the reason (the caller adds the node's name).
  std::function<Shape(const Node&, std::span<const Shape> inputs)> output_shape;
  /// Lists the parameters, in PyTorch's state-dict order.
  std::function<std::vector<Parameter>(const Node&, std::span<const Shape> inputs)> parameters;
  std::function<OpCost(const Node&, std::span<const Shape> inputs)> cost;
  /// Prints the module as PyTorch does: `Linear(in_features=16, out_features=5, bias=True)`.
  std::function<std::string(const Node&)> module_text;

  /// Tells whether users may name the op as a layer: a module or a function of PyTorch's.
  bool is_layer() const { return !module_type.empty() || !function.empty(); }
  bool accepts(std::size_t inputs) const { return inputs == input_count || (reads_more && inputs > input_count); }
};

/// Returns all declarations, in the order of ops/builtin.def.
const Registry<OpDeclaration>& op_declarations();
/// Finds a declaration by name; null when there is none.
const OpDeclaration* find_op(std::string_view name);
/// Returns the declaration of a node that is known to be valid.
const OpDeclaration& op_of(const Node& node);
/// Returns the per-sample shapes of a node's inputs.
std::vector<Shape> input_shapes(const Graph& graph, const Node& node);

}  // namespace lathe::ir
