#include "lathe/metric/metric.h"

#include <gtest/gtest.h>

#include <set>

namespace lathe::metric {
namespace {

ir::Graph tiny_network() {
  ir::GraphBuilder builder("jsc-tiny", {16});
  builder.add("batch_norm1d", "seq_blocks.0", {{"num_features", std::int64_t{16}}});
  builder.add("relu", "seq_blocks.1");
  builder.add("linear", "seq_blocks.2", {{"in_features", std::int64_t{16}}, {"out_features", std::int64_t{5}}});
  builder.add("relu", "seq_blocks.3");
  return std::move(builder).finish();
}

double value_of(const std::string& name, const TrialFacts& facts) {
  const MetricKind* kind = find_metric(name);
  EXPECT_NE(kind, nullptr) << name;
  return kind->compute(facts).value();
}

TEST(MetricKinds, NamesAreUnique) {
  std::set<std::string> names;
  for (const MetricKind& kind : metric_kinds()) {
    EXPECT_TRUE(names.insert(kind.name).second) << kind.name;
    for (const std::string& alias : kind.aliases) EXPECT_TRUE(names.insert(alias).second) << alias;
    EXPECT_EQ(find_metric(kind.name), &kind);
    EXPECT_FALSE(kind.description.empty());
  }
}

TEST(MetricKinds, AnswerToUsersSpellings) {
  EXPECT_EQ(find_metric("FLOPs")->name, "flops");
  EXPECT_EQ(find_metric("BitOPs")->name, "bitops");
  EXPECT_EQ(find_metric("model-size")->name, "model_size");
  EXPECT_EQ(find_metric("ModelSize")->name, "model_size");
  EXPECT_EQ(find_metric("acc")->name, "accuracy");
  EXPECT_EQ(find_metric("PPL")->name, "perplexity");
  EXPECT_EQ(find_metric("perplexities"), nullptr);
}

TEST(MetricKinds, TinyNetworkHasTheLabsCosts) {
  const ir::Graph graph = tiny_network();
  const TrialFacts facts{.graph = &graph, .batch_size = 8};
  EXPECT_EQ(value_of("flops", facts), 1320);
  EXPECT_EQ(value_of("bitops_lab", facts), 42240);
  EXPECT_EQ(value_of("model_size_float", facts), 468);
  EXPECT_EQ(value_of("model_size", facts), 468);
  EXPECT_EQ(value_of("parameters", facts), 117);
  EXPECT_EQ(value_of("macs", facts), 640);
  EXPECT_EQ(value_of("bitops", facts), 640 * 32 * 32);
  EXPECT_EQ(value_of("average_bitwidth", facts), 32);
  EXPECT_EQ(value_of("memory_density", facts), 1);
}

TEST(MetricKinds, BelongToATask) {
  engine::EvaluationResult targets, classes;
  targets.loss_sum = 4;
  targets.rows = 2;
  targets.squared_errors = {4};
  targets.absolute_errors = {2};
  targets.target_squares = {8};
  classes.rows = 4;
  classes.correct = 3;
  const TrialFacts regression{.validation = &targets}, classification{.validation = &classes};
  EXPECT_EQ(value_of("r2", regression), 0.5);
  EXPECT_EQ(value_of("mse", regression), 2);
  EXPECT_EQ(value_of("mae", regression), 1);
  EXPECT_EQ(value_of("loss", regression), 2);
  EXPECT_EQ(value_of("accuracy", classification), 0.75);
  EXPECT_EQ(find_metric("accuracy")->compute(regression), std::nullopt);
  EXPECT_EQ(find_metric("r2")->compute(classification), std::nullopt);
  EXPECT_EQ(find_metric("r2")->task, data::Task::kRegression);
  EXPECT_EQ(find_metric("loss")->task, std::nullopt);
}

TEST(MetricKinds, SayWhatIsMissing) {
  const TrialFacts nothing;
  for (const MetricKind& kind : metric_kinds()) EXPECT_EQ(kind.compute(nothing), std::nullopt) << kind.name;
}

// Steps of 1 and no sign: what is below 0.5 is no weight any more, a half rounds to even.
TEST(MetricKinds, CountZerosAmongTheWeightsInTheirFormats) {
  const ir::Graph graph = ir::parse_text(R"IR(graph "net"
x = input(; shape="[2]") -> [2]
a @ a = linear(x; in_features=2, out_features=2, bias=true) {weight: integer(width=4, frac_width=0, signed=1), bias: integer(width=4, frac_width=0, signed=1)} -> [2]
n @ n = batch_norm1d(a; num_features=2, eps=1e-05, momentum=0.1) -> [2]
b @ b = linear(n; in_features=2, out_features=1, bias=true) -> [1]
output = output(b) -> [1]
)IR");
  int fetched = 0;
  const TrialFacts facts{.graph = &graph, .fetch_weights = [&] {
                           ++fetched;
                           engine::State state = engine::zero_state(graph);
                           for (engine::NamedTensor& tensor : state) {
                             if (tensor.name == "a.weight") tensor.values = {0.4f, -0.5f, 0.6f, -3};
                             if (tensor.name == "b.weight") tensor.values = {0.001f, 0};
                           }
                           return state;
                         }};
  EXPECT_DOUBLE_EQ(value_of("weight_sparsity", facts), 3.0 / 6);
  EXPECT_DOUBLE_EQ(value_of("sparsity", facts), 3.0 / 6);
  EXPECT_EQ(fetched, 1);
}

TEST(MetricKinds, ReadEvaluationsAndClocks) {
  engine::EvaluationResult validation;
  validation.loss_sum = 30;
  validation.rows = 20;
  validation.correct = 12;
  validation.class_rows = {10, 10, 0};
  validation.class_correct = {10, 2, 0};
  validation.class_predicted = {18, 2, 0};
  engine::TrainReport report;
  report.wall_seconds = 2;
  report.cpu_seconds = 1.5;
  const TrialFacts facts{.validation = &validation,
                         .training = &report,
                         .latency_seconds = Measurement{.median = 0.002, .spread = 0.01, .count = 21},
                         .batch_size = 4};
  EXPECT_DOUBLE_EQ(value_of("loss", facts), 1.5);
  EXPECT_DOUBLE_EQ(value_of("accuracy", facts), 0.6);
  EXPECT_DOUBLE_EQ(value_of("macro_accuracy", facts), 0.6);
  EXPECT_DOUBLE_EQ(value_of("latency", facts), 2);
  EXPECT_DOUBLE_EQ(value_of("latency_per_sample", facts), 500);
  EXPECT_DOUBLE_EQ(value_of("training_time", facts), 2);
  EXPECT_DOUBLE_EQ(value_of("training_cpu_time", facts), 1.5);
}

}  // namespace
}  // namespace lathe::metric
