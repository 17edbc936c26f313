#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "lathe/data/preprocessing.h"
#include "lathe/engine/state.h"
#include "lathe/ir/graph.h"

namespace lathe::onnx {

/// Holds a network that was read from an ONNX file.
struct ImportedModel {
  ir::Graph graph;
  engine::State state;   ///< in graph order, checked against the graph
  std::string producer;  ///< `pytorch 1.13.1`, as the file says; may be empty
  /// What a file of export_onnx says was done to the rows before this network sees them; nodes that do it are not part
  /// of `graph`.
  std::optional<data::Preprocessing> preprocessing = {};
  std::size_t nodes = 0;  ///< nodes of the file; activations and attention are several of them in one of ours
};

/// Reads a network and its weights from an ONNX file, as PyTorch's torch.onnx.export writes them (opsets 9 to 17), as
/// QONNX writes quantised ones, and as export_onnx writes both; docs/onnx.md lists the ops. The first dimension of the
/// input is the batch; all others must be fixed. Nodes are named by the module paths that PyTorch leaves in the
/// names of initializers and nodes, so that state-dict names survive; a file of export_onnx gives back the graph text
/// that was exported. Deterministic. Throws DataError for what is no valid ONNX model (named: node and reason), and
/// UnsupportedError naming op and node for what lathe has no op for; of nodes that share a parameter, both.
ImportedModel import_onnx(const std::filesystem::path& path);

}  // namespace lathe::onnx
