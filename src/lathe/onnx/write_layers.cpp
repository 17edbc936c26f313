#include <fmt/format.h>

#include <algorithm>

#include "lathe/onnx/graph_writer.h"

namespace lathe::onnx {
namespace {

/// Pads both ends of every dimension alike.
Shape both_ends(const Shape& padding) {
  Shape pads = padding;
  pads.insert(pads.end(), padding.begin(), padding.end());
  return pads;
}

void write_conv(GraphWriter& writer, const ir::Node& node) {
  const std::string weight = writer.parameter(node, "weight"), bias = writer.parameter(node, "bias");
  writer.finish(node, "Conv", {writer.input(node), weight, bias},
                {{"dilations", node.integers("dilation")},
                 {"group", node.integer("groups")},
                 {"kernel_shape", node.integers("kernel_size")},
                 {"pads", both_ends(node.integers("padding"))},
                 {"strides", node.integers("stride")}});
}

/// Rows are a Gemm; tokens of rows a product with the transposed weight and a sum.
void write_linear(GraphWriter& writer, const ir::Node& node) {
  const std::string weight = writer.parameter(node, "weight"), bias = writer.parameter(node, "bias");
  if (writer.input_shape(node).size() == 1)
    return writer.finish(node, "Gemm", {writer.input(node), weight, bias}, {{"transB", std::int64_t{1}}});
  const std::string transposed = writer.step(node, "transposed", "Transpose", {weight}, {{"perm", Shape{1, 0}}});
  if (bias.empty()) return writer.finish(node, "MatMul", {writer.input(node), transposed});
  writer.finish(node, "Add", {writer.step(node, "product", "MatMul", {writer.input(node), transposed}), bias});
}

void write_batch_norm(GraphWriter& writer, const ir::Node& node) {
  std::vector<std::string> inputs = {writer.input(node)};
  for (const char* name : {"weight", "bias", "running_mean", "running_var"})
    inputs.push_back(writer.parameter(node, name));
  writer.finish(node, "BatchNormalization", std::move(inputs),
                {{"epsilon", static_cast<float>(node.number("eps"))},
                 {"momentum", static_cast<float>(1.0 - node.number("momentum"))}});
}

void write_layer_norm(GraphWriter& writer, const ir::Node& node) {
  writer.need_opset(17);
  const std::string weight = writer.parameter(node, "weight"), bias = writer.parameter(node, "bias");
  writer.finish(node, "LayerNormalization", {writer.input(node), weight, bias},
                {{"axis", std::int64_t{-1}}, {"epsilon", static_cast<float>(node.number("eps"))}});
}

void write_embedding(GraphWriter& writer, const ir::Node& node) {
  std::string tokens = writer.input(node);
  const auto readers = writer.graph().users(node.inputs[0]);
  const bool reads_input = node.inputs[0] == 0 && std::all_of(readers.begin(), readers.end(), [&](std::size_t reader) {
                             return writer.graph().nodes[reader].op == "embedding";
                           });
  if (!reads_input)
    tokens = writer.step(node, "tokens", "Cast", {tokens}, {{"to", static_cast<std::int64_t>(ElementType::kInt64)}});
  writer.finish(node, "Gather", {writer.parameter(node, "weight"), tokens}, {{"axis", std::int64_t{0}}});
}

void write_position_embedding(GraphWriter& writer, const ir::Node& node) {
  std::string rows = writer.parameter(node, "weight");
  const std::int64_t tokens = node.output_shape[0];
  if (tokens != node.integer("positions"))
    rows = writer.step(node, "rows", "Slice",
                       {rows, writer.integers(node, "first", {0}), writer.integers(node, "end", {tokens}),
                        writer.integers(node, "axis", {0})});
  writer.finish(node, "Add", {writer.input(node), rows});
}

Shape stride_of(const ir::Node& node) {
  Shape stride = node.integers("stride");
  for (std::size_t i = 0; i < stride.size(); ++i)
    if (stride[i] == 0) stride[i] = node.integers("kernel_size")[i];
  return stride;
}

std::vector<Attribute> window(const ir::Node& node) {
  return {{"ceil_mode", std::int64_t{node.boolean("ceil_mode") ? 1 : 0}},
          {"kernel_shape", node.integers("kernel_size")},
          {"pads", both_ends(node.integers("padding"))},
          {"strides", stride_of(node)}};
}

void write_max_pool(GraphWriter& writer, const ir::Node& node) {
  writer.finish(node, "MaxPool", {writer.input(node)}, window(node));
}

void write_average_pool(GraphWriter& writer, const ir::Node& node) {
  std::vector<Attribute> attributes = window(node);
  attributes.push_back({"count_include_pad", std::int64_t{node.boolean("count_include_pad") ? 1 : 0}});
  writer.finish(node, "AveragePool", {writer.input(node)}, std::move(attributes));
}

void write_adaptive_pool(GraphWriter& writer, const ir::Node& node) {
  const Shape& size = node.integers("output_size");
  if (std::all_of(size.begin(), size.end(), [](std::int64_t extent) { return extent == 1; }))
    return writer.finish(node, "GlobalAveragePool", {writer.input(node)});
  const Shape& from = writer.input_shape(node);
  Shape kernel;
  for (std::size_t i = 0; i < size.size(); ++i) {
    if (from[i + 1] % size[i] != 0)
      writer.refuse(node, fmt::format("ONNX has no adaptive pooling from {} to {} positions", from[i + 1], size[i]));
    kernel.push_back(from[i + 1] / size[i]);
  }
  writer.finish(node, "AveragePool", {writer.input(node)}, {{"kernel_shape", kernel}, {"strides", kernel}});
}

/// Enlarges by whole factors, with the pixels that PyTorch takes.
void write_upsample(GraphWriter& writer, const ir::Node& node) {
  const Shape& factor = node.integers("scale_factor");
  const bool bilinear = node.string("mode") == "bilinear";
  const std::string scales =
      writer.constant({.name = node.name + "/scales",
                       .shape = {4},
                       .floats = {1, 1, static_cast<float>(factor[0]), static_cast<float>(factor[1])},
                       .integers = {}});
  std::vector<Attribute> attributes = {
      {"coordinate_transformation_mode", std::string(bilinear ? "half_pixel" : "asymmetric")},
      {"mode", std::string(bilinear ? "linear" : "nearest")}};
  if (!bilinear) attributes.push_back({"nearest_mode", std::string("floor")});
  writer.finish(node, "Resize", {writer.input(node), "", scales}, std::move(attributes));
}

}  // namespace

const OpWriters& layer_writers() {
  static const OpWriters list = {
      {"conv1d", write_conv},
      {"conv2d", write_conv},
      {"linear", write_linear},
      {"batch_norm1d", write_batch_norm},
      {"batch_norm2d", write_batch_norm},
      {"layer_norm", write_layer_norm},
      {"embedding", write_embedding},
      {"position_embedding", write_position_embedding},
      {"max_pool1d", write_max_pool},
      {"max_pool2d", write_max_pool},
      {"avg_pool1d", write_average_pool},
      {"avg_pool2d", write_average_pool},
      {"adaptive_avg_pool1d", write_adaptive_pool},
      {"adaptive_avg_pool2d", write_adaptive_pool},
      {"upsample", write_upsample},
  };
  return list;
}

}  // namespace lathe::onnx
