#include <fmt/format.h>

#include <cmath>

#include "lathe/base/error.h"
#include "lathe/onnx/converters.h"

namespace lathe::onnx {
namespace {

constexpr double kMostBits = 32, kMostFraction = 64;

/// Returns an obligatory number of a quantiser.
double number(const GraphReader& reader, const OnnxNode& node, std::size_t input, const std::string& what) {
  const auto value = scalar(reader.need_constant(node, input, what));
  if (!value) reader.refuse(node, what + " must be one number (one for the whole tensor)");
  return *value;
}

/// Makes the fixed-point format of a scale, which must be a power of two.
quant::Format format_of(const GraphReader& reader, const OnnxNode& node, double scale, double bits, bool is_signed) {
  int exponent = 0;
  const double mantissa = std::frexp(scale, &exponent);
  const int fraction = 1 - exponent;
  if (mantissa != 0.5 || std::abs(fraction) > kMostFraction)
    reader.refuse(node, fmt::format("the scale {} is no power of two; lathe's fixed point needs one", scale));
  if (!(bits >= 1 && bits <= kMostBits) || bits != std::floor(bits))
    reader.refuse(node, fmt::format("a width of {} bits; 1 to 32 are read", bits));
  const quant::GivenOption options[] = {
      {"width", static_cast<std::int64_t>(bits)}, {"frac_width", fraction}, {"signed", is_signed ? 1 : 0}};
  return quant::make_format("integer", options);
}

/// Gives a constant its number format, or puts a quantiser behind a value.
void quantise(GraphReader& reader, const OnnxNode& node, const std::string& input, const quant::Format& format) {
  if (const ConstantPtr master = reader.value(input).constant) {
    Constant quantised = *master;
    quantised.format = format;
    return reader.set_constant(node, std::make_shared<const Constant>(std::move(quantised)));
  }
  OnnxNode read_input = node;
  read_input.inputs = {input};
  reader.emit(node, "quantize", {{"format", format.to_string()}}, {reader.data(read_input, 0)});
}

/// Reads QONNX's Quant: https://github.com/fastmachinelearning/qonnx/blob/main/docs/qonnx-custom-ops/quant_op.md
void convert_quant(GraphReader& reader, const OnnxNode& node) {
  if (node.inputs.size() != 4) throw DataError("Quant reads x, scale, zeropt and bit_width");
  const double scale = number(reader, node, 1, "its scale"), zero = number(reader, node, 2, "its zero point");
  const double bits = number(reader, node, 3, "its bit_width");
  const std::string rounding = node.text("rounding_mode", "ROUND");
  if (zero != 0 || node.integer("narrow", 0) != 0 || rounding != "ROUND")
    reader.refuse(node, fmt::format("zero point {}, narrow = {}, rounding_mode = {}; lathe's fixed point has 0, 0 and "
                                    "ROUND",
                                    zero, node.integer("narrow", 0), rounding));
  const bool is_signed = node.integer("signed", 1) != 0;
  if (bits == 1 && is_signed)
    reader.refuse(node,
                  "1 signed bit, which holds -1 and +1 in QONNX (lathe's integer(width=1, signed=1) holds -1 and 0): "
                  "lathe has no such format");
  quantise(reader, node, node.input(0), format_of(reader, node, scale, bits, is_signed));
}

/// Returns the 8-bit format of QuantizeLinear and DequantizeLinear. Without a zero point the type is that of the
/// integers that are read; `type` of what is quantised is uint8.
quant::Format linear_format(const GraphReader& reader, const OnnxNode& node, ElementType type = ElementType::kUint8) {
  const double scale = number(reader, node, 1, "its scale");
  const ConstantPtr zero = reader.constant(node, 2);
  if (zero != nullptr && scalar(zero) != 0.0) reader.refuse(node, "a zero point other than 0");
  if (zero != nullptr) type = zero->type;
  if (zero == nullptr && node.integer("output_dtype", 0) != 0)
    type = static_cast<ElementType>(node.integer("output_dtype", 0));
  if (type != ElementType::kInt8 && type != ElementType::kUint8)
    reader.refuse(node, "a type other than int8 and uint8");
  return format_of(reader, node, scale, 8, type == ElementType::kInt8);
}

void convert_quantize_linear(GraphReader& reader, const OnnxNode& node) {
  linear_format(reader, node);
  reader.data(node, 0);
  reader.keep_pending(node, reader.shape(node, 0));
}

/// Reads stored integers as the values that they stand for.
void dequantise_constant(GraphReader& reader, const OnnxNode& node, const Constant& stored) {
  if (stored.floating || !stored.times_batch.empty()) throw DataError("its input holds no integers");
  const double scale = number(reader, node, 1, "its scale");
  Constant values = stored;
  values.floating = true;
  values.type = ElementType::kFloat;
  values.integers.clear();
  for (const std::int64_t code : stored.integers)
    values.floats.push_back(static_cast<float>(static_cast<double>(code) * scale));
  values.format = linear_format(reader, node, stored.type);
  if (values.source.empty()) values.source = node.outputs.front();  // computed codes
  reader.set_constant(node, std::make_shared<const Constant>(std::move(values)));
}

void convert_dequantize_linear(GraphReader& reader, const OnnxNode& node) {
  const Value& input = reader.value(node.input(0));
  if (input.constant != nullptr) return dequantise_constant(reader, node, *input.constant);
  const quant::Format format = linear_format(reader, node);
  const OnnxNode* before = input.producer;
  if (before == nullptr || before->op != "QuantizeLinear") reader.refuse(node, "integers that no QuantizeLinear made");
  if (!(linear_format(reader, *before) == format)) reader.refuse(node, "another scale than that of its QuantizeLinear");
  quantise(reader, node, before->input(0), format);
}

}  // namespace

const Converters& quant_converters() {
  static const Converters list = {
      {"Quant", convert_quant},
      {"QuantizeLinear", convert_quantize_linear},
      {"DequantizeLinear", convert_dequantize_linear},
  };
  return list;
}

}  // namespace lathe::onnx
