#include <cmath>
#include <limits>
#include <numeric>

#include "lathe/onnx/graph_writer.h"

namespace lathe::onnx {
namespace {

std::vector<std::string> all_inputs(const GraphWriter& writer, const ir::Node& node) {
  std::vector<std::string> inputs;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) inputs.push_back(writer.input(node, i));
  return inputs;
}

void write_add(GraphWriter& writer, const ir::Node& node) {
  writer.finish(node, node.inputs.size() == 2 ? "Add" : "Sum", all_inputs(writer, node));
}

/// A product of more than two values is one of products.
void write_mul(GraphWriter& writer, const ir::Node& node) {
  std::string product = writer.input(node, 0);
  for (std::size_t i = 1; i + 1 < node.inputs.size(); ++i)
    product = writer.step(node, "product_" + std::to_string(i), "Mul", {product, writer.input(node, i)});
  writer.finish(node, "Mul", {product, writer.input(node, node.inputs.size() - 1)});
}

void write_concat(GraphWriter& writer, const ir::Node& node) {
  const std::int64_t axis = node.output_shape.size() == 2 ? 2 : 1;
  writer.finish(node, "Concat", all_inputs(writer, node), {{"axis", axis}});
}

void write_flatten(GraphWriter& writer, const ir::Node& node) {
  writer.finish(node, "Flatten", {writer.input(node)}, {{"axis", std::int64_t{1}}});
}

/// Returns the constant of a Reshape that keeps the batch.
std::string target(GraphWriter& writer, const ir::Node& node, const std::string& what, Shape sample) {
  sample.insert(sample.begin(), 0);
  return writer.integers(node, what, std::move(sample));
}

void write_reshape(GraphWriter& writer, const ir::Node& node) {
  writer.finish(node, "Reshape", {writer.input(node), target(writer, node, "shape", node.integers("shape"))});
}

void write_permute(GraphWriter& writer, const ir::Node& node) {
  Shape order = {0};
  for (const std::int64_t dimension : node.integers("dims")) order.push_back(dimension + 1);
  writer.finish(node, "Transpose", {writer.input(node)}, {{"perm", order}});
}

void write_mean(GraphWriter& writer, const ir::Node& node) {
  const Shape axes = writer.input_shape(node).size() == 2 ? Shape{1} : Shape{2, 3};
  writer.finish(node, "ReduceMean", {writer.input(node)}, {{"axes", axes}, {"keepdims", std::int64_t{0}}});
}

void write_matmul(GraphWriter& writer, const ir::Node& node) {
  std::string second = writer.input(node, 1);
  if (node.boolean("transpose_b")) {
    Shape order(writer.input_shape(node, 1).size() + 1);
    std::iota(order.begin(), order.end(), 0);
    std::swap(order[order.size() - 1], order[order.size() - 2]);
    second = writer.step(node, "transposed", "Transpose", {second}, {{"perm", order}});
  }
  writer.finish(node, "MatMul", {writer.input(node, 0), second});
}

/// Splits [tokens, features] into heads and orders the dimensions.
std::string split_heads(GraphWriter& writer, const ir::Node& node, std::size_t input, const std::string& what,
                        const Shape& order) {
  const std::int64_t heads = node.integer("num_heads");
  const Shape& shape = node.output_shape;
  const std::string split =
      writer.step(node, what + "_heads", "Reshape",
                  {writer.input(node, input), target(writer, node, "split", {shape[0], heads, shape[1] / heads})});
  return writer.step(node, what, "Transpose", {split}, {{"perm", order}});
}

/// Adds minus infinity to the scores of later tokens.
std::string masked(GraphWriter& writer, const ir::Node& node, const std::string& scores) {
  const std::int64_t tokens = node.output_shape[0];
  Tensor mask{.name = node.name + "/mask", .shape = {tokens, tokens}, .floats = {}, .integers = {}};
  for (std::int64_t row = 0; row < tokens; ++row)
    for (std::int64_t column = 0; column < tokens; ++column)
      mask.floats.push_back(column > row ? -std::numeric_limits<float>::infinity() : 0.0f);
  return writer.step(node, "masked", "Add", {scores, writer.constant(std::move(mask))});
}

void write_attention(GraphWriter& writer, const ir::Node& node) {
  const std::string query = split_heads(writer, node, 0, "query", {0, 2, 1, 3});
  const std::string key = split_heads(writer, node, 1, "key", {0, 2, 3, 1});
  const std::string value = split_heads(writer, node, 2, "value", {0, 2, 1, 3});
  const double width = static_cast<double>(node.output_shape[1] / node.integer("num_heads"));
  const std::string root = writer.number(node, "sqrt_width", static_cast<float>(std::sqrt(width)));
  std::string scores = writer.step(node, "scores", "Div", {writer.step(node, "product", "MatMul", {query, key}), root});
  if (node.boolean("causal")) scores = masked(writer, node, scores);
  const std::string weights = writer.step(node, "softmax", "Softmax", {scores}, {{"axis", std::int64_t{-1}}});
  const std::string mixed = writer.step(node, "mixed", "MatMul", {weights, value});
  const std::string joined = writer.step(node, "joined", "Transpose", {mixed}, {{"perm", Shape{0, 2, 1, 3}}});
  writer.finish(node, "Reshape", {joined, target(writer, node, "join", node.output_shape)});
}

}  // namespace

const OpWriters& shape_writers() {
  static const OpWriters list = {
      {"add", write_add},         {"mul", write_mul},         {"concat", write_concat},
      {"flatten", write_flatten}, {"reshape", write_reshape}, {"permute", write_permute},
      {"mean", write_mean},       {"matmul", write_matmul},   {"attention", write_attention},
  };
  return list;
}

}  // namespace lathe::onnx
