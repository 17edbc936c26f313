#include <cmath>

#include "lathe/metric/declare.h"

namespace lathe::metric {
namespace {

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

}  // namespace

MetricKind mse_metric() {
  return with_parts(
      task_metric<Task::kRegression, [](const Evaluation& result) { return result.mean_squared_error(); }>(
          "mse", {"mean_squared_error"}, "mean squared error over validation rows and outputs", false, kUnbounded),
      error_part<[](double x) { return x * x; }, [](const Evaluation& result) { return result.mean_squared_error(); }>);
}

MetricKind mae_metric() {
  return with_parts(
      task_metric<Task::kRegression, [](const Evaluation& result) { return result.mean_absolute_error(); }>(
          "mae", {"mean_absolute_error"}, "mean absolute error over validation rows and outputs", false, kUnbounded),
      error_part<[](double x) { return std::abs(x); },
                 [](const Evaluation& result) { return result.mean_absolute_error(); }>);
}

// Declares r2, which falls without end as predictions get worse than the mean.
MetricKind r2_metric() {
  MetricKind kind = task_metric<Task::kRegression, [](const Evaluation& result) { return result.r2(); }>(
      "r2", {"r2_score"}, "share of the targets' variance that is explained, mean over the outputs", true, 1);
  kind.lowest = -kUnbounded;
  return with_parts(std::move(kind), r2_part);
}

}  // namespace lathe::metric
