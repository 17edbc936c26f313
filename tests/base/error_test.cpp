#include "lathe/base/error.h"

#include <gtest/gtest.h>

#include <vector>

#include "lathe/base/check.h"

namespace lathe {
namespace {

TEST(UserError, PrintsPositionKeyAndMessage) {
  const UserError error({"study.toml", 14, 9}, "sampler.tpe.gamma", "must be in (0, 1]; got 1.7");
  EXPECT_STREQ(error.what(), "study.toml:14:9: sampler.tpe.gamma: must be in (0, 1]; got 1.7");
  EXPECT_EQ(error.exit_code(), ExitCode::kUsage);
  EXPECT_STREQ(UserError("n_trials", "must be at least 1").what(), "n_trials: must be at least 1");
}

TEST(NearestName, FindsMisspellings) {
  const std::vector<std::string> names{"seq_blocks_2", "seq_blocks_4", "output"};
  EXPECT_EQ(nearest_name("seq_block_2", names), "seq_blocks_2");
  EXPECT_EQ(nearest_name("outptu", names), "output");
  EXPECT_EQ(nearest_name("something else", names), "");
  EXPECT_EQ(suggestion("outptu", names), "; did you mean \"output\"? (known: seq_blocks_2, seq_blocks_4, output)");
}

TEST(Check, PrintsBothValues) {
  const int two = 2;
  try {
    LATHE_CHECK_EQ(two, 3);
    FAIL();
  } catch (const InternalError& error) {
    EXPECT_NE(std::string(error.what()).find("two == 3; 2 and 3"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace lathe
