#include <algorithm>
#include <cctype>
#include <cmath>

#include "lathe/engine/loss_values.h"
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

// Calls `use(label, outputs)` for every prediction of a row.
template <typename Use>
void for_each_label(const RowFacts& row, Use use) {
  const std::size_t width = row.outputs.size() / row.labels.size();
  for (std::size_t i = 0; i < row.labels.size(); ++i)
    use(static_cast<std::size_t>(row.labels[i]), row.outputs.subspan(i * width, width));
}

bool is_right(std::size_t label, std::span<const double> outputs) {
  return static_cast<std::size_t>(std::max_element(outputs.begin(), outputs.end()) - outputs.begin()) == label;
}

double accuracy_part(const RowFacts& row) {
  double right = 0;
  for_each_label(row, [&](std::size_t label, std::span<const double> outputs) { right += is_right(label, outputs); });
  return right / static_cast<double>(row.labels.size()) - row.result.accuracy();
}

double macro_accuracy_part(const RowFacts& row) {
  const engine::EvaluationResult& result = row.result;
  double classes = 0, sum = 0;
  for (std::size_t i = 0; i < result.class_rows.size(); ++i)
    classes += result.class_rows[i] > 0 || result.class_predicted[i] > 0 ? 1 : 0;
  for_each_label(row, [&](std::size_t label, std::span<const double> outputs) {
    const auto count = static_cast<double>(result.class_rows[label]);
    const double share = static_cast<double>(result.class_correct[label]) / count;
    sum += ((is_right(label, outputs) ? 1 : 0) - share) / count;
  });
  return row.rows * sum / classes;
}

double loss_part(const RowFacts& row) {
  const engine::LossValue value = engine::find_loss_value(row.loss.name);
  const engine::EvaluationResult& result = row.result;
  if (result.regression()) return value(row.loss, {.label = 0, .targets = row.targets}, row.outputs) - result.loss();
  double sum = 0;
  for_each_label(row, [&](std::size_t label, std::span<const double> outputs) {
    const double weight = row.loss.class_weights.empty() ? 1 : row.loss.class_weights[label];
    sum += value(row.loss, {.label = label, .targets = {}}, outputs) - weight * result.loss();
  });
  return row.rows * sum / result.weight.value_or(static_cast<double>(result.rows));
}

double perplexity_part(const RowFacts& row) { return std::exp(row.result.loss()) * loss_part(row); }

/// Returns the mean over the outputs of what `kRead(output - target)` gives, less the figure of all rows.
template <auto kRead, auto kAll>
double error_part(const RowFacts& row) {
  double sum = 0;
  for (std::size_t i = 0; i < row.outputs.size(); ++i)
    sum += kRead(row.outputs[i] - static_cast<double>(row.targets[i]));
  return sum / static_cast<double>(row.outputs.size()) - kAll(row.result);
}

double r2_part(const RowFacts& row) {
  double sum = 0;
  for (std::size_t i = 0; i < row.outputs.size(); ++i) {
    const double error = row.outputs[i] - static_cast<double>(row.targets[i]);
    const double distance = static_cast<double>(row.targets[i]) - row.target_means[i];
    const double variance = row.result.target_squares[i] / row.rows;
    if (variance > 0) sum += ((1 - row.result.r2(i)) * distance * distance - error * error) / variance;
  }
  return sum / static_cast<double>(row.outputs.size());
}

/// Adds what a row's part in a metric is.
MetricKind with_parts(MetricKind kind, double (*row_part)(const RowFacts&)) {
  kind.row_part = row_part;
  return kind;
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
  return with_parts(std::move(kind), perplexity_part);
}

// Declares r2, which falls without end as predictions get worse than the mean.
MetricKind r2_metric() {
  MetricKind kind = task_metric<Task::kRegression, [](const Evaluation& result) { return result.r2(); }>(
      "r2", {"r2_score"}, "share of the targets' variance that is explained, mean over the outputs", true, 1);
  kind.lowest = -kUnbounded;
  return with_parts(std::move(kind), r2_part);
}

std::vector<MetricKind> software_metrics() {
  return {
      with_parts(task_metric<Task::kClassification, [](const Evaluation& result) { return result.accuracy(); }>(
                     "accuracy", {"acc", "micro_accuracy", "val_accuracy"},
                     "share of validation rows predicted rightly", true, 1),
                 accuracy_part),
      with_parts(
          task_metric<Task::kClassification, [](const Evaluation& result) { return result.macro_accuracy(); }>(
              "macro_accuracy", {"balanced_accuracy"}, "mean over the classes of the share predicted rightly", true, 1),
          macro_accuracy_part),
      perplexity_metric(),
      r2_metric(),
      with_parts(
          task_metric<Task::kRegression, [](const Evaluation& result) { return result.mean_squared_error(); }>(
              "mse", {"mean_squared_error"}, "mean squared error over validation rows and outputs", false, kUnbounded),
          error_part<[](double x) { return x * x; },
                     [](const Evaluation& result) { return result.mean_squared_error(); }>),
      with_parts(task_metric<Task::kRegression, [](const Evaluation& result) { return result.mean_absolute_error(); }>(
                     "mae", {"mean_absolute_error"}, "mean absolute error over validation rows and outputs", false,
                     kUnbounded),
                 error_part<[](double x) { return std::abs(x); },
                            [](const Evaluation& result) { return result.mean_absolute_error(); }>),
      with_parts(
          evaluation_metric("loss", {"cross_entropy", "val_loss"}, "nat",
                            "mean loss of the validation rows, penalties aside; in nat where it is cross entropy",
                            false, kUnbounded, evaluated<[](const Evaluation& result) { return result.loss(); }>),
          loss_part),
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

}  // namespace

const ir::GraphCosts* TrialFacts::costs() const {
  if (graph == nullptr) return nullptr;
  if (!known_costs) known_costs = ir::costs(*graph, batch_size);
  return &*known_costs;
}

const Registry<MetricKind>& metric_kinds() {
  static const Registry<MetricKind> registry(
      "metric",
      [] {
        std::vector<MetricKind> all = software_metrics();
        for (const MetricKind& kind : hardware_metrics()) all.push_back(kind);
        return all;
      }(),
      Spelling::kLoose);
  return registry;
}

const MetricKind* find_metric(std::string_view name) { return metric_kinds().find(name); }

}  // namespace lathe::metric
