#pragma once

#include <limits>
#include <vector>

#include "lathe/engine/backend.h"
#include "lathe/ir/graph.h"

namespace lathe::engine {

/// Stands in for a back end: records every call; its one weight moves with the rows it is given.
class FakeSession : public Session {
 public:
  struct Call {
    std::vector<std::uint32_t> rows;
    double loss_scale = 0;
    std::uint64_t dropout_seed = 0;
  };

  void load(const State& state) override { weight_ = state.at(0).values.at(0); }
  State state() const override { return {{"weight", {1}, {weight_}}}; }
  void set_optimizer(const OptimizerSettings&) override { ++optimizers_set; }
  State optimizer_state() const override { return {}; }
  void load_optimizer_state(const State&) override {}

  BatchResult accumulate(const data::Samples&, std::span<const std::uint32_t> rows, double loss_scale,
                         std::uint64_t dropout_seed) override {
    calls.push_back({{rows.begin(), rows.end()}, loss_scale, dropout_seed});
    BatchResult result;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      gradient_ += loss_scale * (static_cast<double>(rows[i]) + 1) * static_cast<double>(i + 1);
      result.loss_sum += 1.0 / (1.0 + static_cast<double>(rows[i]));
      result.correct += rows[i] % 2;
    }
    if (static_cast<std::int64_t>(calls.size()) == diverge_at_call)
      result.loss_sum = std::numeric_limits<double>::quiet_NaN();
    return result;
  }

  void update(double learning_rate) override {
    learning_rates.push_back(learning_rate);
    weight_ -= static_cast<float>(learning_rate * gradient_);
    gradient_ = 0;
  }

  State gradients() const override { return {}; }

  EvaluationResult evaluate(const data::Samples& samples, std::int64_t, std::int64_t count) override {
    EvaluationResult result;
    result.rows = count;
    const auto turn = static_cast<std::size_t>(evaluations++);
    result.loss_sum = static_cast<double>(count) * (turn < validation_losses.size() ? validation_losses[turn] : 1.0);
    result.correct = samples.rows() / 2;
    return result;
  }

  void predict(const data::Samples&, std::int64_t, std::int64_t, std::span<float>) override {}

  std::vector<Call> calls;
  std::vector<double> learning_rates;
  std::vector<double> validation_losses;
  std::int64_t diverge_at_call = -1;
  int optimizers_set = 0;
  int evaluations = 0;

 private:
  float weight_ = 1;
  double gradient_ = 0;
};

/// Makes a chain 4 -> 3 of a linear layer, with batch norm before it where asked.
inline ir::Graph small_graph(bool batch_norm) {
  ir::GraphBuilder builder("small", {4});
  if (batch_norm) builder.add("batch_norm1d", "blocks.0", {{"num_features", std::int64_t{4}}});
  builder.add("linear", "blocks.1", {{"in_features", std::int64_t{4}}, {"out_features", std::int64_t{3}}});
  return std::move(builder).finish();
}

/// Makes rows of four features in three classes; deterministic, the classes can be told apart.
inline data::Samples small_samples(std::int64_t rows) {
  data::Samples samples;
  samples.width = 4;
  for (std::int64_t row = 0; row < rows; ++row) {
    const auto label = static_cast<std::int32_t>(row % 3);
    samples.labels.push_back(label);
    for (std::int64_t column = 0; column < 4; ++column)
      samples.features.push_back(static_cast<float>((row * 7 + column * 3) % 11) / 11.0f +
                                 (column == label ? 1.5f : 0.0f));
  }
  return samples;
}

inline data::Dataset small_dataset(std::int64_t train_rows, std::int64_t validation_rows = 6) {
  data::Dataset dataset;
  dataset.name = "small";
  dataset.classes = 3;
  dataset.train = small_samples(train_rows);
  dataset.validation = small_samples(validation_rows);
  return dataset;
}

}  // namespace lathe::engine
