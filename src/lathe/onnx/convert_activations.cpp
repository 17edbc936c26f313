#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "lathe/base/error.h"
#include "lathe/ir/activation.h"
#include "lathe/onnx/converters.h"
#include "lathe/onnx/numbers.h"

namespace lathe::onnx {
namespace {

/// Reads an op that is one of ours without attributes.
void emit_plain(GraphReader& reader, const OnnxNode& node, const std::string& op) {
  reader.emit(node, op, {}, {reader.data(node, 0)});
}

/// Reads an operator that is one of our activations.
void convert_operator(GraphReader& reader, const OnnxNode& node) {
  for (const ir::Activation& activation : ir::activations()) {
    const ir::OnnxOperator& onnx = activation.text.onnx;
    if (onnx.name == nullptr || node.op != onnx.name) continue;
    std::vector<ir::Attribute> attributes;
    if (onnx.attribute != nullptr)
      attributes.push_back(
          {activation.text.attributes[0].name, shortest(node.number(onnx.attribute, onnx.default_value))});
    return reader.emit(node, activation.name, std::move(attributes), {reader.data(node, 0)});
  }
}

void convert_selu(GraphReader& reader, const OnnxNode& node) {
  constexpr float kAlpha = 1.67326319217681884765625f, kGamma = 1.05070102214813232421875f;
  if (!nearly(node.number("alpha", kAlpha), kAlpha) || !nearly(node.number("gamma", kGamma), kGamma))
    reader.refuse(node, "other constants than those of SELU");
  emit_plain(reader, node, "selu");
}

void convert_hard_sigmoid(GraphReader& reader, const OnnxNode& node) {
  const float alpha = node.number("alpha", 0.2f), beta = node.number("beta", 0.5f);
  if (!nearly(alpha, 1.0 / 6) || !nearly(beta, 0.5))
    reader.refuse(node, fmt::format("alpha = {}, beta = {}; PyTorch's 1/6 and 0.5 are read", alpha, beta));
  emit_plain(reader, node, "hardsigmoid");
}

/// Returns a bound of Clip: an attribute up to opset 10, an input later.
double bound(const GraphReader& reader, const OnnxNode& node, std::size_t input, const std::string& attribute,
             double otherwise) {
  if (const AttributeValue* value = node.find(attribute))
    if (const float* number = std::get_if<float>(value)) return shortest(*number);
  if (node.input(input).empty()) return otherwise;
  const auto value = scalar(reader.need_constant(node, input, "its " + attribute));
  if (!value) throw DataError("its " + attribute + " is no number");
  return shortest(static_cast<float>(*value));
}

/// PyTorch writes functional.relu6 as a Relu and a Clip.
void emit_relu6(GraphReader& reader, const OnnxNode& node) {
  const std::size_t input = reader.data(node, 0);
  const ir::Node& before = reader.graph().nodes[input];
  reader.emit(node, "relu6", {}, {before.op == "relu" ? before.inputs[0] : input});
}

void convert_clip(GraphReader& reader, const OnnxNode& node) {
  constexpr double kNone = std::numeric_limits<double>::infinity();
  const double low = bound(reader, node, 1, "min", -kNone), high = bound(reader, node, 2, "max", kNone);
  const bool behind_relu = reader.graph().nodes[reader.data(node, 0)].op == "relu";
  if ((low == 0 || (behind_relu && low < 0)) && high == 6) return emit_relu6(reader, node);
  if (low == 0 && high > 1e30) return emit_plain(reader, node, "relu");
  if (!std::isfinite(low) || !std::isfinite(high)) reader.refuse(node, "both bounds are needed (hardtanh, relu6)");
  reader.emit(node, "hardtanh", {{"min_val", low}, {"max_val", high}}, {reader.data(node, 0)});
}

void convert_gelu(GraphReader& reader, const OnnxNode& node) {
  reader.emit(node, "gelu", {{"approximate", node.text("approximate", "none")}}, {reader.data(node, 0)});
}

void convert_softmax(GraphReader& reader, const OnnxNode& node) {
  const std::size_t rank = reader.shape(node, 0).size() + 1;
  const bool flattens = reader.opset() < 13;  // before opset 13 everything from the axis on is one dimension
  const std::size_t axis = axis_index(node.integer("axis", flattens ? 1 : -1), rank);
  if (axis + 1 != rank) reader.refuse(node, "softmax over another dimension than the last");
  emit_plain(reader, node, "softmax");
}

}  // namespace

const Converters& activation_converters() {
  static const Converters list = [] {
    Converters converters = {
        {"Selu", convert_selu}, {"HardSigmoid", convert_hard_sigmoid}, {"Clip", convert_clip},
        {"Gelu", convert_gelu}, {"Softmax", convert_softmax},
    };
    for (const ir::Activation& activation : ir::activations())
      if (activation.text.onnx.name != nullptr) converters.emplace(activation.text.onnx.name, convert_operator);
    return converters;
  }();
  return list;
}

}  // namespace lathe::onnx
