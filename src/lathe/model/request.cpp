#include "lathe/model/request.h"

namespace lathe::model {

ModelRequest request_of(const ir::Graph& graph) {
  const Shape& output = graph.output().output_shape;
  ModelRequest request{.input_shape = graph.input().output_shape, .classes = output.back()};
  if (output.size() > 1) request.positions = output.front();
  for (const ir::Node& node : graph.nodes)
    if (node.op == "embedding") request.vocabulary = node.integer("num_embeddings");
  return request;
}

std::string size_text(const Shape& shape) {
  std::string text;
  for (const std::int64_t extent : shape) text += (text.empty() ? "" : "x") + std::to_string(extent);
  return text;
}

}  // namespace lathe::model
