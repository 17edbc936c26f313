#pragma once

#include <map>
#include <string>
#include <vector>

#include "lathe/engine/state.h"
#include "lathe/ir/graph.h"
#include "lathe/onnx/document.h"
#include "lathe/onnx/export.h"
#include "lathe/onnx/names.h"
#include "lathe/quant/format.h"

namespace lathe::onnx {

/// Writes the nodes of a graph into a document. The result of node `n` is the value `n`; what a node needs beside it
/// (constants, steps between) is called `n/...`. Nodes are named as PyTorch names them: `/features.0/Conv`, and
/// `/act_1/Relu` where the module `act` is called again. No two nodes and no two values share a name.
class GraphWriter {
 public:
  GraphWriter(Document& document, const ir::Graph& graph, const engine::State& state, ExportForm form);

  /// Writes all nodes. Throws UnsupportedError naming the node.
  void write();

  // What the writers of ops use.
  const ir::Graph& graph() const { return graph_; }
  ExportForm form() const { return form_; }
  /// Returns the name of the value that a node reads.
  const std::string& input(const ir::Node& node, std::size_t index = 0) const;
  const Shape& input_shape(const ir::Node& node, std::size_t index = 0) const;
  /// Returns the name of a parameter's value, quantised where it has a format; empty when the node has none of it.
  std::string parameter(const ir::Node& node, const std::string& name);
  /// Adds a node of ONNX that computes the result of `node`.
  void finish(const ir::Node& node, const std::string& op, std::vector<std::string> inputs,
              std::vector<Attribute> attributes = {}, const std::string& domain = "");
  /// Adds a node of ONNX for a step of `node`, whose result is the value `node/step`; returns that name.
  std::string step(const ir::Node& node, const std::string& step_name, const std::string& op,
                   std::vector<std::string> inputs, std::vector<Attribute> attributes = {},
                   const std::string& domain = "");
  /// Adds a constant of a node; returns its name `node/what`.
  std::string number(const ir::Node& node, const std::string& what, float value);
  std::string integers(const ir::Node& node, const std::string& what, std::vector<std::int64_t> values);
  std::string constant(Tensor tensor);
  /// Raises the version of ONNX's ops that the file needs.
  void need_opset(std::int64_t version);
  [[noreturn]] void refuse(const ir::Node& node, const std::string& reason) const;

 private:
  void write_input();
  void write_output();
  /// Returns the state-dict tensor of a parameter.
  const engine::NamedTensor& tensor(const ir::Node& node, const std::string& name) const;
  std::string result_name(const ir::Node& node) const;
  void choose_scopes();
  /// Adds a node of ONNX that computes `value` under the name `/scope/name`.
  void add_node(const ir::Node& node, const std::string& name, const std::string& op, std::vector<std::string> inputs,
                std::string value, std::vector<Attribute> attributes, const std::string& domain);

  Document& document_;
  const ir::Graph& graph_;
  ExportForm form_;
  std::map<std::pair<const ir::Node*, std::string>, const engine::NamedTensor*> tensors_;
  std::map<const ir::Node*, std::string> scopes_;  ///< `/features.0`, where a node's ONNX nodes are named
  UniqueNames node_names_, value_names_;
};

using OpWriter = void (*)(GraphWriter&, const ir::Node&);
using OpWriters = std::map<std::string, OpWriter>;

const OpWriters& layer_writers();       ///< convolution, linear, norms, pooling, embedding
const OpWriters& activation_writers();  ///< one value to one value
const OpWriters& shape_writers();       ///< sums, products, reshaping, attention

/// Writes the quantiser of values `input` as the result of a node. Throws UnsupportedError for formats that the form
/// cannot hold.
void write_quantiser(GraphWriter& writer, const ir::Node& node, const std::string& input, const quant::Format& format);
/// Writes a stored tensor, quantised; returns the name of its value.
std::string write_quantised_tensor(GraphWriter& writer, const ir::Node& node, const ir::Parameter& parameter,
                                   const engine::NamedTensor& tensor);

}  // namespace lathe::onnx
