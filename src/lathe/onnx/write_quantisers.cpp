#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "lathe/onnx/graph_writer.h"
#include "lathe/quant/integer.h"

namespace lathe::onnx {
namespace {

constexpr const char* kQonnxDomain = "qonnx.custom_op.general";

/// Holds what files say of an integer format.
struct Fixed {
  std::int64_t width = 0;
  bool is_signed = true;
  std::vector<float> scales;              ///< one, or one for each index of `axis`
  std::vector<std::int64_t> zero_points;  ///< as many
  std::optional<std::int64_t> axis = {};  ///< of the tensor that is quantised, with the batch
  std::size_t rank = 0;                   ///< of that tensor
  float low() const { return is_signed ? -std::ldexp(1.0f, static_cast<int>(width) - 1) : 0.0f; }
  float high() const { return std::ldexp(1.0f, static_cast<int>(is_signed ? width - 1 : width)) - 1.0f; }
  float zero(std::size_t channel) const { return static_cast<float>(zero_points[channel]); }
};

void check_form(const GraphWriter& writer, const ir::Node& node, const quant::Format& format, const Fixed& fixed) {
  const bool qonnx = writer.form() == ExportForm::kQonnx;
  if (qonnx && fixed.width == 1 && fixed.is_signed)
    writer.refuse(node,
                  fmt::format("the number format {} holds -1 and 0, but QONNX's Quant of 1 signed bit holds -1 and "
                              "+1: lathe has no such format; use signed = 0, 2 bits, or qdq",
                              format.to_string()));
  if (!qonnx && fixed.width > 8)
    writer.refuse(node, fmt::format("qdq holds integers of at most 8 bits; the format is {}", format.to_string()));
  if (!qonnx && fixed.width < 8 && fixed.axis)
    writer.refuse(node,
                  fmt::format("qdq holds scales for channels with 8 bits only; the format is {}", format.to_string()));
  const bool odd =
      std::any_of(fixed.zero_points.begin(), fixed.zero_points.end(), [](std::int64_t zero) { return zero % 2 != 0; });
  if (odd && qonnx != (format.find("rounding") != nullptr))
    writer.refuse(node, fmt::format("{} adds an odd zero point {} rounding; the format is {}", qonnx ? "qonnx" : "qdq",
                                    qonnx ? "before" : "behind", format.to_string()));
}

/// Returns the format of a tensor of `shape`, before which `batch_dimensions` stand.
Fixed fixed_of(const GraphWriter& writer, const ir::Node& node, const quant::Format& format, const Shape& shape,
               std::int64_t batch_dimensions) {
  if (writer.form() == ExportForm::kFloat)
    writer.refuse(node, fmt::format("has the number format {}: write it as qonnx or qdq", format.to_string()));
  if (format.kind != "integer")
    writer.refuse(node, fmt::format("the number format {} has no form in ONNX files", format.to_string()));
  Fixed fixed{.width = format.integer("width"),
              .is_signed = format.integer("signed") != 0,
              .scales = {std::ldexp(1.0f, -static_cast<int>(format.integer("frac_width")))},
              .zero_points = {0},
              .rank = shape.size() + static_cast<std::size_t>(batch_dimensions)};
  if (const quant::OptionValue* scale = format.find("scale")) {
    const auto& scales = std::get<std::vector<double>>(*scale);
    fixed.scales.assign(scales.begin(), scales.end());
  }
  if (const quant::OptionValue* zero = format.find("zero_point")) fixed.zero_points = std::get<Shape>(*zero);
  if (const auto axis = quant::channel_axis(format)) {
    const auto channels = static_cast<std::size_t>(shape.at(static_cast<std::size_t>(*axis)));
    fixed.axis = *axis + batch_dimensions;
    if (fixed.scales.size() == 1) fixed.scales.resize(channels, fixed.scales[0]);
    if (fixed.zero_points.size() == 1) fixed.zero_points.resize(channels, fixed.zero_points[0]);
  }
  check_form(writer, node, format, fixed);
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

/// Writes one number, or one for each channel, broadcast to the tensor (QONNX) or as a list (QDQ).
std::string write_numbers(GraphWriter& writer, const ir::Node& node, const std::string& what, const Fixed& fixed,
                          std::vector<float> numbers) {
  if (numbers.size() == 1) return writer.number(node, what, numbers[0]);
  const auto count = static_cast<std::int64_t>(numbers.size());
  Shape shape = {count};
  if (writer.form() == ExportForm::kQonnx) {
    shape.assign(fixed.rank, 1);
    shape.at(static_cast<std::size_t>(*fixed.axis)) = count;
  }
  return writer.constant(
      {.name = node.name + "/" + what, .shape = std::move(shape), .floats = std::move(numbers), .integers = {}});
}

std::string write_quant(GraphWriter& writer, const ir::Node& node, const std::string& name, const std::string& input,
                        const Fixed& fixed) {
  const std::string scale = write_numbers(writer, node, named(name, "scale"), fixed, fixed.scales);
  const std::string zero =
      write_numbers(writer, node, named(name, "zeropt"), fixed, {fixed.zero_points.begin(), fixed.zero_points.end()});
  const std::string bits = writer.number(node, named(name, "bit_width"), static_cast<float>(fixed.width));
  return place(writer, node, name, "Quant", {input, scale, zero, bits},
               {{"narrow", std::int64_t{0}},
                {"rounding_mode", std::string("ROUND")},
                {"signed", std::int64_t{fixed.is_signed ? 1 : 0}}},
               kQonnxDomain);
}

ElementType type_of(const Fixed& fixed) { return fixed.is_signed ? ElementType::kInt8 : ElementType::kUint8; }

/// Returns the zero point, whose type is that of the integers and whose shape is that of the scale.
std::string zero_point(GraphWriter& writer, const ir::Node& node, const std::string& name, const Fixed& fixed) {
  const std::vector<std::int64_t>& zeros = fixed.zero_points;
  return writer.constant({.name = node.name + "/" + named(name, "zero_point"),
                          .type = type_of(fixed),
                          .shape = zeros.size() == 1 ? Shape{} : Shape{static_cast<std::int64_t>(zeros.size())},
                          .floats = {},
                          .integers = zeros});
}

/// The attributes of QuantizeLinear and DequantizeLinear.
std::vector<Attribute> linear_attributes(const Fixed& fixed) {
  if (!fixed.axis) return {};
  return {{"axis", *fixed.axis}};
}

/// QuantizeLinear rounds half to even and saturates at 8 bits; narrower formats are clipped before.
std::string write_qdq(GraphWriter& writer, const ir::Node& node, const std::string& name, const std::string& input,
                      const Fixed& fixed) {
  std::string value = input;
  if (fixed.width < 8) {
    const std::string low = writer.number(node, named(name, "low"), (fixed.low() - fixed.zero(0)) * fixed.scales[0]);
    const std::string high = writer.number(node, named(name, "high"), (fixed.high() - fixed.zero(0)) * fixed.scales[0]);
    value = writer.step(node, named(name, "clipped"), "Clip", {value, low, high});
  }
  const std::string scale = write_numbers(writer, node, named(name, "scale"), fixed, fixed.scales);
  const std::string zero = zero_point(writer, node, name, fixed);
  const std::string codes =
      writer.step(node, named(name, "codes"), "QuantizeLinear", {value, scale, zero}, linear_attributes(fixed));
  return place(writer, node, name, "DequantizeLinear", {codes, scale, zero}, linear_attributes(fixed), "");
}

/// Returns the integers that stand for a tensor's values.
std::vector<std::int64_t> codes_of(const engine::NamedTensor& tensor, const Fixed& fixed) {
  std::int64_t inner = 1;  // values of one index of the axis that stand together
  if (fixed.axis)
    for (std::size_t i = static_cast<std::size_t>(*fixed.axis) + 1; i < tensor.shape.size(); ++i)
      inner *= tensor.shape[i];
  std::vector<std::int64_t> codes;
  for (std::size_t i = 0; i < tensor.values.size(); ++i) {
    const std::size_t channel = i / static_cast<std::size_t>(inner) % fixed.scales.size();
    const float code = std::nearbyint(tensor.values[i] / fixed.scales[channel]) + fixed.zero(channel);
    codes.push_back(static_cast<std::int64_t>(std::fmin(std::fmax(code, fixed.low()), fixed.high())));
  }
  return codes;
}

}  // namespace

void write_quantiser(GraphWriter& writer, const ir::Node& node, const std::string& input, const quant::Format& format) {
  const Fixed fixed = fixed_of(writer, node, format, node.output_shape, 1);
  if (writer.form() == ExportForm::kQonnx)
    write_quant(writer, node, "", input, fixed);
  else
    write_qdq(writer, node, "", input, fixed);
}

std::string write_quantised_tensor(GraphWriter& writer, const ir::Node& node, const ir::Parameter& parameter,
                                   const engine::NamedTensor& tensor) {
  const Fixed fixed = fixed_of(writer, node, *parameter.format, parameter.shape, 0);
  if (writer.form() == ExportForm::kQonnx) {
    const std::string master =
        writer.constant({.name = tensor.name, .shape = tensor.shape, .floats = tensor.values, .integers = {}});
    return write_quant(writer, node, parameter.name, master, fixed);
  }
  const std::string codes = writer.constant({.name = tensor.name,
                                             .type = type_of(fixed),
                                             .shape = tensor.shape,
                                             .floats = {},
                                             .integers = codes_of(tensor, fixed)});
  const std::string scale = write_numbers(writer, node, parameter.name + "_scale", fixed, fixed.scales);
  return writer.step(node, parameter.name, "DequantizeLinear",
                     {codes, scale, zero_point(writer, node, parameter.name, fixed)}, linear_attributes(fixed));
}

}  // namespace lathe::onnx
