#include <cmath>
#include <numbers>

#include "lathe/ir/activation.h"
#include "lathe/onnx/formula_nodes.h"
#include "lathe/onnx/graph_writer.h"

namespace lathe::onnx {
namespace {

/// Writes an activation that ONNX has an operator for.
void write_operator(GraphWriter& writer, const ir::Node& node) {
  const ir::Activation& activation = ir::activations().at(node.op);
  const ir::OnnxOperator& onnx = activation.text.onnx;
  if (onnx.opset != 0) writer.need_opset(onnx.opset);
  std::vector<Attribute> attributes;
  if (onnx.attribute != nullptr)
    attributes.push_back({onnx.attribute, static_cast<float>(activation.numbers(node)[0])});
  writer.finish(node, onnx.name, {writer.input(node)}, std::move(attributes));
}

void write_identity(GraphWriter& writer, const ir::Node& node) {
  writer.finish(node, "Identity", {writer.input(node)});
}

void write_clip(GraphWriter& writer, const ir::Node& node, double low, double high) {
  const std::string from = writer.number(node, "min", static_cast<float>(low));
  writer.finish(node, "Clip", {writer.input(node), from, writer.number(node, "max", static_cast<float>(high))});
}

void write_relu6(GraphWriter& writer, const ir::Node& node) { write_clip(writer, node, 0, 6); }

void write_hardtanh(GraphWriter& writer, const ir::Node& node) {
  write_clip(writer, node, node.number("min_val"), node.number("max_val"));
}

void write_softplus(GraphWriter& writer, const ir::Node& node) {
  if (node.number("beta") != 1) writer.refuse(node, "ONNX has no softplus with beta other than 1");
  writer.finish(node, "Softplus", {writer.input(node)});
}

void write_hardsigmoid(GraphWriter& writer, const ir::Node& node) {
  writer.finish(node, "HardSigmoid", {writer.input(node)}, {{"alpha", 1.0f / 6}, {"beta", 0.5f}});
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
  write_quantiser(writer, node, writer.input(node), node.format("format"));
}

}  // namespace

const OpWriters& activation_writers() {
  static const OpWriters list = [] {
    OpWriters writers = {
        {"identity", write_identity}, {"relu6", write_relu6},     {"hardtanh", write_hardtanh},
        {"softplus", write_softplus}, {"gelu", write_gelu},       {"hardsigmoid", write_hardsigmoid},
        {"softmax", write_softmax},   {"dropout", write_dropout}, {"quantize", write_quantize},
    };
    for (const ir::Activation& activation : ir::activations())
      writers.emplace(activation.name, activation.text.onnx.name != nullptr ? write_operator : write_formula);
    return writers;
  }();
  return list;
}

}  // namespace lathe::onnx
