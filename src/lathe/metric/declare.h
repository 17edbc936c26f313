#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lathe/metric/metric.h"

/// What declarations of metrics have in common. Internal to the module.
namespace lathe::metric {

using Value = std::optional<double>;
using Compute = Value (*)(const TrialFacts&);
using Costs = ir::GraphCosts;
using Evaluation = engine::EvaluationResult;
using Training = engine::TrainReport;
using data::Task;

inline constexpr double kUnbounded = std::numeric_limits<double>::infinity();

/// Takes one number out of the costs of the graph.
template <auto kRead>
Value cost(const TrialFacts& facts) {
  const ir::GraphCosts* costs = facts.costs();
  return costs == nullptr ? Value() : Value(static_cast<double>(kRead(*costs, facts)));
}

/// Takes one number out of the evaluation.
template <auto kRead>
Value evaluated(const TrialFacts& facts) {
  return facts.validation == nullptr ? Value() : Value(kRead(*facts.validation));
}

/// Reads a figure of classes, or one of targets; nothing from a result of the other task.
template <Task kTask, auto kRead>
Value learned(const TrialFacts& facts) {
  if (facts.validation == nullptr) return {};
  return facts.validation->regression() == (kTask == Task::kRegression) ? Value(kRead(*facts.validation)) : Value();
}

/// Declares a number that an evaluation gives.
inline MetricKind evaluation_metric(std::string name, std::vector<std::string> aliases, std::string unit,
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
template <Task kTask, auto kRead>
MetricKind task_metric(std::string name, std::vector<std::string> aliases, std::string description,
                       bool larger_is_better, double highest) {
  MetricKind kind = evaluation_metric(std::move(name), std::move(aliases), "", std::move(description), larger_is_better,
                                      highest, learned<kTask, kRead>);
  kind.task = kTask;
  return kind;
}

/// Declares a number that a clock gives.
inline MetricKind measured_metric(std::string name, std::vector<std::string> aliases, std::string unit,
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

/// Adds what a row's part in a metric is.
inline MetricKind with_parts(MetricKind kind, double (*row_part)(const RowFacts&)) {
  kind.row_part = row_part;
  return kind;
}

}  // namespace lathe::metric
