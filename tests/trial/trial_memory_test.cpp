#include "lathe/trial/trial_memory.h"

#include <gtest/gtest.h>

#include "study/small_problem.h"

namespace lathe::trial {
namespace {

using study::SmallProblem;
using study::trained_search;

/// The reference engine on a device with memory of its own.
class OtherDevice final : public engine::Backend {
 public:
  std::string name() const override { return "other"; }
  std::string target() const override { return {}; }
  std::string accelerator() const override { return "gpu"; }
  std::optional<std::string> refusal(const ir::Graph& graph) const override { return ref_->refusal(graph); }
  std::shared_ptr<const engine::CompiledNetwork> compile(const ir::Graph& graph,
                                                         const engine::SessionSettings& settings) const override {
    return ref_->compile(graph, settings);
  }

 private:
  std::shared_ptr<const engine::Backend> ref_ = backend::make_ref_backend();
};

TEST(TrialMemory, RefusesMoreThanATrialMayHave) {
  SmallProblem problem(trained_search("n_trials = 1\ntrial_memory = 1\n"));
  const TrialMemory memory(problem.settings);
  EXPECT_EQ(memory.refusal(*backend::make_dense_backend(), 1'000'000), std::nullopt);
  EXPECT_EQ(memory.refusal(*backend::make_dense_backend(), 2'000'000), "needs 2.0 MB, trial_memory is 1.0 MB");
  EXPECT_EQ(memory.refusal(OtherDevice(), 2'000'000), "needs 2.0 MB, trial_memory is 1.0 MB");
}

TEST(TrialMemory, CountsTheMachinesMemoryUnlessTheUserGivesABudget) {
  constexpr std::int64_t kTooMuch = std::int64_t{1} << 60;
  SmallProblem problem(trained_search("n_trials = 1\n"));
  const TrialMemory free(problem.settings);
  EXPECT_NE(free.refusal(*backend::make_dense_backend(), kTooMuch), std::nullopt);
  EXPECT_EQ(free.refusal(OtherDevice(), kTooMuch), std::nullopt);
  problem.settings.max_memory_bytes = 1'000'000;
  const TrialMemory given(problem.settings);
  EXPECT_EQ(given.refusal(OtherDevice(), 2'000'000), "needs 2.0 MB, max_memory is 1.0 MB");
}

TEST(TrialMemory, SharesWhatThereIs) {
  SmallProblem problem(trained_search("n_trials = 1\nmax_memory = 1\n"));
  TrialMemory memory(problem.settings);
  const auto dense = backend::make_dense_backend();
  engine::StopToken stop;
  const MemoryBudget::Share most = memory.share(*dense, 900'000, stop);
  EXPECT_TRUE(most.granted());
  EXPECT_TRUE(memory.share(*dense, 100'000, stop).granted());
  stop.request();
  EXPECT_FALSE(memory.share(*dense, 200'000, stop).granted());
}

TEST(PlannedBytes, HoldOneCopyOfTheWeightsBesideTheSession) {
  SmallProblem problem(trained_search("n_trials = 1\n"));
  const Prepared prepared = problem.prepare(0);
  const auto network = prepared.backend->compile(prepared.candidate.graph, {.batch_size = 8});
  std::int64_t values = 0;
  for (const engine::NamedTensor& tensor : engine::zero_state(prepared.candidate.graph))
    values += element_count(tensor.shape);
  EXPECT_EQ(planned_bytes(*network, prepared.candidate.graph), network->session_bytes() + 4 * values);
}

}  // namespace
}  // namespace lathe::trial
