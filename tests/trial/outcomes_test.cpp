#include "lathe/trial/outcomes.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lathe/base/random.h"

namespace lathe::trial {
namespace {

TEST(Outcomes, OfRightAndWrongAreABitEach) {
  std::vector<float> accuracy;
  for (std::int64_t i = 0; i < kOutcomeRows; ++i) accuracy.push_back(i % 3 == 0 ? -0.7f : 0.3f);
  const Outcomes outcomes{accuracy, {}};
  const std::string text = encode(outcomes);
  EXPECT_LE(text.size(), 2048u);
  EXPECT_EQ(decode(text), outcomes);
}

TEST(Outcomes, OfLossesKeepSixteenBits) {
  RandomStream stream(1, {1}, "outcomes_test");
  std::vector<float> losses;
  for (int i = 0; i < 1001; ++i) losses.push_back(static_cast<float>(stream.normal()));
  const auto read = decode(encode({losses}));
  ASSERT_TRUE(read);
  for (std::size_t i = 0; i < losses.size(); ++i) EXPECT_NEAR((*read)[0][i], losses[i], 1e-4);
}

TEST(Outcomes, ThatAreNotFiniteAreNotKept) { EXPECT_EQ(decode(encode({{1.0f, std::nanf("")}})), Outcomes{{}}); }

TEST(Outcomes, ThatAreDamagedAreNotRead) {
  const std::string text = encode({{1, 2, 3, 4}, {0, 1}});
  EXPECT_FALSE(decode(""));
  EXPECT_FALSE(decode("2" + text.substr(1)));
  EXPECT_FALSE(decode(text.substr(0, text.size() - 4)));
  EXPECT_FALSE(decode(text + "AAAA"));
  EXPECT_FALSE(decode("1????"));
  for (std::size_t i = 0; i < text.size(); ++i) {  // whatever stands there, reading ends
    for (const char letter : {'A', '/', '\0', '='}) {
      std::string damaged = text;
      damaged[i] = letter;
      decode(damaged);
    }
  }
}

}  // namespace
}  // namespace lathe::trial
