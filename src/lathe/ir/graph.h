#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "lathe/base/shape.h"
#include "lathe/ir/operand.h"
#include "lathe/quant/format.h"

namespace lathe::ir {

/// Holds the value of a node's attribute; a Shape is a list of integers (kernel_size). A number format may be given as
/// its text, and is printed as such.
using AttributeValue = std::variant<bool, std::int64_t, double, std::string, Shape, quant::Format>;

struct Attribute {
  std::string name;
  AttributeValue value;
  bool operator==(const Attribute&) const = default;
};

/// Says how a fresh parameter is filled (PyTorch's defaults).
enum class Initializer {
  kUniformFanIn,  ///< uniform in [-1/sqrt(fan_in), 1/sqrt(fan_in)); fan_in is stored beside
  kZeros,
  kOnes,
  kNormal,  ///< normal with mean 0 and variance 1 (embedding)
};

/// Describes one tensor that a node owns. Its name in a state dict is `module_path.name`.
struct Parameter {
  std::string name;       ///< "weight", "bias", "running_mean", ...
  Shape shape;            ///< weight of linear: [out_features, in_features]
  bool trainable = true;  ///< false: a buffer (running statistics)
  bool integral = false;  ///< true: int64 in files (num_batches_tracked)
  Initializer initializer = Initializer::kZeros;
  std::int64_t fan_in = 0;  ///< for kUniformFanIn
  int output_axis = -1;     ///< dimension that counts the node's output channels; -1: none
  /// Dimension that counts the channels that the node reads; -1: none. After a flatten it holds whole planes: the
  /// values of one channel stand together.
  int input_axis = -1;
  std::optional<Operand> operand = std::nullopt;  ///< as what it can be quantised; absent: not at all
  std::optional<quant::Format> format =
      std::nullopt;  ///< quantised in every forward pass; the stored values stay float
  bool operator==(const Parameter&) const = default;

  /// Quantises the parameter. Throws UserError where the format cannot act on its shape.
  void set_format(quant::Format new_format);
};

/// Describes one operation. Nodes are named as torch.fx names them: the module path with dots as underscores.
struct Node {
  std::string name;                   ///< unique, `seq_blocks_2`; the input is `x`, the last node `output`
  std::string module_path;            ///< `seq_blocks.2`; empty for nodes without a module (x, output, quantisers)
  std::string op;                     ///< name of the op's declaration
  std::vector<Attribute> attributes;  ///< complete, in the order of the declaration
  std::vector<std::size_t> inputs;    ///< indices of earlier nodes
  std::vector<Parameter> parameters;  ///< derived by the declaration, formats set by passes
  Shape output_shape;                 ///< of one sample, without the batch: `[features]`

  const AttributeValue& attribute(std::string_view attribute_name) const;
  std::int64_t integer(std::string_view attribute_name) const;
  double number(std::string_view attribute_name) const;
  bool boolean(std::string_view attribute_name) const;
  const std::string& string(std::string_view attribute_name) const;
  const Shape& integers(std::string_view attribute_name) const;
  const quant::Format& format(std::string_view attribute_name) const;
  void set(std::string_view attribute_name, AttributeValue value);
  bool operator==(const Node&) const = default;
};

/// Holds a network: nodes in topological order, the first `input`, the last `output`. Semantics: node k computes its
/// op on the results of its inputs; batch is the leading dimension of every tensor and not stored. A graph is a
/// value: passes make new ones and never change the one they are given.
class Graph {
 public:
  std::string name;  ///< as the user named the model
  std::vector<Node> nodes;

  const Node& input() const { return nodes.front(); }
  const Node& output() const { return nodes.back(); }
  /// Finds a node by name; nullopt when absent.
  std::optional<std::size_t> find(std::string_view node_name) const;
  /// Returns the names of all nodes, in order (for error messages).
  std::vector<std::string> node_names() const;
  /// Returns the indices of the nodes that read node `index`.
  std::vector<std::size_t> users(std::size_t index) const;
  bool operator==(const Graph&) const = default;
};

/// Builds a graph node by node; shapes and parameters are inferred by the op declarations as nodes are added.
class GraphBuilder {
 public:
  /// Starts with node `x` of the given per-sample shape.
  GraphBuilder(std::string model_name, Shape input_shape);
  /// Adds a node behind `inputs` (the last added node when empty). Attributes that are not given take their
  /// defaults; unknown ones, impossible shapes and repeated names throw UserError naming the node. A node without a
  /// module path or a name is called as torch.fx calls functions: `add`, `add_1`.
  /// Returns the index of the new node.
  std::size_t add(std::string op, std::string module_path, std::vector<Attribute> attributes = {},
                  std::vector<std::size_t> inputs = {}, std::string node_name = {});
  /// Returns what has been built so far.
  const Graph& graph() const { return graph_; }
  /// Adds `output` behind the last node, verifies and returns the graph.
  Graph finish() &&;

 private:
  Graph graph_;
};

/// Re-derives output shapes and parameter shapes of every node from the attributes (formats are kept). Throws UserError
/// naming the node whose attributes contradict what feeds it.
void infer(Graph& graph);

/// Checks every promise above: order, names, known ops, complete attributes, inferred shapes, parameters, formats on
/// trainable parameters only. Throws InternalError (a pass broke the graph).
void verify(const Graph& graph);

/// Makes the node name of a module path as torch.fx does (`feature_layers.0` -> `feature_layers_0`).
std::string fx_name(std::string_view module_path);

/// Returns `wanted`, or the first of `wanted_1`, `wanted_2`, ... that no node of the graph is called (torch.fx's rule).
std::string unused_name(const Graph& graph, const std::string& wanted);

/// Prints the canonical text form, one node per line, attributes complete, formats beside the parameters; equal text
/// means equal computation (the model's name is left out when `with_name` is false: candidate keys).
std::string to_text(const Graph& graph, bool with_name = true);
/// Reads the text form back. Throws UserError with the line.
Graph parse_text(std::string_view text);

}  // namespace lathe::ir
