#include "lathe/storage/text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lathe/base/error.h"
#include "storage/sample.h"

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
  using parameter::Categorical, parameter::Float, parameter::Integer;
  const std::vector<std::pair<parameter::Distribution, std::string>> cases{
      {Categorical{{std::int64_t{2}, 0.5, 1.0, true, std::monostate{}, std::string("both é")}},
       R"({"name": "CategoricalDistribution", "attributes": {"choices": [2, 0.5, 1.0, true, null, "both \u00e9"]}})"},
      {Integer{.low = 8, .high = 64, .step = 8},
       R"({"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 64}})"},
      {Integer{.low = 1, .high = 1000, .log = true},
       R"({"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 1000}})"},
      {Float{.low = 1e-05, .high = 0.1, .log = true},
       R"({"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}})"},
      {Float{.low = 0, .high = 1, .step = 0.25},
       R"({"name": "FloatDistribution", "attributes": {"step": 0.25, "low": 0.0, "high": 1.0, "log": false}})"}};
  for (const auto& [distribution, text] : cases) {
    EXPECT_EQ(distribution_json(distribution), text);
    EXPECT_EQ(distribution_from_json(text), distribution) << text;
  }
}

TEST(StorageText, ReadsTheSpellingsBeforeOptuna3) {
  using parameter::Float, parameter::Integer;
  const auto read = [](const std::string& name, const std::string& attributes) {
    return distribution_from_json("{\"attributes\":{" + attributes + "},\"name\":\"" + name + "\"}");
  };
  EXPECT_EQ(read("UniformDistribution", R"("low":0,"high":2.5)"),
            parameter::Distribution(Float{.low = 0, .high = 2.5}));
  EXPECT_EQ(read("LogUniformDistribution", R"("low":0.5,"high":2)"),
            parameter::Distribution(Float{.low = 0.5, .high = 2, .log = true}));
  EXPECT_EQ(read("DiscreteUniformDistribution", R"("low":0,"high":1,"q":0.5)"),
            parameter::Distribution(Float{.low = 0, .high = 1, .step = 0.5}));
  EXPECT_EQ(read("IntUniformDistribution", R"("low":0,"high":9,"step":3)"),
            parameter::Distribution(Integer{.low = 0, .high = 9, .step = 3}));
  EXPECT_EQ(read("IntLogUniformDistribution", R"("low":1,"high":9,"step":1)"),
            parameter::Distribution(Integer{.low = 1, .high = 9, .log = true}));
}

TEST(StorageText, TextsThatAreNoDistributionAreRefused) {
  for (const char* bad : {"{", "[]", R"({"name": "CategoricalDistribution"})",
                          R"({"name": "CategoricalDistribution", "attributes": {"choices": []}})",
                          R"({"name": "GammaDistribution", "attributes": {}})",
                          R"({"name": "IntDistribution", "attributes": {"low": 3, "high": 0}})"}) {
    EXPECT_THROW(distribution_from_json(bad), DataError) << bad;
  }
}

TEST(StorageText, FixedParametersAreTheValuesThatARunnerSees) {
  const std::vector<Parameter> fixed{categorical("bits", {std::int64_t{2}, std::monostate{}}, 1),
                                     {"width", shared(parameter::Integer{.low = 8, .high = 64, .step = 8}), 16},
                                     {"rate", shared(parameter::Float{.low = 0, .high = 1}), 0.5}};
  EXPECT_EQ(fixed_parameters_json(fixed), R"({"bits": null, "width": 16, "rate": 0.5})");
  EXPECT_EQ(fixed_parameters_json({}), "{}");
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
  for (const char* far : {"6026-11-21 02:09:41", "1677-12-31 23:59:59", "2262-01-01 00:00:00", "0000-01-01 00:00:00"})
    EXPECT_THROW(time_from_text(far), DataError) << far;
  EXPECT_EQ(time_text(time_from_text("2261-12-31 23:59:59")).substr(0, 19), "2261-12-31 23:59:59");
}

TEST(StorageText, NamesAreUpperCase) {
  for (const TrialState state :
       {TrialState::kRunning, TrialState::kComplete, TrialState::kPruned, TrialState::kFail, TrialState::kWaiting}) {
    EXPECT_EQ(state_from_name(to_string(state)), state);
  }
  for (const Direction direction : {Direction::kMinimize, Direction::kMaximize}) {
    EXPECT_EQ(direction_from_name(to_string(direction)), direction);
  }
  EXPECT_EQ(direction_from_name("NOT_SET"), std::nullopt);
  EXPECT_THROW(direction_from_name("maximize"), DataError);
  EXPECT_THROW(state_from_name("complete"), DataError);
}

}  // namespace
}  // namespace lathe::storage
