#include "onnx/op_graphs.h"

#include "lathe/ir/activation.h"
#include "lathe/onnx/document.h"

namespace lathe::onnx::testing {
namespace {

Model with_weights(ir::GraphBuilder builder) {
  ir::Graph graph = std::move(builder).finish();
  engine::State state = filled_state(graph, 3);
  return {std::move(graph), std::move(state)};
}

Model activations() {
  ir::GraphBuilder builder("activations", {6});
  builder.add("linear", "first", {{"in_features", std::int64_t{6}}, {"out_features", std::int64_t{6}}});
  for (const ir::Activation& activation : ir::activations()) builder.add(activation.name, activation.name);
  for (const char* op : {"identity", "dropout", "softmax"}) builder.add(op, op);
  builder.add("gelu", "tanh_gelu", {{"approximate", std::string("tanh")}});
  builder.add("hardtanh", "odd_bounds", {{"min_val", -0.123456789}, {"max_val", 1.5}});
  builder.add("dropout", "rarely", {{"p", 0.05}});
  return with_weights(std::move(builder));
}

Model images() {
  const std::int64_t four = 4, two = 2;
  ir::GraphBuilder builder("images", {2, 8, 8});
  builder.add("conv2d", "conv",
              {{"in_channels", two}, {"out_channels", four}, {"kernel_size", Shape{3, 5}}, {"padding", Shape{1, 2}}});
  const std::size_t norm =
      builder.add("batch_norm2d", "norm", {{"num_features", four}, {"eps", 1e-3}, {"momentum", 0.9}});
  const std::size_t depthwise = builder.add("conv2d", "depthwise",
                                            {{"in_channels", four},
                                             {"out_channels", four},
                                             {"kernel_size", Shape{3, 3}},
                                             {"padding", Shape{2, 2}},
                                             {"dilation", Shape{2, 2}},
                                             {"groups", four},
                                             {"bias", false}});
  const std::size_t product = builder.add("mul", "", {}, {norm, depthwise});
  const std::size_t sum = builder.add("add", "", {}, {norm, depthwise, product});
  builder.add("concat", "", {}, {sum, product});
  builder.add("max_pool2d", "biggest", {{"kernel_size", Shape{3, 3}}, {"stride", two}, {"padding", std::int64_t{1}}});
  builder.add("upsample", "larger", {{"scale_factor", two}});
  builder.add("upsample", "smooth", {{"scale_factor", Shape{2, 3}}, {"mode", std::string("bilinear")}});
  builder.add("avg_pool2d", "mean_of_two", {{"kernel_size", two}});
  builder.add("avg_pool2d", "padded",
              {{"kernel_size", std::int64_t{3}}, {"stride", two}, {"padding", std::int64_t{1}}});
  const std::size_t last = builder.add("adaptive_avg_pool2d", "quarters", {{"output_size", Shape{2, 2}}});
  builder.add("adaptive_avg_pool2d", "all", {{"output_size", std::int64_t{1}}}, {last});
  builder.add("flatten", "");
  const std::size_t first = builder.graph().nodes.size() - 1;
  const std::size_t second = builder.add("mean", "", {}, {last});
  builder.add("add", "", {}, {first, second});
  return with_weights(std::move(builder));
}

Model signals() {
  const std::int64_t four = 4, two = 2;
  ir::GraphBuilder builder("signals", {2, 12});
  builder.add("conv1d", "conv",
              {{"in_channels", two},
               {"out_channels", four},
               {"kernel_size", std::int64_t{3}},
               {"stride", two},
               {"padding", std::int64_t{1}}});
  builder.add("batch_norm1d", "norm", {{"num_features", four}});
  builder.add("max_pool1d", "biggest", {{"kernel_size", two}, {"stride", std::int64_t{1}}});
  builder.add("avg_pool1d", "mean_of_two", {{"kernel_size", two}});
  builder.add("permute", "", {{"dims", Shape{1, 0}}});
  builder.add("reshape", "", {{"shape", Shape{4, 2}}});
  builder.add("permute", "", {{"dims", Shape{1, 0}}});
  builder.add("permute", "", {{"dims", Shape{1, 0}}});
  builder.add("adaptive_avg_pool1d", "all", {{"output_size", std::int64_t{1}}});
  builder.add("flatten", "");
  return with_weights(std::move(builder));
}

Model texts() {
  const std::int64_t eight = 8;
  ir::GraphBuilder builder("texts", {5});
  builder.add("embedding", "embedding", {{"num_embeddings", std::int64_t{11}}, {"embedding_dim", eight}});
  const std::size_t x =
      builder.add("position_embedding", "positions", {{"positions", std::int64_t{9}}, {"features", eight}});
  const std::size_t norm = builder.add("layer_norm", "norm", {{"normalized_shape", eight}});
  const std::size_t query = builder.add("linear", "query", {{"in_features", eight}, {"out_features", eight}}, {norm});
  const std::size_t key =
      builder.add("linear", "key", {{"in_features", eight}, {"out_features", eight}, {"bias", false}}, {norm});
  const std::size_t heads =
      builder.add("attention", "heads", {{"num_heads", std::int64_t{2}}, {"causal", true}}, {query, key, norm});
  builder.add("attention", "one_head", {{"num_heads", std::int64_t{1}}}, {heads, x, norm});
  const std::size_t last = builder.graph().nodes.size() - 1;
  const std::size_t scores = builder.add("matmul", "", {{"transpose_b", true}}, {last, x});
  builder.add("matmul", "", {}, {scores, last});
  builder.add("mean", "");
  return with_weights(std::move(builder));
}

}  // namespace

std::vector<Model> op_models() { return {activations(), images(), signals(), texts()}; }

void forget_our_names(const std::filesystem::path& file) {
  Document document = read_document(file);
  document.metadata.clear();
  write_document(file, document);
}

}  // namespace lathe::onnx::testing
