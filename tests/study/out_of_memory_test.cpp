// A device that runs out of memory: the trial fails with the reason, the search goes on.
#include "lathe/base/out_of_memory.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "lathe/base/process_memory.h"
#include "study/fixture.h"

namespace lathe::study {
namespace {

class NetworkOfSmallDevice final : public engine::CompiledNetwork {
 public:
  NetworkOfSmallDevice(std::shared_ptr<const engine::CompiledNetwork> dense, bool fits)
      : dense_(std::move(dense)), fits_(fits) {}
  std::int64_t session_bytes() const override { return dense_->session_bytes(); }
  std::unique_ptr<engine::Session> make_session() const override {
    if (!fits_) throw OutOfMemory("the device has 1 MB in all, none free");
    return dense_->make_session();
  }

 private:
  std::shared_ptr<const engine::CompiledNetwork> dense_;
  bool fits_;
};

/// The dense engine on a device that has no room for more than so many parameters.
class SmallDevice final : public engine::Backend {
 public:
  explicit SmallDevice(std::int64_t most_parameters) : most_parameters_(most_parameters) {}
  std::string name() const override { return "small"; }
  std::string target() const override { return {}; }
  std::optional<std::string> refusal(const ir::Graph& graph) const override { return dense_->refusal(graph); }
  std::shared_ptr<const engine::CompiledNetwork> compile(const ir::Graph& graph,
                                                         const engine::SessionSettings& settings) const override {
    return std::make_shared<NetworkOfSmallDevice>(dense_->compile(graph, settings),
                                                  parameters(graph) <= most_parameters_);
  }

  static std::int64_t parameters(const ir::Graph& graph) {
    std::int64_t count = 0;
    for (const engine::NamedTensor& tensor : engine::zero_state(graph)) count += element_count(tensor.shape);
    return count;
  }

 private:
  std::shared_ptr<const engine::Backend> dense_ = backend::make_dense_backend();
  std::int64_t most_parameters_;
};

TEST(OutOfMemory, FailsTheTrialWithTheReasonAndTheSearchGoesOn) {
  Fixture fixture(trained_search("n_trials = 6\nsampler = \"brute_force\"\n"));
  std::vector<std::int64_t> sizes;
  for (const Trial& trial : fixture.run().trials)
    sizes.push_back(SmallDevice::parameters(fixture.space.decode(trial.assignment).graph));
  const auto [least, largest] = std::minmax_element(sizes.begin(), sizes.end());
  ASSERT_LT(*least, *largest);
  fixture.backends = {std::make_shared<SmallDevice>((*least + *largest) / 2)};
  trial::Evaluator evaluator(fixture.settings, fixture.space, small_dataset(), fixture.backends, nullptr);
  const auto storage = storage::open_memory();
  const StudyResult result =
      StudyLoop(fixture.settings, fixture.space, evaluator, fixture.make_sampler(), *storage, fixture.open(*storage))
          .run(fixture.stop);
  ASSERT_EQ(result.trials.size(), sizes.size());
  std::map<TrialState, int> states;
  for (const Trial& trial : result.trials) {
    ++states[trial.state];
    if (trial.state != TrialState::kFail) continue;
    EXPECT_TRUE(trial.evaluation->out_of_memory);
    EXPECT_EQ(trial.reason, fmt::format("out of memory ({} planned): the device has 1 MB in all, none free",
                                        memory_text(trial.evaluation->usage.planned_bytes)));
  }
  EXPECT_GT(states[TrialState::kComplete], 0);
  EXPECT_GT(states[TrialState::kFail], 0);
}

}  // namespace
}  // namespace lathe::study
