#include "lathe/quant/integer.h"

#include "lathe/base/check.h"

namespace lathe::quant {
namespace {

constexpr const char* kName = "integer";

// The codes of a format and the weight of one code, in double precision, where both are exact.
struct Codes {
  double low = 0;
  double high = 0;
  int frac_width = 0;
};

Codes codes_of(const Format& format) {
  const int width = static_cast<int>(format.option("width"));
  const bool is_signed = format.option("signed") != 0;
  return {.low = is_signed ? -std::ldexp(1.0, width - 1) : 0.0,
          .high = std::ldexp(1.0, is_signed ? width - 1 : width) - 1.0,
          .frac_width = static_cast<int>(format.option("frac_width"))};
}

float largest_float_not_above(double value) {
  const auto rounded = static_cast<float>(value);
  return static_cast<double>(rounded) > value ? std::nextafter(rounded, 0.0f) : rounded;
}

class IntegerQuantizer final : public Quantizer {
 public:
  explicit IntegerQuantizer(const Format& format)
      : float_scale_(*integer_scale(format)),
        codes_(codes_of(format)),
        scale_(std::ldexp(1.0, codes_.frac_width)),
        inverse_(std::ldexp(1.0, -codes_.frac_width)),
        width_(static_cast<double>(format.option("width"))) {}

  void quantize(std::span<const float> x, std::span<float> y, const Shape&) const override {
    LATHE_CHECK_EQ(x.size(), y.size());
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = float_scale_(x[i]);
  }

  void quantize(std::span<const double> x, std::span<double> y, const Shape&) const override {
    LATHE_CHECK_EQ(x.size(), y.size());
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = quantized(x[i]);
  }

  double bits_per_value() const override { return width_; }
  std::pair<double, double> range() const override { return {codes_.low * inverse_, codes_.high * inverse_}; }

 private:
  double quantized(double x) const {
    const double code = std::nearbyint(x * scale_);
    return (code < codes_.low ? codes_.low : (code > codes_.high ? codes_.high : code)) * inverse_;
  }

  IntegerScale float_scale_;
  Codes codes_;
  double scale_, inverse_, width_;
};

std::unique_ptr<const Quantizer> make_integer(const Format& format) {
  return std::make_unique<IntegerQuantizer>(format);
}

}  // namespace

FormatKind integer_format_kind() {
  return {.name = kName,
          .aliases = {"fixed"},
          .description = "fixed point, rounded half to even, saturating",
          .options = {{"width", 1, 32, "bits in all, the sign bit included", {}},
                      {"frac_width", -64, 64,
                       "bits behind the binary point; negative or above width is allowed; "
                       "NA is width // 2",
                       [](const Format& so_far) { return so_far.option("width") / 2; }},
                      {"signed", 0, 1, "1: two's complement, 0: no negative values", [](const Format&) { return 1; }}},
          .make = make_integer};
}

std::optional<IntegerScale> integer_scale(const Format& format) {
  if (format.kind != kName) return std::nullopt;
  const Codes codes = codes_of(format);
  return IntegerScale{.scale = std::ldexp(1.0f, codes.frac_width),
                      .inverse = std::ldexp(1.0f, -codes.frac_width),
                      .low = static_cast<float>(codes.low),
                      .high = largest_float_not_above(codes.high)};
}

}  // namespace lathe::quant
