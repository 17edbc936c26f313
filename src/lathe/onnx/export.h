#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "lathe/data/preprocessing.h"
#include "lathe/engine/state.h"
#include "lathe/ir/graph.h"

namespace lathe::onnx {

/// Names the forms of an ONNX file.
enum class ExportForm {
  kFloat,  ///< ONNX's own ops in float32
  kQonnx,  ///< the same with QONNX's Quant nodes where the graph has number formats; weights stay the float masters
  kQdq,    ///< the same with QuantizeLinear and DequantizeLinear to int8 and uint8; weights are stored as integers
};

struct ExportOptions {
  ExportForm form = ExportForm::kFloat;
  /// What was done to the rows that the network was trained on; goes into the file's metadata with its names.
  std::optional<data::Preprocessing> preprocessing = {};
  /// With `preprocessing`: the file takes raw rows and gives targets in their units, by nodes in front of the network
  /// and behind it. Else it begins behind the preprocessing.
  bool raw_rows = false;
};

/// Throws UnsupportedError naming the node for ops that lathe writes no ONNX for.
void check_ops(const ir::Graph& graph);

/// Writes a network in evaluation mode as an ONNX file, atomically: opset 13, 14 or 17 as its ops need, input `x`
/// (int64 tokens where an embedding reads it) and output `output`, the batch dimension `batch` open, initializers under
/// their state-dict names. The file carries lathe's version and the graph's text, so that import_onnx gives back graph
/// and state exactly (kQdq: but for the rounding of weights to their formats). Deterministic. Throws UnsupportedError
/// naming the node: a preprocessing of rows of another size; number formats in kFloat; formats that are no integers
/// (kQonnx, kQdq) or have more than 8 bits (kQdq); ops that ONNX has nothing for (adaptive pooling to sizes that do not
/// divide its input, softplus with beta other than 1). Throws DataError where the state is not the graph's,
/// SystemError.
void export_onnx(const ir::Graph& graph, const engine::State& state, const std::filesystem::path& path,
                 const ExportOptions& options = {});

}  // namespace lathe::onnx
