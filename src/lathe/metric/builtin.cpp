#include <algorithm>
#include <cctype>
#include <cmath>

#include "lathe/metric/metric.h"

namespace lathe::metric {
namespace {

using Value = std::optional<double>;
using Compute = Value (*)(const TrialFacts&);

constexpr double kUnbounded = std::numeric_limits<double>::infinity();

/// Takes one number out of the costs of the graph.
template <auto kRead>
Value cost(const TrialFacts& facts) {
  const ir::GraphCosts* costs = facts.costs();
  return costs == nullptr ? Value() : Value(static_cast<double>(kRead(*costs, facts)));
}

template <auto kRead>
Value evaluated(const TrialFacts& facts) {
  return facts.validation == nullptr ? Value() : Value(kRead(*facts.validation));
}

template <auto kRead>
Value trained(const TrialFacts& facts) {
  return facts.training == nullptr ? Value() : Value(kRead(*facts.training));
}

/// Reads a figure of classes, or one of targets; nothing from a result of the other task.
template <data::Task kTask, auto kRead>
Value learned(const TrialFacts& facts) {
  if (facts.validation == nullptr) return {};
  return facts.validation->regression() == (kTask == data::Task::kRegression) ? Value(kRead(*facts.validation))
                                                                              : Value();
}

Value latency_ms(const TrialFacts& facts) {
  return facts.latency_seconds ? Value(1e3 * facts.latency_seconds->median) : Value();
}

Value latency_per_sample_us(const TrialFacts& facts) {
  if (!facts.latency_seconds) return {};
  return 1e6 * facts.latency_seconds->median / static_cast<double>(facts.batch_size);
}

MetricKind evaluation_metric(std::string name, std::vector<std::string> aliases, std::string unit,
                             std::string description, bool larger_is_better, double highest, Compute compute) {
  return {.name = std::move(name),
          .aliases = std::move(aliases),
          .unit = std::move(unit),
          .description = std::move(description),
          .larger_is_better = larger_is_better,
          .hardware = false,
          .source = Source::kEvaluated,
          .needs_training = false,
          .highest = highest,
          .compute = compute};
}

/// Declares a number that one task has; `kRead(result)` reads it.
template <data::Task kTask, auto kRead>
MetricKind task_metric(std::string name, std::vector<std::string> aliases, std::string description,
                       bool larger_is_better, double highest) {
  MetricKind kind = evaluation_metric(std::move(name), std::move(aliases), "", std::move(description), larger_is_better,
                                      highest, learned<kTask, kRead>);
  kind.task = kTask;
  return kind;
}

MetricKind measured_metric(std::string name, std::vector<std::string> aliases, std::string unit,
                           std::string description, bool needs_training, Compute compute) {
  return {.name = std::move(name),
          .aliases = std::move(aliases),
          .unit = std::move(unit),
          .description = std::move(description),
          .larger_is_better = false,
          .hardware = false,
          .source = Source::kMeasured,
          .needs_training = needs_training,
          .highest = kUnbounded,
          .compute = compute};
}

/// Declares a number that follows from the graph; `kRead(costs, facts)` reads it.
template <auto kRead>
MetricKind analysis_metric(std::string name, std::vector<std::string> aliases, std::string unit,
                           std::string description, bool larger_is_better = false) {
  return {.name = std::move(name),
          .aliases = std::move(aliases),
          .unit = std::move(unit),
          .description = std::move(description),
          .larger_is_better = larger_is_better,
          .hardware = true,
          .source = Source::kAnalysis,
          .needs_training = false,
          .highest = kUnbounded,
          .compute = cost<kRead>};
}

using Costs = ir::GraphCosts;
using Evaluation = engine::EvaluationResult;
using Training = engine::TrainReport;
using data::Task;

// Declares perplexity, the loss in the unit of language models; infinite where the loss is beyond any sense.
MetricKind perplexity_metric() {
  MetricKind kind =
      task_metric<Task::kClassification, [](const Evaluation& result) { return std::exp(result.loss()); }>(
          "perplexity", {"ppl"},
          "exp of the mean loss of the validation rows: of how many tokens the next one is guessed", false, kUnbounded);
  kind.of_tokens = true;
  return kind;
}

// Declares r2, which falls without end as predictions get worse than the mean.
MetricKind r2_metric() {
  MetricKind kind = task_metric<Task::kRegression, [](const Evaluation& result) { return result.r2(); }>(
      "r2", {"r2_score"}, "share of the targets' variance that is explained, mean over the outputs", true, 1);
  kind.lowest = -kUnbounded;
  return kind;
}

std::vector<MetricKind> software_metrics() {
  return {
      task_metric<Task::kClassification, [](const Evaluation& result) { return result.accuracy(); }>(
          "accuracy", {"acc", "micro_accuracy", "val_accuracy"}, "share of validation rows predicted rightly", true, 1),
      task_metric<Task::kClassification, [](const Evaluation& result) { return result.macro_accuracy(); }>(
          "macro_accuracy", {"balanced_accuracy"}, "mean over the classes of the share predicted rightly", true, 1),
      perplexity_metric(),
      r2_metric(),
      task_metric<Task::kRegression, [](const Evaluation& result) { return result.mean_squared_error(); }>(
          "mse", {"mean_squared_error"}, "mean squared error over validation rows and outputs", false, kUnbounded),
      task_metric<Task::kRegression, [](const Evaluation& result) { return result.mean_absolute_error(); }>(
          "mae", {"mean_absolute_error"}, "mean absolute error over validation rows and outputs", false, kUnbounded),
      evaluation_metric("loss", {"cross_entropy", "val_loss"}, "nat",
                        "mean loss of the validation rows, penalties aside; in nat where it is cross entropy", false,
                        kUnbounded, evaluated<[](const Evaluation& result) { return result.loss(); }>),
      measured_metric("latency", {"latency_ms", "latency_per_batch"}, "ms",
                      "time to evaluate one batch of batch_size rows, median", false, latency_ms),
      measured_metric("latency_per_sample", {"latency_us"}, "us", "latency divided by the batch size", false,
                      latency_per_sample_us),
      measured_metric("training_time", {"train_time"}, "s", "wall time of training", true,
                      trained<[](const Training& report) { return report.wall_seconds; }>),
      measured_metric("training_cpu_time", {"train_cpu_time"}, "s", "processor time of training", true,
                      trained<[](const Training& report) { return report.cpu_seconds; }>),
  };
}

std::vector<MetricKind> hardware_metrics() {
  return {
      analysis_metric<[](const Costs& costs, const TrialFacts&) { return costs.total.parameters; }>(
          "parameters", {"params", "num_params", "n_params", "total_params"}, "", "trainable values"),
      analysis_metric<[](const Costs& costs, const TrialFacts&) { return costs.quantized_model_bytes; }>(
          "model_size", {"size", "model_size_bytes"}, "byte", "trainable values in their number formats"),
      analysis_metric<[](const Costs& costs, const TrialFacts&) { return costs.model_bytes; }>(
          "model_size_float", {"float_model_size"}, "byte",
          "trainable values at four bytes each, the labs' model size"),
      analysis_metric<[](const Costs& costs, const TrialFacts&) { return costs.total.flops; }>(
          "flops", {"flop", "computations"}, "",
          "operations of one batch in the labs' convention, a multiply-add is one"),
      analysis_metric<[](const Costs& costs, const TrialFacts&) { return costs.total.macs; }>(
          "macs", {"mac"}, "", "multiply-accumulates of one batch"),
      analysis_metric<[](const Costs& costs, const TrialFacts&) { return costs.total.bitops; }>(
          "bitops", {"bops"}, "", "weight bits x activation bits x multiply-accumulates of one batch"),
      analysis_metric<[](const Costs& costs, const TrialFacts&) { return costs.total.lab_bitops; }>(
          "bitops_lab", {"lab_bitops", "bitops_flat"}, "", "flops x 32 whatever the formats are, the labs' convention"),
      analysis_metric<[](const Costs& costs, const TrialFacts&) { return costs.average_bitwidth; }>(
          "average_bitwidth", {"avg_bitwidth", "average_bits", "avg_bits", "bitwidth"}, "bit",
          "mean bits per weight of the quantised layers, 32 when there is none (MASE's definition)"),
      analysis_metric<[](const Costs& costs, const TrialFacts&) { return costs.average_weight_bits; }>(
          "average_weight_bits", {}, "bit", "mean bits per weight of all layers"),
      analysis_metric<[](const Costs& costs, const TrialFacts&) { return costs.average_bias_bits; }>(
          "average_bias_bits", {}, "bit", "mean bits per bias of all layers"),
      analysis_metric<[](const Costs& costs, const TrialFacts&) { return costs.average_activation_bits; }>(
          "average_activation_bits", {"average_bitwidth_activations"}, "bit",
          "mean bits per value that the layers read"),
      analysis_metric<[](const Costs& costs, const TrialFacts& facts) {
        return costs.memory_density(facts.compare_to_bits);
      }>("memory_density", {}, "", "compare_to / average_bitwidth", true),
  };
}

std::string normalised(std::string_view name) {
  std::string text;
  for (const char letter : name) {
    if (letter != '-' && letter != '_' && letter != ' ') {
      text += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    }
  }
  return text;
}

}  // namespace

const ir::GraphCosts* TrialFacts::costs() const {
  if (graph == nullptr) return nullptr;
  if (!known_costs) known_costs = ir::costs(*graph, batch_size);
  return &*known_costs;
}

const std::vector<MetricKind>& metric_kinds() {
  static const std::vector<MetricKind> kinds = [] {
    std::vector<MetricKind> all = software_metrics();
    for (const MetricKind& kind : hardware_metrics()) all.push_back(kind);
    return all;
  }();
  return kinds;
}

const MetricKind* find_metric(std::string_view name) {
  const std::string wanted = normalised(name);
  for (const MetricKind& kind : metric_kinds()) {
    if (normalised(kind.name) == wanted) return &kind;
    for (const std::string& alias : kind.aliases) {
      if (normalised(alias) == wanted) return &kind;
    }
  }
  return nullptr;
}

}  // namespace lathe::metric
