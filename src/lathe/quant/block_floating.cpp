#include <cmath>

#include "lathe/quant/quantizer.h"

namespace lathe::quant {
namespace {

Arithmetic block_floating_arithmetic(const Format& format) {
  const auto width = static_cast<double>(format.integer("width"));
  const double exponent_width = static_cast<double>(format.integer("exponent_width"));
  const double largest_code = std::exp2(width - 1) - 1, largest_exponent = std::exp2(exponent_width - 1) - 1;
  const Shape& block = std::get<Shape>(*format.find("block"));
  const double largest = largest_code * std::exp2(largest_exponent + 2 - width);
  return {.value = record([&](const auto& op, const auto& arguments) {
            const auto shared = op.clamp(op.exponent(arguments.block_maximum), op.constant(-largest_exponent),
                                         op.constant(largest_exponent));
            const auto power = op.subtract(shared, op.constant(width - 2));
            const auto code = op.round(op.scale(arguments.value, op.subtract(op.constant(0), power)));
            return op.scale(op.clamp(code, op.constant(-largest_code), op.constant(largest_code)), power);
          }),
          .bits_per_value = width + exponent_width / static_cast<double>(element_count(block)),
          .range = {-largest, largest},
          .granularity = {.kind = Granularity::Kind::kBlock, .block = block}};
}

}  // namespace

/// Declares block floating point: the values of a block share a power of two, each has an integer of `width` bits:
///   E = clamp(floor(log2(max |x|)), -2^(e-1) + 1, 2^(e-1) - 1),  step = 2^(E + 2 - width),
///   q(x) = clamp(round_half_even(x / step), -2^(w-1) + 1, 2^(w-1) - 1) * step.
/// With 8 bits, 8 exponent bits and blocks of 32 it is MXINT8 with its symmetric range (OCP Microscaling Formats
/// specification 1.0, section 5.3.4). NaN stays NaN and counts nothing in its block.
FormatKind block_floating_format_kind() {
  return {.name = "block_floating",
          .aliases = {"mxint"},
          .description = "integers with a power of two for each block, rounded half to even",
          .options = {{"width", 2, 24, "bits of each value, the sign bit included"},
                      {"exponent_width", 2, 8, "bits of the power of two that a block shares; NA is 8",
                       [](const Format&, std::span<const GivenOption>) -> OptionValue { return std::int64_t{8}; }},
                      {"block", 1, 1e6, "values of a block along the last dimension, or its extents; NA is 32",
                       [](const Format&, std::span<const GivenOption>) -> OptionValue { return Shape{32}; },
                       OptionType::kIntegers}},
          .arithmetic = block_floating_arithmetic};
}

}  // namespace lathe::quant
