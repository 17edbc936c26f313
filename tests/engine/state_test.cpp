#include "lathe/engine/state.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/fake_session.h"
#include "lathe/base/error.h"

namespace lathe::engine {
namespace {

std::string message_of(const ir::Graph& graph, const State& state) {
  try {
    check_state(graph, state, "model.safetensors");
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

TEST(InitialState, HasPyTorchsNamesOrderAndDefaults) {
  const State state = initial_state(small_graph(true), 1, 2, 3);
  std::vector<std::string> names;
  for (const NamedTensor& tensor : state) names.push_back(tensor.name);
  EXPECT_EQ(names, (std::vector<std::string>{"blocks.0.weight", "blocks.0.bias", "blocks.0.running_mean",
                                             "blocks.0.running_var", "blocks.0.num_batches_tracked", "blocks.1.weight",
                                             "blocks.1.bias"}));
  EXPECT_EQ(state[0].values, std::vector<float>(4, 1.0f));
  EXPECT_EQ(state[1].values, std::vector<float>(4, 0.0f));
  EXPECT_EQ(state[3].values, std::vector<float>(4, 1.0f));
  EXPECT_TRUE(state[4].integral);
  EXPECT_EQ(state[4].values, std::vector<float>(1, 0.0f));
  EXPECT_EQ(state[5].shape, (Shape{3, 4}));
  for (const float value : state[5].values) EXPECT_LE(std::abs(value), 0.5f);  // 1 / sqrt(4)
  EXPECT_GT(*std::max_element(state[5].values.begin(), state[5].values.end()), 0.1f);
}

TEST(InitialState, IsAFunctionOfItsArgumentsAlone) {
  const ir::Graph graph = small_graph(true);
  const Digest digest = hash_state(initial_state(graph, 1, 2, 3));
  EXPECT_EQ(hash_state(initial_state(graph, 1, 2, 3)), digest);
  EXPECT_NE(hash_state(initial_state(graph, 2, 2, 3)), digest);
  EXPECT_NE(hash_state(initial_state(graph, 1, 3, 3)), digest);
  EXPECT_NE(hash_state(initial_state(graph, 1, 2, 4)), digest);
}

TEST(CheckState, NamesWhatDoesNotFit) {
  const ir::Graph graph = small_graph(true);
  const State good = initial_state(graph, 0, 0, 0);
  EXPECT_EQ(message_of(graph, good), "");

  State missing = good;
  missing[5].name = "blocks.1.weigth";
  EXPECT_EQ(message_of(graph, missing),
            "model.safetensors: tensor blocks.1.weight of shape [3, 4] is missing; there is blocks.1.weigth");
  missing.erase(missing.begin() + 5);
  EXPECT_EQ(message_of(graph, missing), "model.safetensors: tensor blocks.1.weight of shape [3, 4] is missing");

  State shape = good;
  shape[5].shape = {4, 3};
  EXPECT_EQ(message_of(graph, shape),
            "model.safetensors: tensor blocks.1.weight has shape [4, 3], the network needs [3, 4]");

  State unexpected = good;
  unexpected.push_back({"classifier", {1}, {0.0f}});
  EXPECT_NE(message_of(graph, unexpected).find("tensor classifier is not in the network"), std::string::npos);

  State order = good;
  std::swap(order[5], order[6]);
  EXPECT_EQ(message_of(graph, order),
            "model.safetensors: tensor blocks.1.bias stands where the network has blocks.1.weight");

  State twice = good;
  twice.push_back(good[6]);
  EXPECT_EQ(message_of(graph, twice), "model.safetensors: 8 tensors, the network has 7");
}

}  // namespace
}  // namespace lathe::engine
