#include "lathe/base/registry.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

struct Tool {
  std::string name;
  std::vector<std::string> aliases = {};
};

TEST(Registry, FindsByNameAndAlias) {
  const Registry<Tool> tools("tool", {{"chisel"}, {"gouge", {"bowl_gouge"}}});
  EXPECT_EQ(tools.find("bowl_gouge"), &tools.entries()[1]);
  EXPECT_EQ(tools.find("Chisel"), nullptr);
  EXPECT_EQ(tools.names(), (std::vector<std::string>{"chisel", "gouge"}));
  EXPECT_EQ(tools.all_spellings(), (std::vector<std::string>{"chisel", "gouge", "bowl_gouge"}));
  EXPECT_EQ(tools.at("chisel", "tool").name, "chisel");
}

TEST(Registry, NamesTheNearestOfAnUnknownName) {
  const Registry<Tool> tools("tool", {{"chisel"}, {"gouge"}});
  try {
    tools.at("goge", "rest");
    FAIL();
  } catch (const UserError& error) {
    EXPECT_STREQ(error.what(), "rest: unknown tool \"goge\"; did you mean \"gouge\"? (known: chisel, gouge)");
  }
}

TEST(Registry, LooseSpellingsAreOneName) {
  const Registry<Tool> tools("tool", {{"brute_force", {"BruteForce"}}, {"gouge"}}, Spelling::kLoose);
  for (const char* name : {"brute_force", "BruteForce", "brute-force", "Brute Force"})
    EXPECT_EQ(tools.find(name), &tools.entries()[0]) << name;
  EXPECT_EQ(tools.find("bruteforced"), nullptr);
  EXPECT_THROW(Registry<Tool>("tool", {{"a-b"}, {"A_B"}}, Spelling::kLoose), InternalError);
}

TEST(Registry, HyphensMayBeUnderscoresAndNothingElse) {
  const Registry<Tool> tools("tool", {{"bowl-gouge"}}, Spelling::kHyphens);
  for (const char* name : {"bowl-gouge", "Bowl_Gouge"}) EXPECT_NE(tools.find(name), nullptr) << name;
  for (const char* name : {"bowlgouge", "bowl gouge"}) EXPECT_EQ(tools.find(name), nullptr) << name;
}

TEST(Registry, RefusesTwoEntriesOfOneName) {
  EXPECT_THROW(Registry<Tool>("tool", {{"chisel"}, {"gouge", {"chisel"}}}), InternalError);
  EXPECT_THROW(Registry<Tool>("tool", {{"chisel"}, {"chisel"}}), InternalError);
}

}  // namespace
}  // namespace lathe
