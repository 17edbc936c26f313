#include "lathe/quant/integer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "lathe/quant/quantizer.h"

namespace lathe::quant {
namespace {

// The inputs and outputs of shared/reference/mase.md section 13, made by running MASE's own quantisers in float32.
const std::vector<float> kInputs = {0,     1e-9f,    .03f, .0625f, .09375f, .15625f, .5f,   .875f, .9f,
                                    1,     1.5f,     1.9f, 1.97f,  2,       3.7f,    7.9f,  8,     100,
                                    -.03f, -.09375f, -.5f, -1,     -1.5f,   -7.97f,  -8.1f, -100};

Format integer(std::int64_t width, std::optional<std::int64_t> frac_width, std::int64_t is_signed = 1) {
  return make_format("integer",
                     std::vector<GivenOption>{{"width", width}, {"frac_width", frac_width}, {"signed", is_signed}});
}

template <typename T>
std::vector<T> quantized(const Format& format, const std::vector<T>& x) {
  std::vector<T> y(x.size());
  make_quantizer(format)->quantize(std::span<const T>(x), std::span<T>(y), {static_cast<std::int64_t>(x.size())});
  return y;
}

void expect_golden(const Format& format, const std::vector<float>& expected) {
  ASSERT_EQ(expected.size(), kInputs.size());
  const std::vector<float> in_float = quantized(format, kInputs);
  const std::vector<double> in_double = quantized(format, std::vector<double>(kInputs.begin(), kInputs.end()));
  for (std::size_t i = 0; i < kInputs.size(); ++i) {
    EXPECT_EQ(in_float[i], expected[i]) << format.to_string() << " of " << kInputs[i];
    EXPECT_EQ(in_double[i], static_cast<double>(expected[i])) << format.to_string() << " of " << kInputs[i];
  }
}

TEST(Integer, GoldenWidth8Frac4) {
  expect_golden(integer(8, 4),
                {0, 0,       0,      .0625f,  .125f,   .125f, .5f,    .875f, .875f, 1,     1.5f, 1.875f, 2,
                 2, 3.6875f, 7.875f, 7.9375f, 7.9375f, 0,     -.125f, -.5f,  -1,    -1.5f, -8,   -8,     -8});
}

TEST(Integer, GoldenWidth4FracNotGiven) {
  expect_golden(integer(4, std::nullopt),
                {0,     0,     0,     0,     0,     .25f, .5f, 1,    1,  1,     1.5f, 1.75f, 1.75f,
                 1.75f, 1.75f, 1.75f, 1.75f, 1.75f, 0,    0,   -.5f, -1, -1.5f, -2,   -2,    -2});
}

TEST(Integer, GoldenWidth2FracNotGiven) {
  expect_golden(integer(2, std::nullopt), {0,   0,   0,   0,   0,   0, .5f, .5f,  .5f, .5f, .5f, .5f, .5f,
                                           .5f, .5f, .5f, .5f, .5f, 0, 0,   -.5f, -1,  -1,  -1,  -1,  -1});
}

TEST(Integer, GoldenUnsigned) {
  expect_golden(integer(8, 4, 0), {0, 0,       0,      .0625f, .125f,    .125f, .5f, .875f, .875f, 1, 1.5f, 1.875f, 2,
                                   2, 3.6875f, 7.875f, 8,      15.9375f, 0,     0,   0,     0,     0, 0,    0,      0});
}

TEST(Integer, FracWidthAboveWidth) {
  EXPECT_EQ(quantized<float>(integer(8, 9), {-1, -.25f, .1f, .248046875f, 1}),
            (std::vector<float>{-.25f, -.25f, .099609375f, .248046875f, .248046875f}));
  EXPECT_EQ(make_quantizer(integer(8, 9))->range(), (std::pair{-.25, .248046875}));
}

TEST(Integer, NegativeFracWidth) {
  EXPECT_EQ(quantized<float>(integer(4, -2), {1, 2, 3, 6, 10, 27, 100, -2, -6, -100}),
            (std::vector<float>{0, 0, 4, 8, 8, 28, 28, 0, -8, -32}));
}

TEST(Integer, OneBit) {
  EXPECT_EQ(quantized<float>(integer(1, 0), {-3, -.6f, -.5f, 0, 3}), (std::vector<float>{-1, -1, 0, 0, 0}));
  EXPECT_EQ(quantized<float>(integer(1, 0, 0), {-3, .5f, .6f, 3}), (std::vector<float>{0, 0, 1, 1}));
}

TEST(Integer, HalvesGoToEven) {
  EXPECT_EQ(quantized<float>(integer(8, 0), {.5f, 1.5f, 2.5f, 3.5f, -.5f, -1.5f, -2.5f}),
            (std::vector<float>{0, 2, 2, 4, 0, -2, -2}));
}

TEST(Integer, NotANumberStaysAndInfinitySaturates) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> y = quantized<float>(integer(8, 4), {std::nanf(""), infinity, -infinity});
  EXPECT_TRUE(std::isnan(y[0]));
  EXPECT_EQ(y[1], 7.9375f);
  EXPECT_EQ(y[2], -8.0f);
}

TEST(Integer, WideFormatsKeepEveryFloatInRange) {
  const std::vector<float> x = {1e-3f, 0.7f, -123.456f, 32767.99f};
  EXPECT_EQ(quantized(integer(32, 16), std::vector<float>{0.7f}), (std::vector<float>{45875.0f / 65536.0f}));
  EXPECT_EQ(quantized(integer(32, 16, 0), std::vector<float>{1e9f})[0], 65535.99609375f);
  for (const float value : quantized(integer(32, 16), x)) EXPECT_LE(std::fabs(value), 32768.0f);
}

TEST(Integer, WorksInPlace) {
  std::vector<float> x = {.3f, -.3f};
  make_quantizer(integer(8, 2))->quantize(std::span<const float>(x), std::span<float>(x), {2});
  EXPECT_EQ(x, (std::vector<float>{.25f, -.25f}));
}

TEST(Integer, ScaleIsTheQuantizersFormula) {
  const auto scale = integer_scale(integer(8, 4));
  ASSERT_TRUE(scale);
  for (const float x : kInputs) EXPECT_EQ((*scale)(x), quantized<float>(integer(8, 4), {x})[0]);
  EXPECT_FALSE(integer_scale(Format{"log", {}}));
}

TEST(Integer, BitsAreTheWidth) { EXPECT_EQ(make_quantizer(integer(7, 3))->bits_per_value(), 7.0); }

TEST(Integer, GradientIsStraightThrough) {
  EXPECT_EQ(make_quantizer(integer(7, 3))->arithmetic().rule, GradientRule::kStraightThrough);
}

}  // namespace
}  // namespace lathe::quant
