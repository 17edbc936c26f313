// The promises of engine::Session and engine::Backend.
#include <gtest/gtest.h>

#include <cmath>

#include "backend/ref/chains.h"
#include "lathe/backend/ref/ref.h"
#include "lathe/base/error.h"
#include "lathe/engine/dropout.h"

namespace lathe::backend {
namespace {

ir::Graph small() { return chain(4, {batch_norm(4), linear(4, 3), {"relu"}, linear(3, 3)}); }

void train(engine::Session& session, const data::Samples& samples, int steps) {
  for (int step = 0; step < steps; ++step) {
    session.accumulate(samples, first_rows(16), 1.0 / 16, static_cast<std::uint64_t>(step));
    session.update(0.01);
  }
}

TEST(RefSession, StateReadsBackAndGradientsStartAtZero) {
  const engine::State state = random_state(small(), 1);
  auto session = training_session(small(), state, 16);
  EXPECT_EQ(session->state(), state);
  EXPECT_EQ(session->gradients(), engine::zero_state(small()));
}

TEST(RefSession, RunningStatisticsFollowTheBatch) {
  const ir::Graph graph = chain(1, {batch_norm(1, 1e-5, 0.25), linear(1, 2)});
  engine::State state = engine::zero_state(graph);
  state[3].values = {1};  // running_var
  auto session = training_session(graph, state, 4);
  const data::Samples samples{.width = 1, .features = {1, 2, 3, 6}, .labels = {0, 1, 0, 1}};
  session->accumulate(samples, first_rows(4), 1, 0);
  const engine::State after = session->state();
  EXPECT_FLOAT_EQ(after[2].values[0], 0.25f * 3.0f);
  EXPECT_FLOAT_EQ(after[3].values[0], 0.75f + 0.25f * 14.0f / 3.0f);
  EXPECT_EQ(after[4].values[0], 1);
}

TEST(RefSession, GradientsAccumulateAndUpdateClearsThem) {
  const ir::Graph graph = chain(4, {linear(4, 3)});
  const engine::State state = random_state(graph, 1);
  const data::Samples samples = random_samples(16, 4, 3, 2);
  auto whole = training_session(graph, state, 16), halves = training_session(graph, state, 16);
  const auto rows = first_rows(16);
  whole->accumulate(samples, rows, 1.0 / 16, 0);
  halves->accumulate(samples, std::span(rows).first(8), 1.0 / 16, 0);
  halves->accumulate(samples, std::span(rows).subspan(8), 1.0 / 16, 0);
  for (std::size_t t = 0; t < state.size(); ++t)
    for (std::size_t i = 0; i < state[t].values.size(); ++i)
      EXPECT_NEAR(whole->gradients()[t].values[i], halves->gradients()[t].values[i], 1e-8);
  whole->update(0.1);
  EXPECT_EQ(whole->gradients(), engine::zero_state(graph));
}

TEST(RefSession, SecondRunIsBitEqual) {
  const engine::State state = random_state(small(), 1);
  const data::Samples samples = random_samples(16, 4, 3, 2);
  auto one = training_session(small(), state, 16), other = training_session(small(), state, 16);
  train(*one, samples, 5);
  train(*other, samples, 5);
  EXPECT_EQ(one->state(), other->state());
}

TEST(RefSession, OptimizerStateHasTorchNamesAndReadsBack) {
  const data::Samples samples = random_samples(16, 4, 3, 2);
  auto session = training_session(small(), random_state(small(), 1), 16);
  train(*session, samples, 3);
  const engine::State moments = session->optimizer_state();
  EXPECT_EQ(moments.front().name, "0.weight.exp_avg");
  EXPECT_EQ(moments.back().name, "step");
  EXPECT_EQ(moments.back().values, std::vector<float>{3});
  auto other = training_session(small(), session->state(), 16);
  other->load_optimizer_state(moments);
  EXPECT_EQ(other->optimizer_state(), moments);
  other->set_optimizer({.name = "sgd", .momentum = 0.9});
  EXPECT_EQ(other->optimizer_state().front().name, "0.weight.momentum_buffer");
  EXPECT_THROW(other->load_optimizer_state(moments), DataError);
}

TEST(RefSession, EvaluationCountsPerClass) {
  const ir::Graph graph = chain(3, {{"identity"}});
  auto session = make_ref_backend()->compile(graph, {.batch_size = 2, .training = false})->make_session();
  const data::Samples samples{
      .width = 3, .features = {5, 0, 0, 0, 5, 0, 5, 0, 0, 1, 1, 1, 0, 0, 9}, .labels = {0, 1, 1, 0, 0}};
  const engine::EvaluationResult result = session->evaluate(samples, 0, 5);
  EXPECT_EQ(result.rows, 5);
  EXPECT_EQ(result.correct, 3);  // the first of equals counts
  EXPECT_EQ(result.class_rows, (std::vector<std::int64_t>{3, 2, 0}));
  EXPECT_EQ(result.class_correct, (std::vector<std::int64_t>{2, 1, 0}));
  EXPECT_EQ(result.class_predicted, (std::vector<std::int64_t>{3, 1, 1}));
  EXPECT_NEAR(session->evaluate(samples, 3, 1).loss_sum, std::log(3.0), 1e-12);
}

TEST(RefSession, LossOfLargeLogitsIsFinite) {
  const ir::Graph graph = chain(2, {{"identity"}});
  auto session = training_session(graph, {}, 1);
  const data::Samples samples{.width = 2, .features = {1e30f, -1e30f}, .labels = {0}};
  EXPECT_EQ(session->accumulate(samples, first_rows(1), 1, 0).loss_sum, 0);
}

TEST(RefSession, DropoutFollowsTheSharedMask) {
  const ir::Graph graph = chain(7, {{"dropout", {{"p", 0.4}}}});
  const data::Samples samples = random_samples(9, 7, 7, 2);
  auto session = training_session(graph, {}, 9);
  const engine::DropoutMask mask(77, 1, 0.4);
  double expected = 0;
  for (std::uint32_t row = 0; row < 9; ++row) {
    double sum = 0;
    std::vector<double> logits(7);
    for (std::uint32_t f = 0; f < 7; ++f) {
      logits[f] = mask.keeps(row, f) ? double{samples.features[row * 7 + f]} / 0.6 : 0;
      sum += std::exp(logits[f]);
    }
    expected += std::log(sum) - logits[static_cast<std::size_t>(samples.labels[row])];
  }
  EXPECT_NEAR(session->accumulate(samples, first_rows(9), 1, 77).loss_sum, expected, 1e-10);
  EXPECT_NE(session->accumulate(samples, first_rows(9), 1, 78).loss_sum, expected);
}

TEST(RefSession, DropoutKeepsTheRightShare) {
  const engine::DropoutMask mask(3, 2, 0.3);
  int kept = 0;
  for (std::uint32_t row = 0; row < 1000; ++row)
    for (std::uint32_t f = 0; f < 20; ++f) kept += mask.keeps(row, f) ? 1 : 0;
  EXPECT_NEAR(kept / 20000.0, 0.7, 0.015);
  EXPECT_DOUBLE_EQ(mask.scale(), 1 / 0.7);
}

TEST(RefSession, LabelOutsideTheClassesIsAnError) {
  const ir::Graph graph = chain(2, {linear(2, 2)});
  auto session = training_session(graph, random_state(graph, 1), 2);
  const data::Samples samples{.width = 2, .features = {1, 2, 3, 4}, .labels = {0, 7}};
  try {
    session->accumulate(samples, first_rows(2), 1, 0);
    FAIL();
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(), "row 1: label 7 is no class of the network, which has 2 outputs");
  }
}

TEST(RefBackend, NamesItself) {
  const auto backend = make_ref_backend();
  EXPECT_EQ(backend->name(), "ref");
  EXPECT_EQ(backend->target(), "");
  EXPECT_EQ(backend->accelerator(), "cpu");
}

// A table that says of every token that itself comes next; row by row two tokens and their labels.
TEST(RefSession, EveryTokenIsAPredictionOfItsOwn) {
  const ir::Graph graph =
      chain(Shape{2}, {{"embedding", {{"num_embeddings", std::int64_t{3}}, {"embedding_dim", std::int64_t{3}}}}});
  engine::State state = engine::zero_state(graph);
  state[0].values = {5, 0, 0, 0, 5, 0, 0, 0, 5};
  data::Samples samples;
  samples.width = 2;
  samples.positions = 2;
  samples.features = {0, 1, 2, 2, 1, 0};
  samples.labels = {0, 2, 2, 2, 0, 0};
  auto session = training_session(graph, state, 2);
  const double hit = std::log1p(2 * std::exp(-5.0)), miss = hit + 5;
  const auto trained = session->accumulate(samples, std::vector<std::uint32_t>{0, 2}, 1, 0);
  EXPECT_NEAR(trained.loss_sum, 2 * hit + 2 * miss, 1e-12);
  EXPECT_EQ(trained.correct, 2);
  const auto result = session->evaluate(samples, 0, 3);
  EXPECT_EQ(result.rows, 6);
  EXPECT_EQ(result.correct, 4);
  EXPECT_NEAR(result.loss_sum, 4 * hit + 2 * miss, 1e-12);
  EXPECT_EQ(result.class_rows, (std::vector<std::int64_t>{3, 0, 3}));
  EXPECT_EQ(result.class_correct, (std::vector<std::int64_t>{2, 0, 2}));
  EXPECT_EQ(result.class_predicted, (std::vector<std::int64_t>{2, 2, 2}));
  samples.features[5] = 3;
  try {
    session->evaluate(samples, 0, 3);
    FAIL() << "took a token beyond the table";
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(), "node layer_0: 3 is no token; it knows the whole numbers from 0 to 2");
  }
}

TEST(RefBackend, RefusesWhatItCannotRunWithTheReason) {
  const auto backend = make_ref_backend();
  ir::Graph graph = small();
  EXPECT_EQ(backend->refusal(graph), std::nullopt);
  graph.nodes[2].op = "softsign";
  EXPECT_EQ(backend->refusal(graph), "node layer_1: op softsign has no reference kernel");
  ir::GraphBuilder builder("picture", {3, 4, 4});
  builder.add("relu", "0");
  EXPECT_EQ(backend->refusal(std::move(builder).finish()),
            "node output: the network must end in [classes] or [tokens, vocabulary]; it ends in [3, 4, 4]");
}

TEST(RefBackend, PlannedBytesCountEveryArray) {
  const auto backend = make_ref_backend();
  const ir::Graph graph = chain(4, {linear(4, 3)});
  // parameters: 15 numbers, five arrays in training; values of x, linear, output: 10 per row, with gradients 20
  EXPECT_EQ(backend->compile(graph, {.batch_size = 8, .training = true})->session_bytes(), 8 * (15 * 5 + 8 * 20));
  EXPECT_EQ(backend->compile(graph, {.batch_size = 8, .training = false})->session_bytes(), 8 * (15 * 2 + 8 * 10));
}

}  // namespace
}  // namespace lathe::backend
