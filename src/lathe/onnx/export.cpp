#include "lathe/onnx/export.h"

#include "lathe/onnx/document.h"
#include "lathe/onnx/graph_writer.h"
#include "lathe/onnx/own_names.h"
#include "lathe/onnx/preprocessing_nodes.h"

namespace lathe::onnx {
namespace {

constexpr std::int64_t kIrVersion = 8;  ///< of ONNX 1.10 to 1.12, which have opsets 15 to 17

bool writes_quant(const Document& document) {
  for (const OnnxNode& node : document.nodes)
    if (!node.domain.empty()) return true;
  return false;
}

}  // namespace

void export_onnx(const ir::Graph& graph, const engine::State& state, const std::filesystem::path& path,
                 const ExportOptions& options) {
  check_ops(graph);
  engine::check_state(graph, state, graph.name);
  Document document;
  document.ir_version = kIrVersion;
  document.producer_name = "lathe";
  document.producer_version = LATHE_VERSION;
  document.graph_name = graph.name.empty() ? "network" : graph.name;
  document.metadata[kVersionKey] = LATHE_VERSION;
  GraphWriter(document, graph, state, options.form).write();
  if (writes_quant(document)) document.opsets["qonnx.custom_op.general"] = 1;
  store_own(document, graph, state);
  if (options.preprocessing) {
    if (options.raw_rows) add_preprocessing_nodes(document, *options.preprocessing);
    describe_preprocessing(document, *options.preprocessing, options.raw_rows);
  }
  write_document(path, document);
}

}  // namespace lathe::onnx
