#include "lathe/engine/update_rule.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "lathe/base/error.h"

namespace lathe::engine {
namespace {

State layout() {
  return {{.name = "a.weight", .shape = {2}, .values = {}, .trainable = true},
          {.name = "a.running_mean", .shape = {3}, .values = {}, .trainable = false},
          {.name = "b.bias", .shape = {1}, .values = {}, .trainable = true}};
}

State saved(const UpdateRule& rule) {
  return rule.save(layout(), [](const MomentPlace& place, std::vector<float>& values) {
    for (float& value : values) value = static_cast<float>(100 * place.moment + 10 * place.tensor + place.trained);
  });
}

TEST(UpdateRule, SavesTheMomentsOfTrainableTensorsAndTheCountOfSteps) {
  UpdateRule rule;
  rule.set({.name = "adam"});
  EXPECT_EQ(rule.moments(), 2u);
  rule.next(0.5);
  EXPECT_EQ(rule.next(0.25).number, 2);
  const State state = saved(rule);
  std::vector<std::string> names;
  for (const NamedTensor& tensor : state) names.push_back(tensor.name);
  EXPECT_EQ(names, (std::vector<std::string>{"a.weight.exp_avg", "b.bias.exp_avg", "a.weight.exp_avg_sq",
                                             "b.bias.exp_avg_sq", "step"}));
  EXPECT_EQ(state[0].values, (std::vector<float>{0, 0}));
  EXPECT_EQ(state[3].values, (std::vector<float>{121}));
  EXPECT_EQ(state[4].values, (std::vector<float>{2}));
}

TEST(UpdateRule, TakesBackWhatItSavedInAnyOrder) {
  UpdateRule rule, other;
  rule.set({.name = "sgd", .momentum = 0.9});
  other.set({.name = "sgd", .momentum = 0.9});
  for (int step = 0; step < 3; ++step) rule.next(1);
  State state = saved(rule);
  std::reverse(state.begin(), state.end());
  std::vector<float> taken;
  other.load(state, layout(), [&](const MomentPlace&, const std::vector<float>& values) {
    taken.insert(taken.end(), values.begin(), values.end());
  });
  EXPECT_EQ(taken, (std::vector<float>{0, 0, 21}));
  EXPECT_EQ(other.steps(), 3);
}

TEST(UpdateRule, TakesNothingOfAStateThatDoesNotFit) {
  UpdateRule rule;
  rule.set({.name = "rmsprop"});
  const State whole = saved(rule);
  for (std::size_t missing = 0; missing < whole.size(); ++missing) {
    State state = whole;
    state.erase(state.begin() + static_cast<std::ptrdiff_t>(missing));
    EXPECT_THROW(rule.load(state, layout(), [](const MomentPlace&, const auto&) { FAIL(); }), DataError);
    state = whole;
    state[missing].values.push_back(0);
    EXPECT_THROW(rule.load(state, layout(), [](const MomentPlace&, const auto&) { FAIL(); }), DataError);
  }
  EXPECT_THROW(rule.set({.name = "adan"}), UserError);
}

}  // namespace
}  // namespace lathe::engine
