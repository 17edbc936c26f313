#include "lathe/onnx/import.h"

#include "lathe/base/error.h"
#include "lathe/onnx/build_model.h"
#include "lathe/onnx/document.h"
#include "lathe/onnx/graph_reader.h"
#include "lathe/onnx/own_names.h"
#include "lathe/onnx/preprocessing_nodes.h"
#include "lathe/onnx/ties.h"

namespace lathe::onnx {
namespace {

std::string producer_of(const Document& document) {
  if (document.producer_version.empty()) return document.producer_name;
  return document.producer_name + " " + document.producer_version;
}

/// Makes the graph; limits of ours that it does not keep are said of the file.
ir::Graph graph_of(const GraphReader& reader, std::vector<Origin>& origins, const std::string& path) {
  try {
    return build_graph(reader, origins);
  } catch (const UserError& error) {
    throw DataError(path, error.what());
  }
}

}  // namespace

ImportedModel import_onnx(const std::filesystem::path& path) {
  Document document = read_document(path);
  const std::size_t nodes = document.nodes.size();
  std::optional<data::Preprocessing> preprocessing = take_preprocessing(document, path.string());
  GraphReader reader(document, path.string());
  reader.read();
  ImportedModel model;
  model.producer = producer_of(document);
  model.preprocessing = std::move(preprocessing);
  model.nodes = nodes;
  std::vector<Origin> origins;
  model.graph = graph_of(reader, origins, path.string());
  if (model.graph.name.empty() || model.graph.name == "torch_jit" || model.graph.name == "main_graph")
    model.graph.name = path.stem().string();
  if (auto own = own_graph(document, model.graph))
    model.graph = std::move(*own);
  else
    refuse_ties(reader, model.graph, origins);
  model.state = build_state(model.graph, origins);
  restore_counters(document, model.state);
  engine::check_state(model.graph, model.state, path.string());
  return model;
}

}  // namespace lathe::onnx
