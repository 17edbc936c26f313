#include "lathe/space/candidate_key.h"

#include <gtest/gtest.h>

#include <set>

#include "space/networks.h"

namespace lathe::space {
namespace {

TEST(CandidateKey, DependsOnEveryPart) {
  ir::Graph renamed = tiny_network();
  renamed.name = "another name";
  EXPECT_EQ(candidate_key(tiny_network(), "r", "w", "d", "b"), candidate_key(renamed, "r", "w", "d", "b"));
  const std::set<Digest> keys{
      candidate_key(tiny_network(), "r", "w", "d", "b"),  candidate_key(three_layers(), "r", "w", "d", "b"),
      candidate_key(tiny_network(), "rr", "w", "d", "b"), candidate_key(tiny_network(), "r", "ww", "d", "b"),
      candidate_key(tiny_network(), "r", "w", "dd", "b"), candidate_key(tiny_network(), "r", "w", "d", "bb"),
      candidate_key(tiny_network(), "rw", "", "d", "b")};
  EXPECT_EQ(keys.size(), 7u);
}

}  // namespace
}  // namespace lathe::space
