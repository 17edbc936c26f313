// Evaluation: equal however rows are split into calls, and equal to ref; what a network cannot take is refused.
#include <gtest/gtest.h>

#include <cmath>

#include "conformance/networks.h"
#include "conformance/targets.h"
#include "lathe/backend/dense/dense.h"
#include "lathe/backend/ref/ref.h"
#include "lathe/base/error.h"

namespace lathe::conformance {
namespace {

ir::Graph mixed_network() {
  return make_chain(7, {batch_norm(7),
                        activation("relu"),
                        linear(7, 33),
                        activation("tanh"),
                        batch_norm(33),
                        linear(33, 20),
                        activation("gelu"),
                        {"dropout", {}},
                        linear(20, 3)});
}

std::unique_ptr<engine::Session> trained_session(const engine::Backend& backend, const ir::Graph& graph,
                                                 const data::Samples& samples) {
  auto session = start(backend, graph, engine::initial_state(graph, 1, 2, 3), 100);
  std::vector<std::uint32_t> rows(100);
  for (std::uint32_t i = 0; i < 100; ++i) rows[i] = i * 3;
  session->accumulate(samples, rows, 0.01, 0);
  session->update(1e-2);
  return session;
}

engine::EvaluationResult evaluate_split(engine::Session& session, const data::Samples& samples, std::int64_t part) {
  engine::EvaluationResult sum;
  for (std::int64_t first = 0; first < samples.rows(); first += part) {
    const auto result = session.evaluate(samples, first, std::min(part, samples.rows() - first));
    sum.loss_sum += result.loss_sum;
    sum.rows += result.rows;
    sum.correct += result.correct;
    sum.class_rows.resize(3), sum.class_correct.resize(3), sum.class_predicted.resize(3);
    for (std::size_t c = 0; c < 3; ++c) {
      sum.class_rows[c] += result.class_rows[c];
      sum.class_correct[c] += result.class_correct[c];
      sum.class_predicted[c] += result.class_predicted[c];
    }
  }
  return sum;
}

TEST(DenseEvaluation, DoesNotDependOnHowRowsAreSplit) {
  for_each_target([](const std::string& target) {
    const data::Samples samples = random_samples(517, 7, 3, 5);
    const auto dense = backend::make_dense_backend();
    auto session = trained_session(*dense, mixed_network(), samples);
    const auto whole = session->evaluate(samples, 0, samples.rows());
    EXPECT_EQ(whole.rows, 517);
    std::vector<float> outputs(517 * 3);
    session->predict(samples, 0, 517, outputs);
    for (const std::int64_t part : {1, 3, 8, 63, 64, 65, 128, 500}) {
      const auto split = evaluate_split(*session, samples, part);
      EXPECT_EQ(split.loss_sum, whole.loss_sum) << target << " " << part;
      EXPECT_EQ(split.correct, whole.correct);
      EXPECT_EQ(split.class_rows, whole.class_rows);
      EXPECT_EQ(split.class_correct, whole.class_correct);
      EXPECT_EQ(split.class_predicted, whole.class_predicted);
      std::vector<float> one(static_cast<std::size_t>(3 * part));
      session->predict(samples, 17, part, one);
      EXPECT_EQ(one, std::vector<float>(outputs.begin() + 17 * 3, outputs.begin() + (17 + part) * 3)) << part;
    }
  });
}

TEST(DenseEvaluation, AgreesWithTheReference) {
  const data::Samples samples = random_samples(517, 7, 3, 5);
  const ir::Graph graph = make_chain(7, {batch_norm(7), linear(7, 33), activation("tanh"), linear(33, 3)});
  const auto dense = backend::make_dense_backend(), ref = backend::make_ref_backend();
  const auto got = trained_session(*dense, graph, samples)->evaluate(samples, 0, 517);
  const auto expected = trained_session(*ref, graph, samples)->evaluate(samples, 0, 517);
  EXPECT_NEAR(got.loss_sum, expected.loss_sum, 1e-5 * expected.loss_sum);
  EXPECT_EQ(got.correct, expected.correct);
  EXPECT_EQ(got.class_rows, expected.class_rows);
  EXPECT_EQ(got.class_predicted, expected.class_predicted);
  EXPECT_EQ(got.class_correct, expected.class_correct);
}

TEST(DenseEvaluation, TheFirstOfEqualLogitsIsThePrediction) {
  const ir::Graph graph = make_chain(4, {activation("identity")});
  data::Samples samples{.width = 4, .features = {1, 3, 3, 0, 0, 0, 0, 0, -1, -1, -2, -1}, .labels = {1, 0, 3}};
  auto session = backend::make_dense_backend()->compile(graph, {.batch_size = 1, .training = false})->make_session();
  const auto result = session->evaluate(samples, 0, 3);
  EXPECT_EQ(result.correct, 2);
  EXPECT_EQ(result.class_predicted, (std::vector<std::int64_t>{2, 1, 0, 0}));
}

TEST(DenseEvaluation, ALabelBeyondTheOutputsIsAnError) {
  const ir::Graph graph = make_chain(4, {linear(4, 2)});
  const data::Samples samples{.width = 4, .features = std::vector<float>(12, 1.0f), .labels = {0, 1, 2}};
  auto session = backend::make_dense_backend()->compile(graph, {.batch_size = 1, .training = false})->make_session();
  try {
    session->evaluate(samples, 0, 3);
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(), "row 2: label 2 is no class of the network, which has 2 outputs");
  }
}

TEST(DenseRefusal, NamesNodeAndProperty) {
  const auto dense = backend::make_dense_backend();
  EXPECT_EQ(dense->refusal(mixed_network()), std::nullopt);
  ir::Graph unknown = mixed_network();
  unknown.nodes[2].op = "softsign";
  EXPECT_EQ(dense->refusal(unknown), "node layers_1: op softsign has no dense kernel");
  ir::Graph branching = mixed_network();
  branching.nodes[4].inputs = {2};
  EXPECT_EQ(dense->refusal(branching),
            "node layers_2: op linear has no reader; dense runs only what the output depends on");
  ir::GraphBuilder image("image", {3, 4, 4});
  image.add("relu", "act");
  image.add("flatten", "flatten");
  image.add("linear", "fc", {{"in_features", std::int64_t{48}}, {"out_features", std::int64_t{2}}});
  EXPECT_EQ(dense->refusal(std::move(image).finish()), "node act: op relu needs [features], node x gives [3, 4, 4]");
  ir::GraphBuilder flat("image", {3, 4, 4});
  flat.add("flatten", "flatten");
  flat.add("linear", "fc", {{"in_features", std::int64_t{48}}, {"out_features", std::int64_t{2}}});
  EXPECT_EQ(dense->refusal(std::move(flat).finish()), std::nullopt);
}

TEST(DenseRefusal, TokensPositionsAndImagesAreNotItsOwn) {
  const auto dense = backend::make_dense_backend();
  const auto refusal = [&](Shape input, const std::string& op, std::vector<ir::Attribute> attributes) {
    ir::GraphBuilder builder("net", std::move(input));
    builder.add(op, "layer", std::move(attributes));
    return dense->refusal(std::move(builder).finish()).value_or("");
  };
  EXPECT_EQ(refusal({6, 8}, "linear", {{"in_features", std::int64_t{8}}, {"out_features", std::int64_t{2}}}),
            "node layer: op linear needs [features], node x gives [6, 8]");
  EXPECT_EQ(refusal({3, 8}, "batch_norm1d", {{"num_features", std::int64_t{3}}}),
            "node layer: op batch_norm1d needs [features], node x gives [3, 8]");
  EXPECT_EQ(refusal({6}, "embedding", {{"num_embeddings", std::int64_t{5}}, {"embedding_dim", std::int64_t{2}}}),
            "node layer: op embedding has no dense kernel");
  EXPECT_EQ(refusal({6, 8}, "identity", {}),
            "node output: the network's output is [6, 8], losses need [classes] or [outputs]");
}

TEST(DenseEvaluation, ImagesThatAreFlattenedAtOnceRun) {
  ir::GraphBuilder image("lfc", {1, 5, 4});
  image.add("flatten", "flatten");
  image.add("linear", "a", {{"in_features", std::int64_t{20}}, {"out_features", std::int64_t{9}}});
  image.add("batch_norm1d", "n", {{"num_features", std::int64_t{9}}});
  image.add("relu", "r");
  image.add("linear", "b", {{"in_features", std::int64_t{9}}, {"out_features", std::int64_t{3}}});
  const ir::Graph graph = std::move(image).finish();
  data::Samples samples = random_samples(300, 20, 3, 5);
  samples.shape = {1, 5, 4};
  const auto dense = backend::make_dense_backend(), ref = backend::make_ref_backend();
  const auto got = trained_session(*dense, graph, samples), expected = trained_session(*ref, graph, samples);
  EXPECT_LT(relative_difference(graph, expected->state(), got->state()), 1e-5);
  const auto result = got->evaluate(samples, 0, 300), truth = expected->evaluate(samples, 0, 300);
  EXPECT_NEAR(result.loss_sum, truth.loss_sum, 1e-4 * truth.loss_sum);
  EXPECT_EQ(result.correct, truth.correct);
}

TEST(DenseRefusal, PlannedBytesGrowWithTheBatchWhereTheBatchMustBeKept) {
  const auto dense = backend::make_dense_backend();
  const ir::Graph graph = mixed_network();
  const auto bytes = [&](std::int64_t batch, bool training) {
    return dense->compile(graph, {.batch_size = batch, .training = training})->session_bytes();
  };
  EXPECT_GT(bytes(64, true), 0);
  EXPECT_EQ(bytes(1, true), bytes(64, true));
  EXPECT_GT(bytes(65, true), bytes(64, true));
  EXPECT_EQ(bytes(8192, false), bytes(1, false));
  EXPECT_LT(bytes(64, false), bytes(64, true));
}

}  // namespace
}  // namespace lathe::conformance
