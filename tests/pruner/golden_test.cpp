#include "pruner/golden.h"

#include <gtest/gtest.h>

#include "lathe/pruner/hyperband.h"
#include "pruner/golden_newest.h"
#include "pruner/sequence.h"

namespace lathe::pruner {
namespace {

TEST(PrunerGolden, DecidesAsOptuna) {
  const auto curves = of_one(golden::kCurves);
  const auto steps = counted_steps(curves.front().size());
  for (const golden::Case& each : golden::kCases) {
    SCOPED_TRACE(each.name + "\n" + each.options);
    EXPECT_EQ(stops(*make(each.name, each.options, {Direction::kMaximize}).pruner, curves, steps), each.maximised);
    EXPECT_EQ(stops(*make(each.name, each.options, {Direction::kMinimize}).pruner, curves, steps), each.minimised);
  }
}

TEST(PrunerGolden, DecidesAsTheNewestOptuna) {
  const auto curves = of_one(golden::kNewestCurves);
  const auto steps = counted_steps(curves.front().size());
  for (const golden::NewestCase& each : golden::kNewestCases) {
    SCOPED_TRACE(each.name + "\n" + each.options);
    EXPECT_EQ(stops(*make(each.name, each.options, {Direction::kMinimize}).pruner, curves, steps), each.stops);
  }
}

TEST(PrunerGolden, DealsHyperbandsBracketsAsOptuna) {
  const std::vector<std::int64_t> shares = bracket_shares(1, 81, 3);
  EXPECT_EQ(shares, golden::kBracketShares);
  EXPECT_EQ(bracket_shares(1, 243, 3).size(), golden::kBracketsOf243);
  for (std::size_t number = 0; number < golden::kBrackets.size(); ++number) {
    EXPECT_EQ(bracket_of("golden", static_cast<std::int64_t>(number), shares), golden::kBrackets[number]) << number;
  }
}

}  // namespace
}  // namespace lathe::pruner
