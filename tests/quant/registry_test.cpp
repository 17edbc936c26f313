#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "lathe/base/random.h"
#include "lathe/quant/quantizer.h"
#include "quant/examples.h"

namespace lathe::quant {
namespace {

// Beside the formats that every kind has by its declaration, those with particular options.
std::vector<Format> formats_to_try() {
  std::vector<Format> formats = example_formats();
  for (const char* text :
       {"integer(width=8, frac_width=9)", "integer(width=3, frac_width=-1)", "integer(width=6, frac_width=3, signed=0)",
        "integer(width=24)", "integer(width=8, scale=[0.037])",
        "integer(width=5, signed=0, scale=[0.25], zero_point=[7])",
        "integer(width=6, scale=[0.5], zero_point=[3], rounding=with_zero_point)",
        "integer(width=6, frac_width=2, gradient=within_range)",
        "block_floating(width=4, exponent_width=4, block=[8])"})
    formats.push_back(parse_format(text));
  return formats;
}

std::vector<float> ascending_samples() {
  RandomStream stream(1, {}, "registry_test");
  std::vector<float> x = {0};
  for (int i = 0; i < 2000; ++i) x.push_back(static_cast<float>(stream.normal() * (i % 2 == 0 ? 1.0 : 30.0)));
  std::sort(x.begin(), x.end());
  return x;
}

std::vector<float> quantized(const Quantizer& quantizer, const std::vector<float>& x) {
  std::vector<float> y(x.size());
  quantizer.quantize(std::span<const float>(x), std::span<float>(y), {static_cast<std::int64_t>(x.size())});
  return y;
}

TEST(Registry, AliasesFindTheirKind) {
  for (const FormatKind& kind : format_kinds())
    for (const std::string& alias : kind.aliases) EXPECT_EQ(format_kind(alias).name, kind.name);
}

TEST(Registry, TextReadsBack) {
  for (const Format& format : formats_to_try()) EXPECT_EQ(parse_format(format.to_string()), format);
}

TEST(Registry, IdempotentMonotonicAndInRange) {
  const std::vector<float> x = ascending_samples();
  for (const Format& format : formats_to_try()) {
    const auto quantizer = make_quantizer(format);
    const std::vector<float> y = quantized(*quantizer, x);
    EXPECT_EQ(quantized(*quantizer, y), y) << format.to_string();
    const bool in_blocks = quantizer->arithmetic().granularity.kind != Granularity::Kind::kTensor;
    EXPECT_TRUE(in_blocks || std::is_sorted(y.begin(), y.end())) << format.to_string();
    EXPECT_GE(y.front(), quantizer->range().first) << format.to_string();
    EXPECT_LE(y.back(), quantizer->range().second) << format.to_string();
  }
}

TEST(Registry, FloatAndDoubleAgree) {
  const std::vector<float> x = ascending_samples();
  const std::vector<double> wide(x.begin(), x.end());
  for (const Format& format : formats_to_try()) {
    const auto quantizer = make_quantizer(format);
    std::vector<double> y(x.size());
    quantizer->quantize(std::span<const double>(wide), std::span<double>(y), {static_cast<std::int64_t>(x.size())});
    const std::vector<float> in_float = quantized(*quantizer, x);
    const std::vector<float> rounded(y.begin(), y.end());  // products of real scales have more bits than a float
    EXPECT_EQ(rounded, in_float) << format.to_string();
  }
}

}  // namespace
}  // namespace lathe::quant
