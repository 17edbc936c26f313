#include "lathe/onnx/import.h"

#include "lathe/base/error.h"
#include "lathe/onnx/build_model.h"
#include "lathe/onnx/document.h"
#include "lathe/onnx/graph_reader.h"
#include "lathe/onnx/own_names.h"
#include "lathe/onnx/ties.h"

namespace lathe::onnx {
namespace {

std::string producer_of(const Document& document) {
  if (document.producer_version.empty()) return document.producer_name;
  return document.producer_name + " " + document.producer_version;
}

}  // namespace

ImportedModel import_onnx(const std::filesystem::path& path) {
  Document document = read_document(path);
  GraphReader reader(document, path.string());
  reader.read();
  ImportedModel model;
  model.producer = producer_of(document);
  model.nodes = document.nodes.size();
  std::vector<Origin> origins;
  model.graph = build_graph(reader, origins);
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
