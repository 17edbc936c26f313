#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "lathe/engine/backend.h"
#include "lathe/engine/loss_values.h"

/// What every back end does with the outputs of a network beside its own arithmetic: what they are compared with, and
/// what is added up over them.
namespace lathe::engine {

/// Says what a network predicts of a row, `positions` predictions (one per token in language modelling, else one) of
/// `outputs` values each, and what a loss compares them with.
class Predictions {
 public:
  Predictions(const ir::Graph& graph, LossSettings loss);

  const LossSettings& loss() const { return loss_; }
  bool regression() const { return regression_; }
  std::size_t outputs() const { return outputs_; }
  std::size_t positions() const { return positions_; }
  /// Returns how many values are predicted of a row.
  std::size_t row_width() const { return outputs_ * positions_; }

  /// Checks that rows hold what the loss learns from: labels, one per position, or targets. Throws InternalError.
  void check(const data::Samples& samples) const;
  /// Returns what prediction `position` of row `row` is compared with. Throws DataError for a label that is no class.
  Truth truth(const data::Samples& samples, std::size_t row, std::size_t position) const;
  /// Throws the DataError for a label that is no class.
  [[noreturn]] void refuse_label(std::size_t row, std::int32_t label) const;

  /// Adds one prediction to the sums of a training batch.
  template <typename Value>
  void add(const Truth& truth, std::span<const Value> outputs, double loss, BatchResult& result) const {
    result.loss_sum += loss;
    if (!regression_ && largest_index(outputs) == truth.label) ++result.correct;
  }

 private:
  LossSettings loss_;
  bool regression_;
  std::size_t outputs_, positions_;
};

/// Checks that samples have the rows [first, first + count). Throws InternalError.
void check_range(const data::Samples& samples, std::int64_t first, std::int64_t count);

/// Keeps the sums of an evaluation of rows [first, first + count). A back end adds prediction by prediction, in its own
/// order, or writes what it has added up itself into `sums`.
class EvaluationTally {
 public:
  /// Takes what is alive until `finish`.
  EvaluationTally(const Predictions& predictions, const data::Samples& samples, std::int64_t first, std::int64_t count);

  /// Adds one prediction.
  template <typename Value>
  void add(const Truth& truth, std::span<const Value> outputs, double loss) {
    sums_.loss_sum += loss;
    if (predictions_.regression())
      add_errors(truth.targets, outputs);
    else
      add_label(truth.label, largest_index(outputs));
  }
  /// Holds the sums so far: rows are counted, the counts per class and the errors per output have their sizes.
  EvaluationResult& sums() { return sums_; }
  /// Returns the sums with what follows from the rows alone: the weight, or the squares of the targets.
  EvaluationResult finish();

 private:
  template <typename Value>
  void add_errors(std::span<const float> targets, std::span<const Value> outputs) {
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const double difference = static_cast<double>(outputs[i]) - targets[i];
      sums_.squared_errors[i] += difference * difference;
      sums_.absolute_errors[i] += difference < 0 ? -difference : difference;
    }
  }
  void add_label(std::size_t label, std::size_t predicted);

  const Predictions& predictions_;
  const data::Samples& samples_;
  std::int64_t first_, count_;
  EvaluationResult sums_;
};

}  // namespace lathe::engine
