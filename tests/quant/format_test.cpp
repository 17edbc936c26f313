#include "lathe/quant/format.h"

#include <gtest/gtest.h>

#include "lathe/base/error.h"

namespace lathe::quant {
namespace {

std::string error_of(const std::string& kind, const std::vector<GivenOption>& given) {
  try {
    make_format(kind, given);
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

std::string parse_error_of(const std::string& text) {
  try {
    parse_format(text);
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Format, CompletesAndPrints) {
  EXPECT_EQ(make_format("integer", std::vector<GivenOption>{{"width", 9}}).to_string(),
            "integer(width=9, frac_width=4, signed=1)");
  EXPECT_EQ(make_format("fixed", std::vector<GivenOption>{{"signed", 0}, {"frac_width", {}}, {"width", 8}}).to_string(),
            "integer(width=8, frac_width=4, signed=0)");
}

TEST(Format, ReadsItsOwnText) {
  const Format format = make_format("integer", std::vector<GivenOption>{{"width", 8}, {"frac_width", -3}});
  EXPECT_EQ(parse_format(format.to_string()), format);
  EXPECT_EQ(parse_format(" fixed( width = 8,frac_width=NA ) ").to_string(), "integer(width=8, frac_width=4, signed=1)");
}

TEST(Format, UnknownKindShowsTheNearest) {
  EXPECT_EQ(
      error_of("intger", {}),
      "unknown number format \"intger\"; did you mean \"integer\"? (known: integer, fixed, block_floating, mxint)");
}

TEST(Format, UnknownOptionShowsTheNearest) {
  EXPECT_EQ(error_of("integer", {{"width", 8}, {"frac_widht", 4}}),
            "number format integer: unknown option \"frac_widht\"; did you mean \"frac_width\"? (known: width, "
            "frac_width, signed, scale, zero_point, axis, rounding, gradient)");
}

TEST(Format, MissingTwiceAndOutOfRange) {
  EXPECT_EQ(error_of("integer", {{"frac_width", 4}}), "number format integer: option width is missing");
  EXPECT_EQ(error_of("integer", {{"width", {}}}), "number format integer: option width may not be NA");
  EXPECT_EQ(error_of("integer", {{"width", 8}, {"width", 4}}), "number format integer: option width is given twice");
  EXPECT_EQ(error_of("integer", {{"width", 0}}), "number format integer: width must be in [1, 32]; got 0");
  EXPECT_EQ(error_of("integer", {{"width", -8}}), "number format integer: width must be in [1, 32]; got -8");
  EXPECT_EQ(error_of("integer", {{"width", 8}, {"frac_width", 65}}),
            "number format integer: frac_width must be in [-64, 64]; got 65");
}

TEST(Format, MalformedText) {
  for (const std::string text : {"integer", "integer(width)", "integer(width=8x)", "integer(width=8", ""})
    EXPECT_EQ(parse_error_of(text),
              "\"" + text + "\" is no number format; expected the form integer(width=8, frac_width=4, signed=1)");
}

TEST(Format, AbsentOptionIsOurBug) { EXPECT_THROW((Format{"integer", {}}.integer("width")), InternalError); }

}  // namespace
}  // namespace lathe::quant
