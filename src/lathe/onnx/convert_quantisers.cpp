#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "lathe/base/error.h"
#include "lathe/onnx/converters.h"

namespace lathe::onnx {
namespace {

constexpr double kMostBits = 32, kMostFraction = 64, kMostCode = 4294967296.0;

/// Holds what a file says of a fixed-point format.
struct Fixed {
  std::vector<double> scales;                       ///< one, or one for each index of `axis`
  std::vector<double> zero_points;                  ///< the same
  std::optional<std::int64_t> axis = std::nullopt;  ///< of the tensor as it is stored or computed, with the batch
  double bits = 8;
  bool is_signed = true;
  bool codes_are_rounded = false;  ///< the zero point is added before rounding (Quant), not behind (QuantizeLinear)
};

/// Returns the numbers of a scale or zero point.
std::vector<double> numbers(const GraphReader& reader, const OnnxNode& node, const Constant& constant,
                            const std::string& what) {
  if (constant.size() == 0) reader.refuse(node, what + " has no number");
  for (std::size_t i = 0; i < constant.size(); ++i)
    if (constant.depends_on_batch(i)) reader.refuse(node, what + " depends on the batch size");
  if (constant.floating) return {constant.floats.begin(), constant.floats.end()};
  return {constant.integers.begin(), constant.integers.end()};
}

/// Returns an obligatory number of a quantiser.
double number(const GraphReader& reader, const OnnxNode& node, std::size_t input, const std::string& what) {
  const auto value = scalar(reader.need_constant(node, input, what));
  if (!value) reader.refuse(node, what + " must be one number (one for the whole tensor)");
  return *value;
}

/// Returns the options of a format.
std::vector<quant::GivenOption> options_of(const GraphReader& reader, const OnnxNode& node, const Fixed& fixed) {
  if (!(fixed.bits >= 1 && fixed.bits <= kMostBits) || fixed.bits != std::floor(fixed.bits))
    reader.refuse(node, fmt::format("a width of {} bits; 1 to 32 are read", fixed.bits));
  return {{"width", static_cast<std::int64_t>(fixed.bits)}, {"signed", fixed.is_signed ? 1 : 0}};
}

/// Returns the bits behind the binary point where one power of two is the step of all values and 0 the code of 0.
std::optional<int> binary_point(const Fixed& fixed) {
  if (fixed.scales.size() != 1 || fixed.zero_points != std::vector<double>{0}) return std::nullopt;
  int exponent = 0;
  const double mantissa = std::frexp(fixed.scales[0], &exponent);
  if (mantissa != 0.5 || std::abs(1 - exponent) > kMostFraction) return std::nullopt;
  return 1 - exponent;
}

bool is_odd(double number) { return std::fmod(number, 2) != 0; }

/// Makes the fixed-point format; `batch_dimensions` of its axis are the batch.
quant::Format format_of(const GraphReader& reader, const OnnxNode& node, Fixed fixed, std::int64_t batch_dimensions) {
  if (std::all_of(fixed.zero_points.begin(), fixed.zero_points.end(), [](double zero) { return zero == 0; }))
    fixed.zero_points = {0};
  std::vector<quant::GivenOption> options = options_of(reader, node, fixed);
  if (const auto fraction = binary_point(fixed)) {
    options.push_back({"frac_width", *fraction});
    return quant::make_format("integer", options);
  }
  options.push_back({"scale", fixed.scales});
  Shape zero_points;
  for (const double zero : fixed.zero_points) {
    if (zero != std::floor(zero) || std::fabs(zero) > kMostCode)
      reader.refuse(node, fmt::format("the zero point {}, which is no integer of at most 32 bits", zero));
    zero_points.push_back(static_cast<std::int64_t>(zero));
  }
  if (fixed.zero_points != std::vector<double>{0}) options.push_back({"zero_point", zero_points});
  if (fixed.codes_are_rounded && std::any_of(fixed.zero_points.begin(), fixed.zero_points.end(), is_odd))
    options.push_back({"rounding", std::string("with_zero_point")});
  if (fixed.axis && (fixed.scales.size() > 1 || fixed.zero_points.size() > 1)) {
    if (*fixed.axis < batch_dimensions) reader.refuse(node, "a scale for each row of the batch");
    options.push_back({"axis", *fixed.axis - batch_dimensions});
  }
  try {
    return quant::make_format("integer", options);
  } catch (const UserError& error) {
    reader.refuse(node, error.what());
  }
}

/// Returns the dimension of a tensor of `rank` dimensions that a constant, broadcast to it, counts; nullopt where it
/// has one value.
std::optional<std::int64_t> counted_axis(const GraphReader& reader, const OnnxNode& node, const Constant& constant,
                                         std::size_t rank, const std::string& what) {
  if (constant.size() == 1) return std::nullopt;
  const Shape& shape = constant.shape;
  std::optional<std::int64_t> axis;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 1) continue;
    if (axis || shape.size() > rank)
      reader.refuse(
          node, fmt::format("{} of shape {}; one number, or one for each channel, is read", what, to_string(shape)));
    axis = static_cast<std::int64_t>(rank - shape.size() + i);
  }
  return axis;
}

/// Returns how many dimensions a value has, and how many of them are the batch.
std::pair<std::size_t, std::int64_t> rank_of(const GraphReader& reader, const std::string& input) {
  const Value& value = reader.value(input);
  if (value.constant != nullptr) return {value.constant->shape.size(), 0};
  return {value.shape.size() + 1, 1};
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
  reader.emit(node, "quantize", {{"format", format}}, {reader.data(read_input, 0)});
}

/// Reads QONNX's Quant: https://github.com/fastmachinelearning/qonnx/blob/main/docs/qonnx-custom-ops/quant_op.md
void convert_quant(GraphReader& reader, const OnnxNode& node) {
  if (node.inputs.size() != 4) throw DataError("Quant reads x, scale, zeropt and bit_width");
  const ConstantPtr scale = reader.need_constant(node, 1, "its scale");
  const ConstantPtr zero = reader.need_constant(node, 2, "its zero point");
  Fixed fixed{.scales = numbers(reader, node, *scale, "its scale"),
              .zero_points = numbers(reader, node, *zero, "its zero point"),
              .codes_are_rounded = true};
  fixed.bits = number(reader, node, 3, "its bit_width");
  fixed.is_signed = node.integer("signed", 1) != 0;
  const std::string rounding = node.text("rounding_mode", "ROUND");
  if (node.integer("narrow", 0) != 0 || rounding != "ROUND")
    reader.refuse(node, fmt::format("narrow = {}, rounding_mode = {}; lathe's fixed point has 0 and ROUND",
                                    node.integer("narrow", 0), rounding));
  if (fixed.bits == 1 && fixed.is_signed)
    reader.refuse(node,
                  "1 signed bit, which holds -1 and +1 in QONNX (lathe's integer(width=1, signed=1) holds -1 and 0): "
                  "lathe has no such format");
  const auto [rank, batch_dimensions] = rank_of(reader, node.input(0));
  const auto of_scale = counted_axis(reader, node, *scale, rank, "a scale");
  const auto of_zero = counted_axis(reader, node, *zero, rank, "a zero point");
  if (of_scale && of_zero && of_scale != of_zero)
    reader.refuse(node, "scale and zero point count different dimensions");
  fixed.axis = of_scale ? of_scale : of_zero;
  quantise(reader, node, node.input(0), format_of(reader, node, fixed, batch_dimensions));
}

/// Returns the 8-bit format of QuantizeLinear and DequantizeLinear, which act on a tensor of `rank` dimensions. Without
/// a zero point the type is that of the integers that are read; `type` of what is quantised is uint8.
Fixed linear_format(const GraphReader& reader, const OnnxNode& node, std::size_t rank,
                    ElementType type = ElementType::kUint8) {
  const ConstantPtr scale = reader.need_constant(node, 1, "its scale");
  const ConstantPtr zero = reader.constant(node, 2);
  if (zero != nullptr) type = zero->type;
  if (zero == nullptr && node.integer("output_dtype", 0) != 0)
    type = static_cast<ElementType>(node.integer("output_dtype", 0));
  if (type != ElementType::kInt8 && type != ElementType::kUint8)
    reader.refuse(node, "a type other than int8 and uint8");
  Fixed fixed{.scales = numbers(reader, node, *scale, "its scale"),
              .zero_points = zero == nullptr ? std::vector<double>{0} : numbers(reader, node, *zero, "its zero point"),
              .is_signed = type == ElementType::kInt8};
  if (fixed.zero_points.size() != 1 && fixed.zero_points.size() != fixed.scales.size())
    reader.refuse(node, fmt::format("{} zero points for {} scales", fixed.zero_points.size(), fixed.scales.size()));
  if (scale->shape.size() > 1) reader.refuse(node, "scales for blocks; one, or one for each channel, is read");
  if (fixed.scales.size() > 1) fixed.axis = static_cast<std::int64_t>(axis_index(node.integer("axis", 1), rank));
  return fixed;
}

void convert_quantize_linear(GraphReader& reader, const OnnxNode& node) {
  reader.data(node, 0);
  const auto [rank, batch_dimensions] = rank_of(reader, node.input(0));
  format_of(reader, node, linear_format(reader, node, rank), batch_dimensions);
  reader.keep_pending(node, reader.shape(node, 0));
}

/// Reads stored integers as the values that they stand for.
void dequantise_constant(GraphReader& reader, const OnnxNode& node, const Constant& stored) {
  if (stored.floating || !stored.times_batch.empty()) throw DataError("its input holds no integers");
  const Fixed fixed = linear_format(reader, node, stored.shape.size(), stored.type);
  Constant values = stored;
  values.floating = true;
  values.type = ElementType::kFloat;
  values.integers.clear();
  values.format = format_of(reader, node, fixed, 0);
  if (const auto reason = quant::misfit(*values.format, stored.shape)) throw DataError(*reason);
  std::int64_t inner = 1;  // values of one index of the axis that stand together
  if (fixed.axis)
    for (std::size_t i = static_cast<std::size_t>(*fixed.axis) + 1; i < stored.shape.size(); ++i)
      inner *= stored.shape[i];
  for (std::size_t i = 0; i < stored.integers.size(); ++i) {
    const std::size_t channel = static_cast<std::size_t>(static_cast<std::int64_t>(i) / inner) % fixed.scales.size();
    const double zero = fixed.zero_points[fixed.zero_points.size() == 1 ? 0 : channel];
    values.floats.push_back(
        static_cast<float>((static_cast<double>(stored.integers[i]) - zero) * fixed.scales[channel]));
  }
  if (values.source.empty()) values.source = node.outputs.front();  // computed codes
  reader.set_constant(node, std::make_shared<const Constant>(std::move(values)));
}

void convert_dequantize_linear(GraphReader& reader, const OnnxNode& node) {
  const Value& input = reader.value(node.input(0));
  if (input.constant != nullptr) return dequantise_constant(reader, node, *input.constant);
  const OnnxNode* before = input.producer;
  if (before == nullptr || before->op != "QuantizeLinear") reader.refuse(node, "integers that no QuantizeLinear made");
  const auto [rank, batch_dimensions] = rank_of(reader, before->input(0));
  const quant::Format format = format_of(reader, node, linear_format(reader, node, rank), batch_dimensions);
  if (!(format_of(reader, *before, linear_format(reader, *before, rank), batch_dimensions) == format))
    reader.refuse(node, "another scale than that of its QuantizeLinear");
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
