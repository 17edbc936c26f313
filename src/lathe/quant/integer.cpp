#include "lathe/quant/integer.h"

#include <algorithm>
#include <limits>

#include "lathe/base/check.h"
#include "lathe/base/error.h"
#include "lathe/quant/quantizer.h"

namespace lathe::quant {
namespace {

constexpr const char* kName = "integer";
constexpr double kMostCode = 4294967296.0;  // of 32 bits
constexpr int kMostFraction = 64;

/// The codes of a format and the weight of one code, in double precision, where both are exact.
struct Codes {
  double low = 0;
  double high = 0;
  int frac_width = 0;
};

Codes codes_of(const Format& format) {
  const int width = static_cast<int>(format.integer("width"));
  const bool is_signed = format.integer("signed") != 0;
  return {.low = is_signed ? -std::ldexp(1.0, width - 1) : 0.0,
          .high = std::ldexp(1.0, is_signed ? width - 1 : width) - 1.0,
          .frac_width = static_cast<int>(format.integer("frac_width"))};
}

float largest_float_not_above(double value) {
  const auto rounded = static_cast<float>(value);
  return static_cast<double>(rounded) > value ? std::nextafter(rounded, 0.0f) : rounded;
}

/// Writes a code as a constant that no float exceeds.
template <class Operations>
auto code_constant(const Operations& op, double code) {
  return op.constant(code, largest_float_not_above(code));
}

bool has_name(const Format& format, std::string_view option, std::string_view name) {
  const OptionValue* value = format.find(option);
  return value != nullptr && std::get<std::string>(*value) == name;
}

bool within_range(const Format& format) { return has_name(format, "gradient", "within_range"); }

/// Fixed point with a power of two for its step.
Arithmetic binary_arithmetic(const Format& format) {
  const Codes codes = codes_of(format);
  const double scale = std::ldexp(1.0, codes.frac_width), inverse = std::ldexp(1.0, -codes.frac_width);
  return {.value = record([&](const auto& op, const auto& arguments) {
            return fixed_point(op, arguments.value, op.constant(scale), op.constant(inverse),
                               code_constant(op, codes.low), code_constant(op, codes.high));
          }),
          .bits_per_value = static_cast<double>(format.integer("width")),
          .range = {codes.low * inverse, codes.high * inverse},
          .rule = within_range(format) ? GradientRule::kWithinRange : GradientRule::kStraightThrough};
}

std::vector<double> zero_points_of(const Format& format, const Codes& codes) {
  const OptionValue* given = format.find("zero_point");
  if (given == nullptr) return {0.0};
  const auto& list = std::get<Shape>(*given);
  const std::vector<double> zero_points(list.begin(), list.end());
  for (const double zero : zero_points)
    if (zero < codes.low || zero > codes.high)
      throw UserError("a zero_point must be a code of the format, from " +
                      std::to_string(static_cast<std::int64_t>(codes.low)) + " to " +
                      std::to_string(static_cast<std::int64_t>(codes.high)));
  return zero_points;
}

/// Returns element `i` of a list that has one number for all or one for each.
double at(const std::vector<double>& list, std::size_t i) { return list[list.size() == 1 ? 0 : i]; }

std::pair<double, double> affine_range(const Codes& codes, const std::vector<double>& scales,
                                       const std::vector<double>& zero_points) {
  std::pair<double, double> range = {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  for (std::size_t i = 0; i < std::max(scales.size(), zero_points.size()); ++i) {
    range.first = std::min(range.first, (codes.low - at(zero_points, i)) * at(scales, i));
    range.second = std::max(range.second, (codes.high - at(zero_points, i)) * at(scales, i));
  }
  return range;
}

/// Fixed point with real scales and zero points.
Arithmetic affine_arithmetic(const Format& format, const std::vector<double>& scales) {
  const bool rounds_codes = has_name(format, "rounding", "with_zero_point");
  const Codes codes = codes_of(format);
  const std::vector<double> zero_points = zero_points_of(format, codes);
  const auto code = [rounds_codes](const auto& op, const auto& arguments) {
    const auto steps = op.divide(arguments.value, arguments.channel[0]);
    if (rounds_codes) return op.round(op.add(steps, arguments.channel[1]));
    return op.add(op.round(steps), arguments.channel[1]);
  };
  Arithmetic arithmetic{.value = record([&](const auto& op, const auto& arguments) {
                          const auto held = op.clamp(code(op, arguments), code_constant(op, codes.low),
                                                     code_constant(op, codes.high));
                          return op.multiply(op.subtract(held, arguments.channel[1]), arguments.channel[0]);
                        }),
                        .bits_per_value = static_cast<double>(format.integer("width")),
                        .range = affine_range(codes, scales, zero_points),
                        .channel_constants = {scales, zero_points}};
  if (within_range(format)) {
    arithmetic.rule = GradientRule::kSlope;
    arithmetic.slope = record([&](const auto& op, const auto& arguments) {
      const auto zero = op.constant(0), one = op.constant(1), wanted = code(op, arguments);
      return op.select_less(wanted, code_constant(op, codes.low), zero,
                            op.select_less(code_constant(op, codes.high), wanted, zero, one));
    });
  }
  return arithmetic;
}

Granularity granularity_of(const Format& format, const std::vector<double>& scales) {
  const OptionValue* axis = format.find("axis");
  const OptionValue* zero_points = format.find("zero_point");
  const std::size_t zero_count = zero_points == nullptr ? 1 : std::get<Shape>(*zero_points).size();
  const bool lists = scales.size() > 1 || zero_count > 1;
  if (lists && axis == nullptr) throw UserError("several scales or zero points need axis, the dimension they count");
  if (scales.size() > 1 && zero_count > 1 && scales.size() != zero_count)
    throw UserError("as many zero points as scales, or one");
  if (!lists && axis != nullptr) throw UserError("axis needs several scales or zero points");
  if (!lists) return {};
  return {.kind = Granularity::Kind::kChannel, .axis = std::get<std::int64_t>(*axis)};
}

Arithmetic integer_arithmetic(const Format& format) {
  const OptionValue* scale = format.find("scale");
  if (scale == nullptr) {
    for (const char* option : {"zero_point", "axis", "rounding"})
      if (format.find(option) != nullptr) throw UserError(std::string(option) + " needs scale");
    return binary_arithmetic(format);
  }
  if (format.integer("frac_width") != 0)
    throw UserError("scale and frac_width contradict each other: give one of them");
  const auto& scales = std::get<std::vector<double>>(*scale);
  Arithmetic arithmetic = affine_arithmetic(format, scales);
  arithmetic.granularity = granularity_of(format, scales);
  return arithmetic;
}

bool gives(std::span<const GivenOption> given, std::string_view name) {
  return std::any_of(given.begin(), given.end(), [&](const GivenOption& o) { return o.name == name && o.value; });
}

}  // namespace

FormatKind integer_format_kind() {
  return {
      .name = kName,
      .aliases = {"fixed"},
      .description = "fixed point, rounded half to even, saturating",
      .options = {{"width", 1, 32, "bits in all, the sign bit included"},
                  {"frac_width", -kMostFraction, kMostFraction,
                   "bits behind the binary point; negative or above width is allowed; "
                   "NA is width // 2",
                   [](const Format& so_far, std::span<const GivenOption> given) -> OptionValue {
                     return gives(given, "scale") ? std::int64_t{0} : so_far.integer("width") / 2;
                   }},
                  {"signed", 0, 1, "1: two's complement, 0: no negative values",
                   [](const Format&, std::span<const GivenOption>) -> OptionValue { return std::int64_t{1}; }},
                  {.name = "scale",
                   .low = 1e-30,
                   .high = 1e30,
                   .description = "the step between two values in the place of frac_width, one or one for each channel",
                   .type = OptionType::kReals,
                   .optional = true},
                  {.name = "zero_point",
                   .low = -kMostCode,
                   .high = kMostCode,
                   .description = "the code of 0, one or one for each channel",
                   .type = OptionType::kIntegers,
                   .optional = true},
                  {.name = "axis",
                   .low = 0,
                   .high = 3,
                   .description = "the dimension that several scales or zero points count",
                   .optional = true},
                  {.name = "rounding",
                   .description = "with_zero_point: the zero point is added before rounding; else steps",
                   .type = OptionType::kName,
                   .optional = true,
                   .names = {"steps", "with_zero_point"}},
                  {.name = "gradient",
                   .description = "within_range: no gradient for values that saturate; else straight_through",
                   .type = OptionType::kName,
                   .optional = true,
                   .names = {"straight_through", "within_range"}}},
      .arithmetic = integer_arithmetic};
}

Format stored_form(const Format& format) {
  if (format.kind != kName) return format;
  std::vector<GivenOption> kept;
  const OptionValue* zero = format.find("zero_point");
  const Shape zeros = zero == nullptr ? Shape{} : std::get<Shape>(*zero);
  const auto all = [&](auto test) { return std::all_of(zeros.begin(), zeros.end(), test); };
  const bool none = all([](std::int64_t code) { return code == 0; });
  const bool even = all([](std::int64_t code) { return code % 2 == 0; });
  const OptionValue* scale = format.find("scale");
  const bool one_scale = scale != nullptr && std::get<std::vector<double>>(*scale).size() == 1;
  int exponent = 0;
  const bool binary = none && one_scale && std::frexp(std::get<std::vector<double>>(*scale)[0], &exponent) == 0.5 &&
                      std::abs(1 - exponent) <= kMostFraction;
  for (const FormatOption& option : format.options) {
    const bool left_out = option.name == "gradient" || (option.name == "zero_point" && none) ||
                          (option.name == "rounding" && even) || (option.name == "axis" && one_scale && none) ||
                          (binary && (option.name == "scale" || option.name == "frac_width"));
    if (!left_out) kept.push_back({option.name, option.value});
  }
  if (binary) kept.push_back({"frac_width", 1 - exponent});
  return make_format(kName, kept);
}

std::optional<double> integer_step(const Format& format) {
  if (format.kind != kName) return std::nullopt;
  const OptionValue* scale = format.find("scale");
  if (scale == nullptr) return std::ldexp(1.0, -codes_of(format).frac_width);
  const auto& scales = std::get<std::vector<double>>(*scale);
  if (scales.size() > 1 || format.find("zero_point") != nullptr) return std::nullopt;
  return scales[0];
}

std::optional<std::int64_t> channel_axis(const Format& format) {
  const OptionValue* axis = format.find("axis");
  return axis == nullptr ? std::nullopt : std::optional(std::get<std::int64_t>(*axis));
}

Format with_axis(const Format& format, std::int64_t axis) {
  Format moved = format;
  for (FormatOption& option : moved.options)
    if (option.name == "axis") option.value = axis;
  return moved;
}

std::optional<IntegerScale> integer_scale(const Format& format) {
  if (format.kind != kName || format.find("scale") != nullptr || within_range(format)) return std::nullopt;
  const Codes codes = codes_of(format);
  return IntegerScale{.scale = std::ldexp(1.0f, codes.frac_width),
                      .inverse = std::ldexp(1.0f, -codes.frac_width),
                      .low = static_cast<float>(codes.low),
                      .high = largest_float_not_above(codes.high)};
}

}  // namespace lathe::quant
