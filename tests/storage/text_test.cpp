#include "lathe/storage/text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lathe/base/error.h"

namespace lathe::storage {
namespace {

using namespace std::chrono;

TEST(StorageText, WritesNumbersAsPythonDoes) {
  EXPECT_EQ(json_text(1.0), "1.0");
  EXPECT_EQ(json_text(0.25), "0.25");
  EXPECT_EQ(json_text(-0.0), "-0.0");
  EXPECT_EQ(json_text(0.0001), "0.0001");
  EXPECT_EQ(json_text(1e-05), "1e-05");
  EXPECT_EQ(json_text(123456789012345680.0), "1.2345678901234568e+17");
  EXPECT_EQ(json_text(1e15), "1000000000000000.0");
  EXPECT_EQ(json_text(1e16), "1e+16");
  EXPECT_EQ(json_text(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(json_text(std::numeric_limits<double>::infinity()), "Infinity");
  EXPECT_EQ(json_text(-std::numeric_limits<double>::infinity()), "-Infinity");
  EXPECT_EQ(json_text(std::nan("")), "NaN");
}

TEST(StorageText, EscapesAllButAscii) {
  EXPECT_EQ(json_text(std::string_view("a\"b\\c\n\x01")), R"("a\"b\\c\n\u0001")");
  EXPECT_EQ(json_text(std::string_view("é…😀")), R"("\u00e9\u2026\ud83d\ude00")");
  EXPECT_EQ(json_text(std::string_view("\xff|\xe2\x82")), R"("\ufffd|\ufffd\ufffd")");
  EXPECT_EQ(json_text(std::string_view("\x7f")), R"("\u007f")");
}

TEST(StorageText, DistributionsComeBackEqual) {
  const std::vector<Choice> choices{std::int64_t{2}, 0.5, 1.0, true, std::monostate{}, std::string("both é")};
  const std::string text = distribution_json(choices);
  EXPECT_EQ(
      text,
      R"({"name": "CategoricalDistribution", "attributes": {"choices": [2, 0.5, 1.0, true, null, "both \u00e9"]}})");
  EXPECT_EQ(choices_from_json(text), choices);
}

TEST(StorageText, OtherDistributionsHaveNoChoices) {
  EXPECT_TRUE(choices_from_json(R"({"name": "IntDistribution", "attributes": {"low": 0, "high": 3}})").empty());
  EXPECT_THROW(choices_from_json("{"), DataError);
  EXPECT_THROW(choices_from_json(R"({"name": "CategoricalDistribution"})"), DataError);
}

TEST(StorageText, TimesAreUtcWithMicroseconds) {
  const Time time = sys_days(year(2026) / 11 / 21) + hours(2) + minutes(9) + seconds(41) + microseconds(941163);
  EXPECT_EQ(time_text(time), "2026-11-21 02:09:41.941163");
  EXPECT_EQ(time_from_text("2026-11-21 02:09:41.941163"), time);
  EXPECT_EQ(time_from_text("2026-11-21 02:09:41"), time - microseconds(941163));
  EXPECT_EQ(time_from_text("2026-11-21 02:09:41.94"), time - microseconds(1163));
  for (const char* bad :
       {"", "2026-11-21T02:09:41", "2026-13-21 02:09:41", "2026-11-21 02:09:41.", "2026-11-21 0a:09:41"}) {
    EXPECT_THROW(time_from_text(bad), DataError) << bad;
  }
}

TEST(StorageText, NamesAreUpperCase) {
  for (const TrialState state :
       {TrialState::kRunning, TrialState::kComplete, TrialState::kPruned, TrialState::kFail, TrialState::kWaiting}) {
    EXPECT_EQ(state_from_name(to_string(state)), state);
  }
  for (const Direction direction : {Direction::kNotSet, Direction::kMinimize, Direction::kMaximize}) {
    EXPECT_EQ(direction_from_name(to_string(direction)), direction);
  }
  EXPECT_THROW(state_from_name("complete"), DataError);
}

}  // namespace
}  // namespace lathe::storage
