#include "lathe/base/json.h"

#include <gtest/gtest.h>

#include <functional>

namespace lathe {
namespace {

using Json = nlohmann::ordered_json;

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const DataError& error) {
    return error.what();
  }
  return "no error";
}

std::string parse_error(const std::string& text) {
  return error_of([&] { parse_json<Json>(text, "a.json"); });
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(Json, SaysWhatIsWrongWithADocument) {
  EXPECT_EQ(parse_error("{\"a\": [1, 2.5, \"[[\\\"[\"]}"), "no error");
  EXPECT_EQ(parse_error("{\"a\": "), "a.json: is no JSON (it breaks off or goes wrong at byte 6 of 6)");
  EXPECT_EQ(parse_error("{\"a\": 1e400}"), "a.json: is no JSON (a number is beyond the range of double precision)");
  EXPECT_EQ(parse_error("[\"\xff\"]"), "a.json: is no JSON (it breaks off or goes wrong at byte 3 of 5)");
  EXPECT_EQ(parse_error(nested(kDeepestJson)), "no error");
  EXPECT_EQ(parse_error(nested(kDeepestJson + 1)), "a.json: is no JSON (nested deeper than 256)");
  EXPECT_EQ(parse_error(std::string(100'000, '[')), "a.json: is no JSON (nested deeper than 256)");
  std::string members = "{";
  for (std::size_t i = 0; i <= kMostJsonMembers; ++i) members += "\"\":1,";
  EXPECT_EQ(parse_error(members), "a.json: is no JSON (an object has more than 100000 members)");
}

TEST(Json, IsDiscardedWhereItMayBeAnything) {
  EXPECT_EQ(json_or_discarded<Json>("[1]"), Json::array({1}));
  for (const std::string& text : {std::string("[1"), std::string("1e400"), nested(100'000), std::string()}) {
    EXPECT_TRUE(json_or_discarded<Json>(text).is_discarded());
  }
}

TEST(Json, ValuesAreOfTheirKindAndSize) {
  const Json json =
      Json::parse(R"({"small": -3, "large": 18446744073709551615, "whole": 3.0, "part": 2.5, "huge": 1e300,
    "text": "x", "list": [1, "y"], "flag": true, "none": null})");
  EXPECT_EQ(json_member<int>(json, "small"), -3);
  EXPECT_EQ(json_member<std::uint64_t>(json, "large"), 18446744073709551615u);
  EXPECT_EQ(json_member<std::int64_t>(json, "whole"), 3);
  EXPECT_EQ(json_member<double>(json, "small"), -3);
  EXPECT_TRUE(json_member<bool>(json, "flag"));
  const auto error = [&]<typename T>(T, const char* name) { return error_of([&] { json_member<T>(json, name); }); };
  EXPECT_EQ(error(std::size_t{}, "small"), "small: -3 is no whole number from 0 of this size");
  EXPECT_EQ(error(std::int64_t{}, "large"), "large: 18446744073709551615 is no whole number of this size");
  EXPECT_EQ(error(std::int64_t{}, "part"), "part: 2.5 is no whole number of this size");
  EXPECT_EQ(error(std::int64_t{}, "huge"), "huge: 1e+300 is no whole number of this size");
  EXPECT_EQ(error(std::int64_t{}, "text"), "text: \"x\" is no whole number of this size");
  EXPECT_EQ(error(0.0, "flag"), "flag: true is no number");
  EXPECT_EQ(error(std::string(), "none"), "none: null is no text");
  EXPECT_EQ(error(true, "small"), "small: -3 is neither true nor false");
  EXPECT_EQ(error(std::vector<std::int64_t>(), "list"), "list: \"y\" is no whole number of this size");
  EXPECT_EQ(error(std::string(), "absent"), "absent: is missing");
  EXPECT_EQ(json_member_or<std::string>(json, "absent", "other"), "other");
  EXPECT_EQ(json_member_or<std::string>(json, "small", "other"), "other");
}

TEST(Json, FindsTheEndOfTheFirstValue) {
  EXPECT_EQ(json_prefix_size(R"({"a": ["}"]} when x)"), 12u);
  EXPECT_EQ(json_prefix_size("[1] [2]"), 3u);
  EXPECT_EQ(json_prefix_size("[1"), 0u);
  EXPECT_EQ(json_prefix_size("text"), 0u);
  EXPECT_EQ(json_prefix_size(""), 0u);
}

TEST(Json, PrintsTextThatIsNoUtf8) { EXPECT_EQ(dump_json(Json{{"a", "\xff"}}), "{\"a\":\"\xef\xbf\xbd\"}"); }

TEST(Json, ErrorsOfTheLibraryBecomeOurs) {
  EXPECT_EQ(error_of([] { with_json_errors("a.json", [] { Json::array().at(3); }); }).find("a.json: "), 0u);
  EXPECT_EQ(error_of([] { with_json_errors("a.json", [] { throw DataError("x"); }); }), "a.json: x");
}

}  // namespace
}  // namespace lathe
