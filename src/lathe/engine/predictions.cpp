#include "lathe/engine/predictions.h"

#include <fmt/format.h>

#include <utility>

#include "lathe/base/check.h"

namespace lathe::engine {
namespace {

bool is_regression(const LossSettings& loss) {
  const LossDeclaration* declaration = find_loss(loss.name);
  LATHE_CHECK(declaration != nullptr, "loss {}", loss.name);
  return declaration->task == data::Task::kRegression;
}

}  // namespace

Predictions::Predictions(const ir::Graph& graph, LossSettings loss)
    : loss_(std::move(loss)), regression_(is_regression(loss_)) {
  const Shape& shape = graph.output().output_shape;
  outputs_ = static_cast<std::size_t>(shape.back());
  positions_ = static_cast<std::size_t>(element_count(shape)) / outputs_;
}

void Predictions::check(const data::Samples& samples) const {
  LATHE_CHECK(static_cast<std::size_t>(samples.outputs) == (regression_ ? outputs_ : 0),
              "loss {} of {} outputs, {} targets a row", loss_.name, outputs_, samples.outputs);
  LATHE_CHECK(loss_.class_weights.empty() || loss_.class_weights.size() == outputs_, "{} class weights, {} outputs",
              loss_.class_weights.size(), outputs_);
  LATHE_CHECK_EQ(static_cast<std::size_t>(samples.positions), positions_);
}

Truth Predictions::truth(const data::Samples& samples, std::size_t row, std::size_t position) const {
  if (regression_) return {.label = 0, .targets = std::span(samples.targets).subspan(row * outputs_, outputs_)};
  const std::int32_t label = samples.labels[row * positions_ + position];
  if (label < 0 || static_cast<std::size_t>(label) >= outputs_) refuse_label(row, label);
  return {.label = static_cast<std::size_t>(label), .targets = {}};
}

void Predictions::refuse_label(std::size_t row, std::int32_t label) const {
  throw DataError(
      fmt::format("row {}: label {} is no class of the network, which has {} outputs", row, label, outputs_));
}

void check_range(const data::Samples& samples, std::int64_t first, std::int64_t count) {
  LATHE_CHECK(first >= 0 && count >= 0 && first + count <= samples.rows(), "rows {} + {} of {}", first, count,
              samples.rows());
}

EvaluationTally::EvaluationTally(const Predictions& predictions, const data::Samples& samples, std::int64_t first,
                                 std::int64_t count)
    : predictions_(predictions), samples_(samples), first_(first), count_(count) {
  sums_.rows = count * static_cast<std::int64_t>(predictions.positions());
  const std::size_t classes = predictions.regression() ? 0 : predictions.outputs();
  for (auto* counts : {&sums_.class_rows, &sums_.class_correct, &sums_.class_predicted}) counts->assign(classes, 0);
  for (auto* errors : {&sums_.squared_errors, &sums_.absolute_errors})
    errors->assign(predictions.outputs() - classes, 0.0);
}

void EvaluationTally::add_label(std::size_t label, std::size_t predicted) {
  const std::int64_t hit = label == predicted ? 1 : 0;
  sums_.correct += hit;
  ++sums_.class_rows[label];
  sums_.class_correct[label] += hit;
  ++sums_.class_predicted[predicted];
}

EvaluationResult EvaluationTally::finish() {
  if (predictions_.regression())
    sums_.target_squares = target_squares(samples_, first_, count_);
  else
    sums_.weight = loss_weight(predictions_.loss(), sums_.class_rows);
  return std::move(sums_);
}

}  // namespace lathe::engine
