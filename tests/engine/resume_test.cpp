#include <gtest/gtest.h>

#include "engine/fake_session.h"
#include "lathe/engine/train.h"

namespace lathe::engine {
namespace {

TrainSettings resumable_settings() {
  TrainSettings settings;
  settings.batch_size = 4;
  settings.max_epochs = 4;
  settings.schedule = "cosine";
  settings.options.set("num_warmup_steps", 2);
  settings.accumulate_grad_batches = 2;
  settings.log_every_n_steps = 3;
  return settings;
}

ResumePoint point_of(const TrainReport& report) {
  return {report.steps, report.history, report.best_state, report.best_validation_loss, report.since_row};
}

// Stops a run once `steps` are taken: a progress call cannot stop it, so the session does.
class StoppingSession : public FakeSession {
 public:
  StoppingSession(StopToken& stop, std::size_t steps) : stop_(stop), steps_(steps) {}
  void update(double learning_rate) override {
    FakeSession::update(learning_rate);
    if (learning_rates.size() == steps_) stop_.request();
  }

 private:
  StopToken& stop_;
  std::size_t steps_;
};

TEST(Resume, GivesTheBitsOfAnUninterruptedRunAfterAnyStep) {
  const ir::Graph graph = small_graph(false);
  const data::Dataset dataset = small_dataset(22);
  const TrainSettings settings = resumable_settings();
  const RunIdentity identity{.seed = 3, .candidate = 5};
  FakeSession whole;
  const TrainReport expected = train(whole, graph, dataset, settings, identity, StopToken());
  ASSERT_EQ(expected.steps, 12);
  for (std::size_t steps = 1; steps < 12; ++steps) {
    StopToken stop;
    StoppingSession first(stop, steps);
    const TrainReport interrupted = train(first, graph, dataset, settings, identity, stop);
    EXPECT_EQ(interrupted.outcome, TrainOutcome::kStopped);
    EXPECT_EQ(interrupted.steps, static_cast<std::int64_t>(steps));
    FakeSession second;
    second.load(first.state());
    const ResumePoint point = point_of(interrupted);
    const TrainReport resumed = train(second, graph, dataset, settings, identity, StopToken(), {.resume = &point});
    EXPECT_EQ(second.state(), whole.state()) << steps;
    EXPECT_EQ(resumed.history, expected.history) << steps;
    EXPECT_EQ(resumed.best_state, expected.best_state) << steps;
    EXPECT_EQ(resumed.samples, expected.samples) << steps;
    EXPECT_EQ(second.optimizers_set, 0);
  }
}

}  // namespace
}  // namespace lathe::engine
