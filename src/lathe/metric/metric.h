#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/base/registry.h"
#include "lathe/engine/backend.h"
#include "lathe/engine/train.h"
#include "lathe/ir/analysis/costs.h"

namespace lathe::metric {

/// Says what a metric needs to be known.
enum class Source {
  kAnalysis,   ///< the graph alone: FLOPs, bits
  kEvaluated,  ///< an evaluation on validation rows
  kWeights,    ///< the weights that are evaluated: computed only where it is named
  kMeasured,   ///< a clock: exempt from bit-identity
};

/// Holds a measured time with its spread.
struct Measurement {
  double median = 0;
  double spread = 0;  ///< interquartile range / median
  std::int64_t count = 0;
};

/// Holds what a trial has produced when its metrics are computed; absent parts are null.
struct TrialFacts {
  const ir::Graph* graph = nullptr;
  const engine::EvaluationResult* validation = nullptr;
  const engine::TrainReport* training = nullptr;
  std::optional<Measurement> latency_seconds = {};  ///< of one batch
  std::int64_t batch_size = 1;                      ///< of the latency and of the costs that count a batch
  double compare_to_bits = 32;                      ///< memory_density's numerator
  /// Fetches the weights that are evaluated; empty: there are none.
  std::function<engine::State()> fetch_weights = {};

  /// Returns the costs of `graph` for `batch_size`, computed at the first call; null without a graph.
  const ir::GraphCosts* costs() const;
  mutable std::optional<ir::GraphCosts> known_costs = {};  ///< what costs() has computed
  /// Returns the weights, fetched at the first call; null without any.
  const engine::State* weights() const;
  mutable std::optional<engine::State> known_weights = {};  ///< what weights() has fetched
};

/// Holds what one row of an evaluation was answered, and the sums over all of them.
struct RowFacts {
  const engine::EvaluationResult& result;
  const engine::LossSettings& loss;
  double rows = 0;                            ///< of the evaluation
  std::span<const double> outputs = {};       ///< [positions, outputs]
  std::span<const std::int32_t> labels = {};  ///< [positions]; empty for regression
  std::span<const float> targets = {};        ///< [outputs]; empty for classes
  std::span<const double> target_means = {};  ///< [outputs] over the rows
};

/// Declares a metric. One line of builtin.def each.
struct MetricKind {
  std::string name;
  std::vector<std::string> aliases;
  std::string unit;
  std::string description;
  bool larger_is_better = false;
  bool hardware = false;  ///< listed under hardware_metrics in results, else software_metrics
  Source source = Source::kAnalysis;
  bool needs_training = false;                               ///< training_time
  std::optional<data::Task> task = {};                       ///< what is learned where it has a value; absent: anything
  double highest = std::numeric_limits<double>::infinity();  ///< no value lies above
  double lowest = 0;                                         ///< none lies below
  bool of_tokens = false;  ///< says something of language models; in other trials computed only where it is named
  /// Computes the value; nullopt when the facts it needs are absent.
  std::optional<double> (*compute)(const TrialFacts&);
  /// Computes the part of a row in a metric of an evaluation; see row_parts.h. Null: how the metric varies over the
  /// rows is not known.
  double (*row_part)(const RowFacts&) = nullptr;
};

const Registry<MetricKind>& metric_kinds();
/// Finds a metric by name or alias (case, `-` and `_` are ignored: `FLOPs`, `model-size`); null when there is none.
const MetricKind* find_metric(std::string_view name);

/// Holds a formula over metrics: + - * / ^, parentheses, numbers, metric names, min max abs log exp sqrt.
class Expression {
 public:
  /// Reads a formula; throws UserError with the offending place (unknown names: nearest metric shown).
  static Expression parse(std::string_view text);
  /// Lists the metrics used, each once.
  const std::vector<std::string>& names() const { return names_; }
  /// Returns the formula as it was written.
  const std::string& text() const { return text_; }
  double evaluate(const std::map<std::string, double>& values) const;

 private:
  friend class ExpressionParser;
  std::string text_;
  std::vector<std::string> names_;
  struct Instruction {
    char operation = 0;  ///< 'n' number, 'v' variable, operators and functions by letter; see expression.cpp
    double number = 0;
    std::size_t variable = 0;
  };
  std::vector<Instruction> program_;  ///< postfix
};

/// Measures the time of evaluating one batch with a session: warm-up, then `repeats` timed runs of at least a
/// millisecond in all each. Returns seconds per batch. `clock` gives seconds; empty: the machine's.
Measurement measure_latency(engine::Session& session, const data::Samples& samples, std::int64_t batch_size,
                            int repeats = 21, const std::function<double()>& clock = {});

}  // namespace lathe::metric
