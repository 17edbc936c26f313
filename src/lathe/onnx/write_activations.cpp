#include <cmath>
#include <numbers>

#include "lathe/onnx/graph_writer.h"

namespace lathe::onnx {
namespace {

/// Writes an op that ONNX has under another name.
template <const char* kOp>
void write_plain(GraphWriter& writer, const ir::Node& node) {
  writer.finish(node, kOp, {writer.input(node)});
}

constexpr char kRelu[] = "Relu", kSigmoid[] = "Sigmoid", kTanh[] = "Tanh", kSelu[] = "Selu", kIdentity[] = "Identity";

void write_clip(GraphWriter& writer, const ir::Node& node, double low, double high) {
  const std::string from = writer.number(node, "min", static_cast<float>(low));
  writer.finish(node, "Clip", {writer.input(node), from, writer.number(node, "max", static_cast<float>(high))});
}

void write_relu6(GraphWriter& writer, const ir::Node& node) { write_clip(writer, node, 0, 6); }

void write_hardtanh(GraphWriter& writer, const ir::Node& node) {
  write_clip(writer, node, node.number("min_val"), node.number("max_val"));
}

void write_leaky_relu(GraphWriter& writer, const ir::Node& node) {
  writer.finish(node, "LeakyRelu", {writer.input(node)},
                {{"alpha", static_cast<float>(node.number("negative_slope"))}});
}

void write_elu(GraphWriter& writer, const ir::Node& node) {
  writer.finish(node, "Elu", {writer.input(node)}, {{"alpha", static_cast<float>(node.number("alpha"))}});
}

void write_softplus(GraphWriter& writer, const ir::Node& node) {
  if (node.number("beta") != 1) writer.refuse(node, "ONNX has no softplus with beta other than 1");
  writer.finish(node, "Softplus", {writer.input(node)});
}

void write_hardsigmoid(GraphWriter& writer, const ir::Node& node) {
  writer.finish(node, "HardSigmoid", {writer.input(node)}, {{"alpha", 1.0f / 6}, {"beta", 0.5f}});
}

void write_hardswish(GraphWriter& writer, const ir::Node& node) {
  writer.need_opset(14);
  writer.finish(node, "HardSwish", {writer.input(node)});
}

void write_silu(GraphWriter& writer, const ir::Node& node) {
  writer.finish(node, "Mul", {writer.input(node), writer.step(node, "sigmoid", "Sigmoid", {writer.input(node)})});
}

/// Returns x + 0.044715 x^3, times sqrt(2 / pi).
std::string tanh_argument(GraphWriter& writer, const ir::Node& node) {
  const std::string& x = writer.input(node);
  const std::string cube = writer.step(node, "cube", "Pow", {x, writer.number(node, "three", 3)});
  const std::string part = writer.step(node, "part", "Mul", {cube, writer.number(node, "weight_of_cube", 0.044715f)});
  const std::string sum = writer.step(node, "polynomial", "Add", {x, part});
  const float factor = static_cast<float>(std::sqrt(2 / std::numbers::pi));
  return writer.step(node, "argument", "Mul", {sum, writer.number(node, "factor", factor)});
}

/// As PyTorch writes it: x (1 + erf(x / sqrt(2))) / 2; ONNX has an op from version 20 on.
void write_gelu(GraphWriter& writer, const ir::Node& node) {
  const std::string& x = writer.input(node);
  std::string curve;
  if (node.string("approximate") == "tanh") {
    curve = writer.step(node, "tanh", "Tanh", {tanh_argument(writer, node)});
  } else {
    const std::string root = writer.number(node, "sqrt_two", std::numbers::sqrt2_v<float>);
    curve = writer.step(node, "erf", "Erf", {writer.step(node, "argument", "Div", {x, root})});
  }
  const std::string shifted = writer.step(node, "shifted", "Add", {curve, writer.number(node, "one", 1)});
  const std::string product = writer.step(node, "product", "Mul", {x, shifted});
  writer.finish(node, "Mul", {product, writer.number(node, "half", 0.5f)});
}

void write_softmax(GraphWriter& writer, const ir::Node& node) {
  writer.finish(node, "Softmax", {writer.input(node)}, {{"axis", std::int64_t{-1}}});
}

void write_dropout(GraphWriter& writer, const ir::Node& node) {
  writer.finish(node, "Dropout",
                {writer.input(node), writer.number(node, "ratio", static_cast<float>(node.number("p")))});
}

void write_quantize(GraphWriter& writer, const ir::Node& node) {
  write_quantiser(writer, node, "", writer.input(node), quant::parse_format(node.string("format")));
}

}  // namespace

const OpWriters& activation_writers() {
  static const OpWriters list = {
      {"relu", write_plain<kRelu>},
      {"sigmoid", write_plain<kSigmoid>},
      {"tanh", write_plain<kTanh>},
      {"selu", write_plain<kSelu>},
      {"identity", write_plain<kIdentity>},
      {"relu6", write_relu6},
      {"hardtanh", write_hardtanh},
      {"leaky_relu", write_leaky_relu},
      {"elu", write_elu},
      {"softplus", write_softplus},
      {"hardsigmoid", write_hardsigmoid},
      {"hardswish", write_hardswish},
      {"silu", write_silu},
      {"gelu", write_gelu},
      {"softmax", write_softmax},
      {"dropout", write_dropout},
      {"quantize", write_quantize},
  };
  return list;
}

}  // namespace lathe::onnx
