#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>

#include "engine/fake_session.h"
#include "lathe/backend/dense/dense.h"
#include "lathe/checkpoint/checkpoint.h"
#include "lathe/engine/train.h"

namespace lathe::checkpoint {
namespace {

ir::Graph network() {
  const auto width = [](std::int64_t in, std::int64_t out) {
    return std::vector<ir::Attribute>{{"in_features", in}, {"out_features", out}};
  };
  ir::GraphBuilder builder("resumable", {4});
  builder.add("batch_norm1d", "blocks.0", {{"num_features", std::int64_t{4}}});
  builder.add("linear", "blocks.1", width(4, 8));
  builder.add("relu", "blocks.2");
  builder.add("dropout", "blocks.3");
  builder.add("linear", "blocks.4", width(8, 3));
  return std::move(builder).finish();
}

// Ends a run after some optimiser steps, as Ctrl-C would.
class StoppingSession : public engine::Session {
 public:
  StoppingSession(engine::Session& session, engine::StopToken& stop, std::int64_t steps)
      : session_(session), stop_(stop), left_(steps) {}
  void load(const engine::State& state) override { session_.load(state); }
  engine::State state() const override { return session_.state(); }
  void set_optimizer(const engine::OptimizerSettings& settings) override { session_.set_optimizer(settings); }
  engine::State optimizer_state() const override { return session_.optimizer_state(); }
  void load_optimizer_state(const engine::State& state) override { session_.load_optimizer_state(state); }
  engine::BatchResult accumulate(const data::Samples& samples, std::span<const std::uint32_t> rows, double loss_scale,
                                 std::uint64_t dropout_seed) override {
    return session_.accumulate(samples, rows, loss_scale, dropout_seed);
  }
  void update(double learning_rate) override {
    session_.update(learning_rate);
    if (--left_ == 0) stop_.request();
  }
  engine::State gradients() const override { return session_.gradients(); }
  engine::EvaluationResult evaluate(const data::Samples& samples, std::int64_t first, std::int64_t count) override {
    return session_.evaluate(samples, first, count);
  }
  void predict(const data::Samples& samples, std::int64_t first, std::int64_t count,
               std::span<float> outputs) override {
    session_.predict(samples, first, count, outputs);
  }

 private:
  engine::Session& session_;
  engine::StopToken& stop_;
  std::int64_t left_;
};

// The dense back end keeps float32 and resumes exactly; ref rounds its doubles to float32 in a file, as ref.h says.
class Resume : public ::testing::TestWithParam<std::string> {
 protected:
  engine::TrainSettings settings() const {
    engine::TrainSettings settings;
    settings.optimizer.name = GetParam();
    settings.optimizer.weight_decay = 1e-3;
    settings.optimizer.momentum = settings.optimizer.name == "sgd" ? 0.9 : 0;
    settings.learning_rate = 0.02;
    settings.schedule = "linear";
    settings.batch_size = 16;
    settings.max_epochs = 3;
    settings.accumulate_grad_batches = 2;
    settings.log_every_n_steps = 2;
    return settings;
  }

  std::unique_ptr<engine::Session> session() const {
    return backend::make_dense_backend()->compile(graph_, {.batch_size = 17, .training = true})->make_session();
  }

  const ir::Graph graph_ = network();
  const data::Dataset dataset_ = engine::small_dataset(81, 30);
  const engine::RunIdentity identity_{.seed = 11, .candidate = 12, .repeat = 13};
};

TEST_P(Resume, ThroughFilesGivesTheBitsOfAnUninterruptedRun) {
  const auto path =
      std::filesystem::path(::testing::TempDir()) / fmt::format("lathe_resume_{}.safetensors", GetParam());
  const engine::State initial = engine::initial_state(graph_, 11, 12, 13);
  const auto whole = session();
  whole->load(initial);
  const engine::TrainReport expected =
      engine::train(*whole, graph_, dataset_, settings(), identity_, engine::StopToken());
  ASSERT_EQ(expected.steps, 9);
  ASSERT_NE(whole->state(), initial);
  for (const std::int64_t steps : {1, 3, 5, 6}) {
    engine::StopToken stop;
    const auto first = session();
    first->load(initial);
    StoppingSession stopping(*first, stop, steps);
    const engine::TrainReport cut = engine::train(stopping, graph_, dataset_, settings(), identity_, stop);
    ASSERT_EQ(cut.outcome, engine::TrainOutcome::kStopped);
    save_training_state(path, {first->state(),
                               first->optimizer_state(),
                               {cut.steps, cut.history, cut.best_state, cut.best_validation_loss, cut.since_row},
                               {}});

    const TrainingState training = load_training_state(path, graph_);
    const auto second = session();
    second->load(training.weights);
    second->set_optimizer(settings().optimizer);
    second->load_optimizer_state(training.optimizer);
    const engine::TrainReport resumed = engine::train(*second, graph_, dataset_, settings(), identity_,
                                                      engine::StopToken(), {.resume = &training.point});
    EXPECT_EQ(engine::hash_state(second->state()), engine::hash_state(whole->state())) << steps;
    EXPECT_EQ(resumed.history, expected.history) << steps;
    EXPECT_EQ(resumed.best_state, expected.best_state) << steps;
  }
  std::filesystem::remove(path);
}

INSTANTIATE_TEST_SUITE_P(Optimizers, Resume, ::testing::ValuesIn(engine::optimizers().names()),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace lathe::checkpoint
