#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lathe/ir/graph.h"
#include "lathe/onnx/constant.h"
#include "lathe/onnx/document.h"

namespace lathe::onnx {

/// Holds what is known of a value of the file: a constant, the result of a node of our graph, or neither yet: the
/// piece of a pattern (x / sqrt(2) of a gelu) that a later node completes.
struct Value {
  ConstantPtr constant = nullptr;
  std::optional<std::size_t> node = std::nullopt;  ///< of the graph that is built
  Shape shape = {};                                ///< of one sample, for what is no constant
  const OnnxNode* producer = nullptr;              ///< what computes it; null for inputs and initializers
  std::string id = {};                             ///< equal for values that are the same tensor

  bool pending() const { return constant == nullptr && !node; }
};

/// Names the weights of an emitted node: parameter and value, in the layout of the graph.
using Weights = std::vector<std::pair<std::string, ConstantPtr>>;

/// Holds what is known of a node of the graph beside the node itself.
struct Origin {
  const OnnxNode* source = nullptr;  ///< the node of the file that completes it; null for the input
  Weights weights = {};
};

/// Builds our graph from the nodes of a file, in order. Nodes without readers (pieces of patterns) stay in it.
class GraphReader {
 public:
  GraphReader(Document& document, std::string path);

  /// Reads all nodes. Throws DataError and UnsupportedError naming path and node.
  void read();

  // What converters ask.
  /// Finds a value by name. Throws DataError.
  const Value& value(const std::string& name) const;
  /// Returns the node that computes a value; null for inputs and constants.
  const OnnxNode* producer(const std::string& name) const { return value(name).producer; }
  /// Returns a constant input; null where the input is left out or no constant.
  ConstantPtr constant(const OnnxNode& node, std::size_t input) const;
  /// As `constant`, but throws where there is none.
  ConstantPtr need_constant(const OnnxNode& node, std::size_t input, const std::string& what) const;
  /// Returns the graph's node that an input reads. Throws UnsupportedError for constants and pieces of patterns.
  std::size_t data(const OnnxNode& node, std::size_t input) const;
  /// Returns the per-sample shape of an input, at least one extent. Throws UnsupportedError for constants.
  const Shape& shape(const OnnxNode& node, std::size_t input) const;
  /// Tells whether two names stand for one tensor.
  bool same(const std::string& a, const std::string& b) const { return value(a).id == value(b).id; }
  /// Returns the batch size that the file was exported with; 0: any.
  std::int64_t fixed_batch() const { return fixed_batch_; }
  std::int64_t opset() const { return opset_; }
  const ir::Graph& graph() const { return graph_; }
  const std::vector<Origin>& origins() const { return origins_; }
  std::size_t result() const;

  // What converters do.
  /// Adds a node to the graph as the first output of `source`. Throws DataError when it is impossible.
  void emit(const OnnxNode& source, const std::string& op, std::vector<ir::Attribute> attributes,
            std::vector<std::size_t> inputs, Weights weights = {});
  /// Makes the first output of `source` the same tensor as `input`.
  void alias(const OnnxNode& source, const std::string& input);
  void set_constant(const OnnxNode& source, ConstantPtr constant);
  /// Keeps the first output of `source` as a piece of a pattern.
  void keep_pending(const OnnxNode& source, Shape shape);
  /// Refuses a node: UnsupportedError with path, op and node.
  [[noreturn]] void refuse(const OnnxNode& node, const std::string& reason) const;

 private:
  void read_input(const ValueInfo& info);
  void read_initializers();
  void read_node(const OnnxNode& node);
  bool fold_node(const OnnxNode& node);
  void read_shape_of_data(const OnnxNode& node);
  void convert(const OnnxNode& node);
  [[noreturn]] void refuse_unknown(const OnnxNode& node) const;
  void refuse_pending_result(const std::string& name) const;
  void define(const std::string& name, Value value);
  /// Counts values that are computed or copied. Throws DataError above 2^26 more than four times those of the file: a
  /// small file must not take much memory.
  void spend(std::size_t values);

  Document& document_;
  std::string path_;
  std::int64_t opset_ = 0, fixed_batch_ = 0;
  std::size_t budget_ = std::size_t{1} << 26;
  std::map<std::string, Value> values_;
  ir::Graph graph_;
  std::vector<Origin> origins_;  ///< [nodes of graph_]
};

}  // namespace lathe::onnx
