#include "lathe/metric/declare.h"
#include "lathe/metric/row_labels.h"

namespace lathe::metric {
namespace {

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

}  // namespace

MetricKind accuracy_metric() {
  return with_parts(
      task_metric<Task::kClassification, [](const Evaluation& result) { return result.accuracy(); }>(
          "accuracy", {"acc", "micro_accuracy", "val_accuracy"}, "share of validation rows predicted rightly", true, 1),
      accuracy_part);
}

MetricKind macro_accuracy_metric() {
  return with_parts(
      task_metric<Task::kClassification, [](const Evaluation& result) { return result.macro_accuracy(); }>(
          "macro_accuracy", {"balanced_accuracy"}, "mean over the classes of the share predicted rightly", true, 1),
      macro_accuracy_part);
}

}  // namespace lathe::metric
