#include "lathe/config/field.h"

#include <gtest/gtest.h>

#include "error_text.h"

namespace lathe::config {
namespace {

struct Sample {
  std::int64_t trials = 20;
  double rate = 0.5;
  std::string kind = "adam";
  bool shuffle = true;
  std::optional<std::int64_t> limit;
  std::uint64_t seed = 0;
};

std::vector<Field<Sample>> fields() {
  return {field("trials", &Sample::trials, "number of trials", at_least(1)),
          field("rate", &Sample::rate, "a share", Bounds{.low = 0, .high = 1, .low_open = true}),
          choice_field("kind", &Sample::kind, {"adam", "adamw", "sgd"}, "update rule"),
          field("shuffle", &Sample::shuffle, "draw an order"),
          field("limit", &Sample::limit, "most steps", above(0)),
          field("seed", &Sample::seed, "seed of all draws")};
}

Sample decoded(const std::string& text) {
  Sample out;
  decode(parse_text(text, "study.toml"), fields(), out);
  return out;
}

std::string refused(const std::string& text) {
  return error_text([&] { decoded(text); });
}

TEST(Decode, StoresEveryType) {
  const Sample out = decoded("trials = 3\nrate = 1\nkind = \"sgd\"\nshuffle = false\nlimit = 7\nseed = 42\n");
  EXPECT_EQ(out.trials, 3);
  EXPECT_DOUBLE_EQ(out.rate, 1.0);
  EXPECT_EQ(out.kind, "sgd");
  EXPECT_FALSE(out.shuffle);
  EXPECT_EQ(out.limit, 7);
  EXPECT_EQ(out.seed, 42u);
}

TEST(Decode, TakesNotAvailableAsNone) { EXPECT_FALSE(decoded("limit = \"NA\"\n").limit.has_value()); }

TEST(Decode, PointsAtAnUnknownKeyAndShowsTheNearest) {
  EXPECT_EQ(refused("  trails = 3\n"),
            "study.toml:1:3: trails: unknown key; did you mean \"trials\"? (known: trials, rate, kind, shuffle, limit, "
            "seed)");
}

TEST(Decode, ReportsBoundsChoicesAndTypes) {
  EXPECT_EQ(refused("trials = 0\n"), "study.toml:1:10: trials: must be at least 1; got 0");
  EXPECT_EQ(refused("rate = 0.0\n"), "study.toml:1:8: rate: must be in (0, 1]; got 0.0");
  EXPECT_EQ(refused("rate = nan\n"), "study.toml:1:8: rate: must be a finite number; got nan");
  EXPECT_EQ(refused("rate = inf\n"), "study.toml:1:8: rate: must be a finite number; got inf");
  EXPECT_EQ(refused("limit = 0\n"), "study.toml:1:9: limit: must be above 0; got 0");
  EXPECT_EQ(refused("seed = -1\n"), "study.toml:1:8: seed: must be at least 0; got -1");
  EXPECT_EQ(refused("trials = 2.0\n"), "study.toml:1:10: trials: expected an integer; got 2.0");
  EXPECT_EQ(refused("shuffle = 1\n"), "study.toml:1:11: shuffle: expected true or false; got 1");
  EXPECT_EQ(refused("kind = \"adm\"\n"),
            "study.toml:1:8: kind: must be \"adam\", \"adamw\" or \"sgd\"; got \"adm\"; did you mean \"adam\"?");
}

TEST(Field, ShowsValuesAndDocumentsItself) {
  const auto all = fields();
  const Sample sample;
  EXPECT_EQ(all[0].show(sample), "20");
  EXPECT_EQ(all[0].type, "integer");
  EXPECT_EQ(all[0].allowed, "at least 1");
  EXPECT_EQ(all[1].allowed, "in (0, 1]");
  EXPECT_EQ(all[2].allowed, "\"adam\", \"adamw\" or \"sgd\"");
  EXPECT_EQ(all[2].show(sample), "\"adam\"");
  EXPECT_EQ(all[3].show(sample), "true");
  EXPECT_EQ(all[4].show(sample), "\"NA\"");
}

}  // namespace
}  // namespace lathe::config
