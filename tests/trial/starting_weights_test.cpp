#include "lathe/trial/starting_weights.h"

#include <gtest/gtest.h>

#include "study/small_problem.h"

namespace lathe::trial {
namespace {

using study::SmallProblem;
using study::trained_search;

const std::string kSearch = trained_search("n_trials = 1\n");

Digest key_of(const std::string& text) {
  Hasher hasher;
  hasher.add_text(text);
  return hasher.finish();
}

TEST(StartingWeightsOfAStudy, AreAFunctionOfSeedKeyAndRepeat) {
  SmallProblem problem(kSearch);
  const StartingWeights weights(problem.settings, problem.space, nullptr);
  EXPECT_TRUE(weights.all_fresh());
  EXPECT_EQ(weights.text(), "fresh seed=0");
  const ir::Graph& graph = problem.space.base();
  const engine::State state = weights.state(graph, key_of("a"), 1);
  EXPECT_EQ(weights.state(graph, key_of("a"), 1), state);
  EXPECT_NE(weights.state(graph, key_of("a"), 2), state);
  EXPECT_NE(weights.state(graph, key_of("b"), 1), state);
}

TEST(StartingWeightsOfAStudy, TakeWhatFitsOfLoadedOnes) {
  SmallProblem problem(kSearch);
  const ir::Graph& base = problem.space.base();
  const auto loaded = std::make_shared<const engine::State>(engine::initial_state(base, 7, 7, 7));
  const StartingWeights weights(problem.settings, problem.space, loaded);
  EXPECT_EQ(weights.text(), engine::hash_state(*loaded).to_hex());
  EXPECT_EQ(weights.state(base, key_of("a"), 0), *loaded);
  const ir::Graph half = problem.prepare(0).candidate.graph;
  const engine::State state = weights.state(half, key_of("a"), 0);
  const engine::State fresh = engine::initial_state(half, 0, key_of("a").first_word(), 0);
  ASSERT_EQ(state.size(), loaded->size());
  for (std::size_t i = 0; i < state.size(); ++i)
    EXPECT_EQ(state[i], state[i].shape == (*loaded)[i].shape ? (*loaded)[i] : fresh[i]) << state[i].name;
}

TEST(StartingWeightsOfAStudy, NameTensorsThatWereNeverTrained) {
  SmallProblem problem(kSearch);
  const ir::Graph& base = problem.space.base();
  EXPECT_TRUE(StartingWeights(problem.settings, problem.space, nullptr).untrained_tensors(base).empty());
  problem.settings.train.reset();
  const StartingWeights fresh(problem.settings, problem.space, nullptr);
  EXPECT_EQ(fresh.untrained_tensors(base), (std::vector<std::string>{"seq_blocks.0.weight", "seq_blocks.0.bias",
                                                                     "seq_blocks.2.weight", "seq_blocks.2.bias"}));
  const auto loaded = std::make_shared<const engine::State>(engine::initial_state(base, 7, 7, 7));
  const StartingWeights given(problem.settings, problem.space, loaded);
  EXPECT_TRUE(given.untrained_tensors(base).empty());
  // The second layer's bias fits whatever the width of the first one.
  EXPECT_EQ(given.untrained_tensors(problem.prepare(0).candidate.graph).size(), 3u);
}

}  // namespace
}  // namespace lathe::trial
