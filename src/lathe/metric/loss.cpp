#include <cmath>

#include "lathe/engine/loss_values.h"
#include "lathe/metric/declare.h"
#include "lathe/metric/row_labels.h"

namespace lathe::metric {
namespace {

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

}  // namespace

MetricKind loss_metric() {
  return with_parts(
      evaluation_metric("loss", {"cross_entropy", "val_loss"}, "nat",
                        "mean loss of the validation rows, penalties aside; in nat where it is cross entropy", false,
                        kUnbounded, evaluated<[](const Evaluation& result) { return result.loss(); }>),
      loss_part);
}

// Declares perplexity, the loss in the unit of language models; infinite where the loss is beyond any sense.
MetricKind perplexity_metric() {
  MetricKind kind =
      task_metric<Task::kClassification, [](const Evaluation& result) { return std::exp(result.loss()); }>(
          "perplexity", {"ppl"},
          "exp of the mean loss of the validation rows: of how many tokens the next one is guessed", false, kUnbounded);
  kind.of_tokens = true;
  return with_parts(std::move(kind), perplexity_part);
}

}  // namespace lathe::metric
