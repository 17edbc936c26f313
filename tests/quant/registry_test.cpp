#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "lathe/base/random.h"
#include "lathe/quant/format.h"

namespace lathe::quant {
namespace {

// Formats of every registered kind. A kind without an example fails the first test.
std::map<std::string, std::vector<std::string>> examples() {
  return {
      {"integer",
       {"integer(width=8, frac_width=4)", "integer(width=4)", "integer(width=8, frac_width=9)",
        "integer(width=3, frac_width=-1)", "integer(width=6, frac_width=3, signed=0)", "integer(width=24)"}},
  };
}

std::vector<Format> example_formats() {
  std::vector<Format> formats;
  for (const auto& [kind, texts] : examples())
    for (const std::string& text : texts) formats.push_back(parse_format(text));
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

TEST(Registry, EveryKindHasExamples) {
  const auto listed = examples();
  for (const FormatKind& kind : format_kinds()) EXPECT_TRUE(listed.contains(kind.name)) << kind.name;
}

TEST(Registry, AliasesFindTheirKind) {
  for (const FormatKind& kind : format_kinds())
    for (const std::string& alias : kind.aliases) EXPECT_EQ(format_kind(alias).name, kind.name);
}

TEST(Registry, TextReadsBack) {
  for (const Format& format : example_formats()) EXPECT_EQ(parse_format(format.to_string()), format);
}

TEST(Registry, IdempotentMonotonicAndInRange) {
  const std::vector<float> x = ascending_samples();
  for (const Format& format : example_formats()) {
    const auto quantizer = make_quantizer(format);
    const std::vector<float> y = quantized(*quantizer, x);
    EXPECT_EQ(quantized(*quantizer, y), y) << format.to_string();
    EXPECT_TRUE(std::is_sorted(y.begin(), y.end())) << format.to_string();
    EXPECT_GE(y.front(), quantizer->range().first) << format.to_string();
    EXPECT_LE(y.back(), quantizer->range().second) << format.to_string();
  }
}

TEST(Registry, FloatAndDoubleAgree) {
  const std::vector<float> x = ascending_samples();
  const std::vector<double> wide(x.begin(), x.end());
  for (const Format& format : example_formats()) {
    const auto quantizer = make_quantizer(format);
    std::vector<double> y(x.size());
    quantizer->quantize(std::span<const double>(wide), std::span<double>(y), {static_cast<std::int64_t>(x.size())});
    const std::vector<float> in_float = quantized(*quantizer, x);
    EXPECT_TRUE(std::equal(y.begin(), y.end(), in_float.begin())) << format.to_string();
  }
}

}  // namespace
}  // namespace lathe::quant
