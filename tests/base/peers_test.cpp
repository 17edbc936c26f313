#include "peers.h"

#include <gtest/gtest-spi.h>

namespace lathe::peers {
namespace {

void test_without_its_peer() {
  LATHE_PEER_IS_ABSENT("python3-nothing is not installed");
  ADD_FAILURE() << "goes on";
}

TEST(Peers, AbsentOnesFailWhereTheyAreRequired) {
  const char* before = std::getenv("LATHE_REQUIRE_PEERS");
  const std::string kept = before == nullptr ? "" : before;
  setenv("LATHE_REQUIRE_PEERS", "1", 1);
  EXPECT_TRUE(are_required());
  EXPECT_FATAL_FAILURE(test_without_its_peer(), "python3-nothing is not installed, and is needed");
  setenv("LATHE_REQUIRE_PEERS", "0", 1);
  EXPECT_FALSE(are_required());
  setenv("LATHE_REQUIRE_PEERS", kept.c_str(), 1);
}

}  // namespace
}  // namespace lathe::peers
