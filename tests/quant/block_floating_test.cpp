#include <gtest/gtest.h>

#include "lathe/base/error.h"
#include "lathe/quant/integer.h"
#include "lathe/quant/quantizer.h"

namespace lathe::quant {
namespace {

std::vector<float> quantised(const std::string& format, const std::vector<float>& x, const Shape& shape) {
  std::vector<float> y(x.size());
  make_quantizer(parse_format(format))->quantize(std::span<const float>(x), std::span<float>(y), shape);
  return y;
}

std::string problem(const std::string& format) {
  try {
    parse_format(format);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

// Worked by hand from the formula: the largest magnitude 5 has the exponent 2, so that 4 bits have steps of 1.
TEST(BlockFloating, SharesAPowerOfTwoInEachBlock) {
  EXPECT_EQ(quantised("block_floating(width=4, block=[4])", {5, 0.5f, -1.5f, 2.25f, 0.3f, 0.1f, -0.2f, 0}, {8}),
            (std::vector<float>{5, 0, -2, 2, 0.3125f, 0.125f, -0.1875f, 0}));
}

TEST(BlockFloating, TheLargestValueSaturatesBelowTheNextPowerOfTwo) {
  EXPECT_EQ(quantised("block_floating(width=4, block=[2])", {7.9f, 1}, {2}), (std::vector<float>{7, 1}));
  EXPECT_EQ(quantised("block_floating(width=4, block=[2])", {-7.9f, 1}, {2}), (std::vector<float>{-7, 1}));
}

TEST(BlockFloating, ExponentsHaveTheirWidth) {
  // 2 bits: -1, 0 and 1; 4 bits of values: steps of 1/8, 1/4 and 1/2.
  EXPECT_EQ(quantised("block_floating(width=4, exponent_width=2, block=[1])", {100, 0.01f}, {2}),
            (std::vector<float>{3.5f, 0}));
}

TEST(BlockFloating, BlocksHaveExtents) {
  const std::vector<float> x = {8, 0.4f, 0.4f, 0.4f, 0.4f, 8, 0.4f, 0.4f};  // [2, 4], blocks [2, 2]
  EXPECT_EQ(quantised("block_floating(width=4, block=[2, 2])", x, {2, 4}),
            (std::vector<float>{8, 0, 0.375f, 0.375f, 0, 8, 0.375f, 0.375f}));
}

TEST(BlockFloating, CountsTheExponentInShares) {
  EXPECT_EQ(make_quantizer(parse_format("block_floating(width=8)"))->bits_per_value(), 8.25);
  EXPECT_EQ(parse_format("mxint(width=8)").to_string(), "block_floating(width=8, exponent_width=8, block=[32])");
}

// ONNX's operators on paper: (clamp(round(x / 0.5) + 3, -8, 7) - 3) * 0.5.
TEST(RealScales, AreQuantizeLinearAndDequantizeLinear) {
  EXPECT_EQ(quantised("integer(width=4, scale=[0.5], zero_point=[3])", {0.25f, 0.75f, 1.3f, 9, -9}, {5}),
            (std::vector<float>{0, 1, 1.5f, 2, -5.5f}));
  // QONNX's Quant rounds codes: 0.5 + 3 is 3.5, and 4 the even neighbour.
  EXPECT_EQ(quantised("integer(width=4, scale=[0.5], zero_point=[3], rounding=with_zero_point)", {0.25f, 0.75f}, {2}),
            (std::vector<float>{0.5f, 0.5f}));
}

TEST(RealScales, OnePerChannel) {
  const std::vector<float> x = {1, 1, 1, 1, 1, 1};  // [2, 3]
  EXPECT_EQ(quantised("integer(width=8, scale=[0.75, 0.625], axis=0)", x, {2, 3}),
            (std::vector<float>{0.75f, 0.75f, 0.75f, 1.25f, 1.25f, 1.25f}));
  EXPECT_EQ(quantised("integer(width=8, scale=[0.75, 0.625, 1.0], axis=1)", x, {2, 3}),
            (std::vector<float>{0.75f, 1.25f, 1, 0.75f, 1.25f, 1}));
}

TEST(RealScales, TextKeepsWhatIsGivenAlone) {
  const Format format = parse_format("integer(width=8, scale=0.1)");
  EXPECT_EQ(format.to_string(), "integer(width=8, frac_width=0, signed=1, scale=[0.1])");
  EXPECT_EQ(parse_format(format.to_string()), format);
  EXPECT_EQ(parse_format("integer(width=8, gradient=straight_through)"), parse_format("integer(width=8)"));
}

TEST(RealScales, ContradictionsAreErrors) {
  EXPECT_EQ(problem("integer(width=8, frac_width=2, scale=0.1)"),
            "number format integer: scale and frac_width contradict each other: give one of them");
  EXPECT_EQ(problem("integer(width=8, zero_point=1)"), "number format integer: zero_point needs scale");
  EXPECT_EQ(problem("integer(width=8, scale=0.1, axis=1)"),
            "number format integer: axis needs several scales or zero points");
  EXPECT_EQ(problem("integer(width=8, scale=1e30)"), "");
  EXPECT_EQ(problem("integer(width=8, scale=[0.1, 0.2])"),
            "number format integer: several scales or zero points need axis, the dimension they count");
  EXPECT_EQ(problem("integer(width=4, scale=0.1, zero_point=8)"),
            "number format integer: a zero_point must be a code of the format, from -8 to 7");
  EXPECT_EQ(
      problem("integer(width=8, gradient=within_rang)"),
      "number format integer: within_rang is no gradient; did you mean \"within_range\"? (known: straight_through, "
      "within_range)");
  EXPECT_EQ(problem("integer(width=[8, 4])"), "number format integer: width must be an integer; got [8, 4]");
}

TEST(StoredForms, AreWhatFilesCanSay) {
  const std::pair<const char*, const char*> pairs[] = {
      {"integer(width=8, scale=0.25, gradient=within_range)", "integer(width=8, frac_width=2)"},
      {"integer(width=8, scale=0.3, zero_point=0)", "integer(width=8, scale=0.3)"},
      {"integer(width=8, scale=0.3, zero_point=4, rounding=with_zero_point)",
       "integer(width=8, scale=0.3, zero_point=4)"},
      {"integer(width=8, frac_width=2, gradient=within_range)", "integer(width=8, frac_width=2)"}};
  for (const auto& [format, form] : pairs) EXPECT_EQ(stored_form(parse_format(format)), parse_format(form)) << format;
  for (const char* own :
       {"integer(width=8, scale=0.3, zero_point=3, rounding=with_zero_point)", "block_floating(width=8)"})
    EXPECT_EQ(stored_form(parse_format(own)), parse_format(own));
}

TEST(Misfit, SaysWhichShapes) {
  EXPECT_EQ(misfit(parse_format("block_floating(width=8, block=[2, 2])"), {4}),
            "block_floating(width=8, exponent_width=8, block=[2, 2]): a block of [2, 2] does not lie in [4]");
  EXPECT_EQ(misfit(parse_format("integer(width=8, scale=[0.5, 0.25], axis=0)"), {3, 2}),
            "integer(width=8, frac_width=0, signed=1, scale=[0.5, 0.25], axis=0): 2 numbers for the 3 indices of "
            "dimension 0 of [3, 2]");
  EXPECT_EQ(misfit(parse_format("integer(width=8, scale=[0.5, 0.25], axis=1)"), {3, 2}), std::nullopt);
}

TEST(Steps, OfFixedPointAlone) {
  EXPECT_EQ(integer_step(parse_format("integer(width=8, frac_width=3)")), 0.125);
  EXPECT_EQ(integer_step(parse_format("integer(width=8, scale=0.75)")), 0.75);
  EXPECT_EQ(integer_step(parse_format("integer(width=8, scale=0.75, zero_point=2)")), std::nullopt);
  EXPECT_EQ(integer_step(parse_format("block_floating(width=8)")), std::nullopt);
}

TEST(Views, OfTilesAndPaddedMatrices) {
  // Two samples of three features, feature-major, two values apart.
  std::vector<float> x = {1, 4, 2, 5, 3, 6}, y(6);
  const Format format = parse_format("integer(width=8, scale=[1.0, 2.0, 4.0], axis=0)");
  TensorView<const float> from = TensorView<const float>::batch(x.data(), 2, {3});
  from.strides[kMostDimensions - 2] = 1;
  from.strides[kMostDimensions - 1] = 2;
  TensorView<float> to = TensorView<float>::batch(y.data(), 2, {3});
  make_quantizer(format)->quantize(from, to);
  EXPECT_EQ(y, (std::vector<float>{1, 2, 4, 4, 4, 8}));  // row-major
  std::vector<float> padded = {1, 1, 9, 3, 3, 9};
  const auto matrix = TensorView<float>::matrix(padded.data(), 2, 2, 3);
  make_quantizer(parse_format("integer(width=8, scale=2)"))
      ->quantize(TensorView<const float>::matrix(padded.data(), 2, 2, 3), matrix);
  EXPECT_EQ(padded, (std::vector<float>{0, 0, 9, 4, 4, 9}));  // 0.5 and 1.5 steps, ties to even; padding untouched
}

}  // namespace
}  // namespace lathe::quant
