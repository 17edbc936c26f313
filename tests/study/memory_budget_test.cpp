#include "lathe/trial/memory_budget.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "lathe/base/process_memory.h"
#include "study/fixture.h"

namespace lathe::study {
namespace {

using namespace std::chrono_literals;

TEST(MemoryBudget, RefusesWhatNeverFitsWithBothFigures) {
  const trial::MemoryBudget budget(20'100'000'000, "");
  EXPECT_EQ(budget.refusal(31'200'000'000), "needs 31.2 GB, max_memory is 20.1 GB");
  EXPECT_EQ(budget.refusal(20'100'000'000), std::nullopt);
  EXPECT_EQ(trial::MemoryBudget(std::nullopt, "").refusal(std::int64_t{1} << 60), std::nullopt);
  EXPECT_EQ(trial::MemoryBudget(1'000'000, " (what was free at the start)").refusal(2'000'000),
            "needs 2.0 MB, max_memory is 1.0 MB (what was free at the start)");
}

TEST(MemoryBudget, LetsThoseWaitWhoDoNotFitBesideOthersInTheirOrder) {
  trial::MemoryBudget budget(100, "");
  const engine::StopToken go;
  auto first = std::make_unique<trial::MemoryBudget::Share>(budget, 60, go);
  EXPECT_TRUE(first->granted());
  EXPECT_TRUE(first->alone());
  std::mutex mutex;
  std::vector<int> order;
  const auto take = [&](int who, std::int64_t bytes) {
    const trial::MemoryBudget::Share share(budget, bytes, go);
    const std::lock_guard lock(mutex);
    order.push_back(who);
  };
  const auto wait_for = [&](std::size_t waiting) {
    while (budget.waiting() < waiting) std::this_thread::sleep_for(1ms);
  };
  std::thread large([&] { take(1, 90); });
  wait_for(1);
  std::thread small([&] { take(2, 20); });  // fits beside the first, not beside the large one, and does not overtake
  wait_for(2);
  {
    const std::lock_guard lock(mutex);
    EXPECT_TRUE(order.empty());
  }
  first.reset();
  large.join();
  small.join();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(MemoryBudget, WaitsNoLongerWhenTheStudyIsStopped) {
  trial::MemoryBudget budget(100, "");
  engine::StopToken stop;
  const trial::MemoryBudget::Share first(budget, 100, stop);
  std::thread later([&] {
    std::this_thread::sleep_for(30ms);
    stop.request();
  });
  const trial::MemoryBudget::Share second(budget, 1, stop);
  EXPECT_FALSE(second.granted());
  later.join();
}

TEST(MemoryBudget, ManyThreadsNeverExceedItAndAllEnd) {
  trial::MemoryBudget budget(10, "");
  const engine::StopToken go;
  std::atomic<int> used{0}, most{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 6; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 200; ++i) {
        const int bytes = 1 + (thread * 7 + i) % 10;
        const trial::MemoryBudget::Share share(budget, bytes, go);
        const int now = used += bytes;
        for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
        }
        used -= bytes;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, 10);
  EXPECT_GT(most, 0);
}

TEST(MaxMemory, FailsCandidatesThatExceedItAndTheSearchGoesOn) {
  Fixture fixture(trained_search("n_trials = 6\nsampler = \"brute_force\"\nn_jobs = 2\n"));
  // Between the plans of the narrowest and the widest network.
  std::int64_t least = std::numeric_limits<std::int64_t>::max(), largest = 0;
  for (const Trial& trial : fixture.run().trials) {
    ASSERT_EQ(trial.state, TrialState::kComplete) << trial.reason;
    const trial::Usage& usage = trial.evaluation->usage;
    EXPECT_EQ(usage.backend, "dense");
    EXPECT_EQ(usage.accelerator, "cpu");
    EXPECT_GT(usage.peak_bytes, usage.planned_bytes);
    least = std::min(least, usage.planned_bytes);
    largest = std::max(largest, usage.planned_bytes);
  }
  ASSERT_LT(least, largest);
  fixture.settings.max_memory_bytes = (least + largest) / 2;
  trial::Evaluator evaluator(fixture.settings, fixture.space, small_dataset(), fixture.backends, nullptr);
  const auto storage = storage::open_memory();
  const StudyResult result =
      StudyLoop(fixture.settings, fixture.space, evaluator, fixture.make_sampler(), *storage, fixture.open(*storage))
          .run(fixture.stop);
  std::map<TrialState, int> states;
  for (const Trial& trial : result.trials) {
    ++states[trial.state];
    if (trial.state != TrialState::kFail) continue;
    EXPECT_EQ(trial.reason,
              fmt::format("needs {}, max_memory is {}", memory_text(trial.evaluation->usage.planned_bytes),
                          memory_text(*fixture.settings.max_memory_bytes)));
  }
  EXPECT_GT(states[TrialState::kComplete], 0);
  EXPECT_GT(states[TrialState::kFail], 0);
}

TEST(MaxMemory, IsCheckedBeforeAnythingIsAllocated) {
  std::string document = trained_search("n_trials = 6\nsampler = \"brute_force\"\nmax_memory = 200\n");
  const std::string widths = "[0.5, 1, 2]";
  document.replace(document.find(widths), widths.size(), "[1, 1000000]");
  const auto graph = model::build_chain("large", {.input_shape = {4}, .classes = 3},
                                        {{"linear", "seq_blocks.0", {{"out_features", std::int64_t{6}}}},
                                         {"relu", "seq_blocks.1"},
                                         {"linear", "seq_blocks.2", {{"out_features", std::int64_t{20000}}}},
                                         {"linear", "seq_blocks.3", {{"out_features", std::int64_t{3}}}}});
  SmallProblem problem(document, small_dataset(), graph);
  restart_peak_memory();
  const std::int64_t before = resident_memory();
  int refused = 0;
  for (const trial::Evaluation& evaluation : problem.run({0, 1, 2, 3})) {
    if (!evaluation.out_of_memory) continue;
    ++refused;
    EXPECT_EQ(evaluation.reason,
              fmt::format("needs {}, max_memory is 200.0 MB", memory_text(evaluation.usage.planned_bytes)));
    EXPECT_GT(evaluation.usage.planned_bytes, 1'900'000'000'000);
  }
  EXPECT_EQ(refused, 2);
  EXPECT_LT(peak_memory() - before, 100'000'000);
}

TEST(MaxMemory, IsFlatOverTheTrials) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the address sanitizer keeps memory that was freed";
#endif
  Fixture fixture(trained_search("n_trials = 600\nsampler = \"random\"\nsampler_options = { deduplicate = false }\n"));
  std::int64_t early = 0;
  const auto storage = storage::open_memory();
  fixture.run_in(*storage, nullptr, [&](const Trial& trial, std::size_t, std::optional<std::int64_t>) {
    fixture.evaluator.evaluate(fixture.evaluator.prepare(trial.assignment),
                               100 + static_cast<std::uint64_t>(trial.number), fixture.stop);
    if (trial.number == 200) early = resident_memory();
  });
  ASSERT_GT(early, 0);
  EXPECT_LT(resident_memory() - early, 6'000'000);
}

}  // namespace
}  // namespace lathe::study
