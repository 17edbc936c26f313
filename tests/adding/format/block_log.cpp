#include <cmath>
#include <utility>

#include "lathe/quant/quantizer.h"

namespace lathe::quant {
namespace {

// What the formulas of a block need: the exponent of its largest value, and that of the smallest power it has.
template <class Operations, class Arguments>
auto exponents(const Operations& op, const Arguments& arguments, double levels) {
  const auto high = op.clamp(op.exponent(arguments.block_maximum), op.constant(-100), op.constant(100));
  return std::pair{high, op.subtract(high, op.constant(levels - 1))};
}

// 1 where a value is so small that it becomes 0, else 0.
template <class Operations, class Arguments>
auto vanishes(const Operations& op, const Arguments& arguments, double levels) {
  const auto low = exponents(op, arguments, levels).second;
  const auto half = op.scale(op.constant(0.5), low);
  return op.select_less(op.absolute(arguments.value), half, op.constant(1), op.constant(0));
}

Arithmetic block_log_arithmetic(const Format& format) {
  const auto width = static_cast<double>(format.integer("width"));
  const double levels = std::exp2(width - 1) - 1;  // codes of a sign but 0
  const Shape& block = std::get<Shape>(*format.find("block"));
  const double largest = std::exp2(100);
  return {.value = record([&](const auto& op, const auto& arguments) {
            const auto zero = op.constant(0), one = op.constant(1);
            const auto [high, low] = exponents(op, arguments, levels);
            const auto magnitude = op.absolute(arguments.value);
            const auto below = op.exponent(magnitude);
            const auto mantissa = op.scale(magnitude, op.subtract(zero, below));
            const auto nearest = op.select_less(mantissa, op.constant(1.5), below, op.add(below, one));
            const auto power = op.scale(one, op.clamp(nearest, low, high));
            const auto held = op.multiply(power, op.subtract(one, vanishes(op, arguments, levels)));
            const auto with_sign = op.select_less(arguments.value, zero, op.subtract(zero, held), held);
            return op.add(with_sign, op.multiply(zero, arguments.value));  // NaN stays NaN
          }),
          .bits_per_value = width + 8.0 / static_cast<double>(element_count(block)),
          .range = {-largest, largest},
          .rule = GradientRule::kSlope,
          .slope = record([&](const auto& op, const auto& arguments) {
            return op.subtract(op.constant(1), vanishes(op, arguments, levels));
          }),
          .granularity = {.kind = Granularity::Kind::kBlock, .block = block}};
}

}  // namespace

// Declares powers of two (Miyashita, Lee, Murmann, "Convolutional neural networks using logarithmic data
// representation", 2016, arXiv:1603.01025) with an exponent of 8 bits for each block of features: a value is a sign and
// how many powers of two it lies below the block's largest. Values below half of the smallest power are 0, and no
// gradient passes them.
FormatKind block_log_format_kind() {
  return {.name = "block_log",
          .aliases = {},
          .description = "powers of two below the largest of a block; no gradient where a value becomes 0",
          .options = {{"width", 2, 8, "bits of each value: its sign and its place below the largest of the block"},
                      {"block", 1, 1e6, "values of a block along the last dimension, or its extents; NA is 4",
                       [](const Format&, std::span<const GivenOption>) -> OptionValue { return Shape{4}; },
                       OptionType::kIntegers}},
          .arithmetic = block_log_arithmetic};
}

}  // namespace lathe::quant
