#include <fmt/format.h>

#include <cmath>

#include "lathe/onnx/graph_writer.h"

namespace lathe::onnx {
namespace {

constexpr const char* kQonnxDomain = "qonnx.custom_op.general";

/// Holds what files say of an integer format.
struct Fixed {
  std::int64_t width = 0;
  bool is_signed = true;
  float scale = 1;  ///< 2^-frac_width
  float low() const { return is_signed ? -std::ldexp(1.0f, static_cast<int>(width) - 1) : 0.0f; }
  float high() const { return std::ldexp(1.0f, static_cast<int>(is_signed ? width - 1 : width)) - 1.0f; }
};

Fixed fixed_of(const GraphWriter& writer, const ir::Node& node, const quant::Format& format) {
  if (writer.form() == ExportForm::kFloat)
    writer.refuse(node, fmt::format("has the number format {}: write it as qonnx or qdq", format.to_string()));
  if (format.kind != "integer")
    writer.refuse(node, fmt::format("the number format {} has no form in ONNX files", format.to_string()));
  const Fixed fixed{.width = format.option("width"),
                    .is_signed = format.option("signed") != 0,
                    .scale = std::ldexp(1.0f, -static_cast<int>(format.option("frac_width")))};
  if (writer.form() == ExportForm::kQonnx && fixed.width == 1 && fixed.is_signed)
    writer.refuse(node,
                  fmt::format("the number format {} holds -1 and 0, but QONNX's Quant of 1 signed bit holds -1 and "
                              "+1: lathe has no such format; use signed = 0, 2 bits, or qdq",
                              format.to_string()));
  if (writer.form() == ExportForm::kQdq && fixed.width > 8)
    writer.refuse(node, fmt::format("qdq holds integers of at most 8 bits; the format is {}", format.to_string()));
  return fixed;
}

/// Adds a node as a step, or as the node's result where `name` is empty; returns the name of its value.
std::string place(GraphWriter& writer, const ir::Node& node, const std::string& name, const std::string& op,
                  std::vector<std::string> inputs, std::vector<Attribute> attributes, const std::string& domain) {
  if (!name.empty()) return writer.step(node, name, op, std::move(inputs), std::move(attributes), domain);
  writer.finish(node, op, std::move(inputs), std::move(attributes), domain);
  return node.name;
}

std::string named(const std::string& name, const std::string& what) { return name.empty() ? what : name + "_" + what; }

std::string write_quant(GraphWriter& writer, const ir::Node& node, const std::string& name, const std::string& input,
                        const Fixed& fixed) {
  const std::string scale = writer.number(node, named(name, "scale"), fixed.scale);
  const std::string zero = writer.number(node, named(name, "zeropt"), 0);
  const std::string bits = writer.number(node, named(name, "bit_width"), static_cast<float>(fixed.width));
  return place(writer, node, name, "Quant", {input, scale, zero, bits},
               {{"narrow", std::int64_t{0}},
                {"rounding_mode", std::string("ROUND")},
                {"signed", std::int64_t{fixed.is_signed ? 1 : 0}}},
               kQonnxDomain);
}

/// Returns the zero point, whose type is that of the integers.
std::string zero_point(GraphWriter& writer, const ir::Node& node, const std::string& name, const Fixed& fixed) {
  return writer.constant({.name = node.name + "/" + named(name, "zero_point"),
                          .type = fixed.is_signed ? ElementType::kInt8 : ElementType::kUint8,
                          .shape = {},
                          .floats = {},
                          .integers = {0}});
}

/// QuantizeLinear rounds half to even and saturates at 8 bits; narrower formats are clipped before.
std::string write_qdq(GraphWriter& writer, const ir::Node& node, const std::string& name, const std::string& input,
                      const Fixed& fixed) {
  std::string value = input;
  if (fixed.width < 8) {
    const std::string low = writer.number(node, named(name, "low"), fixed.low() * fixed.scale);
    const std::string high = writer.number(node, named(name, "high"), fixed.high() * fixed.scale);
    value = writer.step(node, named(name, "clipped"), "Clip", {value, low, high});
  }
  const std::string scale = writer.number(node, named(name, "scale"), fixed.scale);
  const std::string zero = zero_point(writer, node, name, fixed);
  const std::string codes = writer.step(node, named(name, "codes"), "QuantizeLinear", {value, scale, zero});
  return place(writer, node, name, "DequantizeLinear", {codes, scale, zero}, {}, "");
}

/// Returns the integers that stand for values.
std::vector<std::int64_t> codes_of(const std::vector<float>& values, const Fixed& fixed) {
  std::vector<std::int64_t> codes;
  for (const float value : values) {
    const float code = std::nearbyint(value / fixed.scale);
    codes.push_back(static_cast<std::int64_t>(std::fmin(std::fmax(code, fixed.low()), fixed.high())));
  }
  return codes;
}

}  // namespace

std::string write_quantiser(GraphWriter& writer, const ir::Node& node, const std::string& name,
                            const std::string& input, const quant::Format& format) {
  const Fixed fixed = fixed_of(writer, node, format);
  return writer.form() == ExportForm::kQonnx ? write_quant(writer, node, name, input, fixed)
                                             : write_qdq(writer, node, name, input, fixed);
}

std::string write_quantised_tensor(GraphWriter& writer, const ir::Node& node, const ir::Parameter& parameter,
                                   const engine::NamedTensor& tensor) {
  const Fixed fixed = fixed_of(writer, node, *parameter.format);
  if (writer.form() == ExportForm::kQonnx) {
    const std::string master =
        writer.constant({.name = tensor.name, .shape = tensor.shape, .floats = tensor.values, .integers = {}});
    return write_quantiser(writer, node, parameter.name, master, *parameter.format);
  }
  const std::string codes = writer.constant({.name = tensor.name,
                                             .type = fixed.is_signed ? ElementType::kInt8 : ElementType::kUint8,
                                             .shape = tensor.shape,
                                             .floats = {},
                                             .integers = codes_of(tensor.values, fixed)});
  const std::string scale = writer.number(node, parameter.name + "_scale", fixed.scale);
  return writer.step(node, parameter.name, "DequantizeLinear",
                     {codes, scale, zero_point(writer, node, parameter.name, fixed)});
}

}  // namespace lathe::onnx
