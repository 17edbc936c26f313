#include "lathe/parameter/space.h"

#include <gtest/gtest.h>

#include <set>

#include "lathe/base/error.h"

namespace lathe::parameter {
namespace {

Categorical choices(std::int64_t count) {
  Categorical list;
  for (std::int64_t i = 0; i < count; ++i) list.choices.emplace_back(i);
  return list;
}

/// depth 1..3; per layer an op of 3 kinds, and a kernel of 2 where the op is the first one.
Space layers() {
  std::vector<Parameter> parameters{{"depth", Integer{.low = 1, .high = 3}}};
  for (std::size_t layer = 0; layer < 3; ++layer) {
    Condition deep{0, {layer < 1, layer < 2, layer < 3}};
    parameters.push_back({"op" + std::to_string(layer), choices(3), deep});
    parameters.push_back(
        {"kernel" + std::to_string(layer), choices(2), Condition{parameters.size() - 1, {true, false, false}}});
  }
  return Space(parameters);
}

TEST(Space, CountsConditionalAssignments) {
  EXPECT_EQ(layers().count(), 4U + 16U + 64U);
  EXPECT_EQ(Space::categorical({2, 3, 4}).count(), 24U);
  EXPECT_EQ(Space().count(), 1U);
}

TEST(Space, PlacesAndAssignmentsAreInverse) {
  for (const Space& space : {layers(), Space::categorical({2, 3, 4})}) {
    std::set<Assignment> seen;
    for (std::uint64_t place = 0; place < *space.count(); ++place) {
      const Assignment assignment = space.decode(place);
      EXPECT_TRUE(space.contains(assignment));
      EXPECT_EQ(space.encode(assignment), place);
      seen.insert(assignment);
    }
    EXPECT_EQ(seen.size(), *space.count());
  }
}

TEST(Space, LastParameterChangesFastest) { EXPECT_EQ(Space::categorical({2, 3}).decode(4), (Assignment{1, 1})); }

TEST(Space, DeactivateFollowsChainsOfConditions) {
  const Space space = layers();
  Assignment assignment{0, 0, 1, 0, 1, 2, 1};  // depth 1
  EXPECT_FALSE(space.contains(assignment));
  space.deactivate(assignment);
  EXPECT_EQ(assignment, (Assignment{0, 0, 1, kInactive, kInactive, kInactive, kInactive}));
  EXPECT_TRUE(space.contains(assignment));
}

TEST(Space, LargeAndContinuousSpacesHashInsteadOfCounting) {
  const Space large = Space::categorical(std::vector<std::int64_t>(70, 2));
  EXPECT_EQ(large.count(), std::nullopt);
  const Assignment zeros(70, 0);
  Assignment one = zeros;
  one[69] = 1;
  EXPECT_NE(large.encode(zeros), large.encode(one));
  const Space continuous({{"rate", Float{.low = 0, .high = 1}}});
  EXPECT_EQ(continuous.count(), std::nullopt);
  EXPECT_TRUE(continuous.contains({0.5}));
  EXPECT_FALSE(continuous.contains({1.5}));
}

TEST(Space, RefusesConditionsOnLaterParameters) {
  EXPECT_THROW(Space({{"a", choices(2), Condition{1, {true, false}}}, {"b", choices(2)}}), InternalError);
  EXPECT_THROW(Space({{"a", Integer{.low = 2, .high = 1}}}), UserError);
}

}  // namespace
}  // namespace lathe::parameter
