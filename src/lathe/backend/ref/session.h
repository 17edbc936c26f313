#pragma once

#include <array>
#include <memory>
#include <vector>

#include "lathe/backend/ref/kernel.h"
#include "lathe/backend/ref/loss.h"
#include "lathe/engine/backend.h"
#include "lathe/engine/predictions.h"
#include "lathe/engine/update_rule.h"

namespace lathe::backend::ref {

/// Runs one graph; engine::Session says what each call does.
class RefSession final : public engine::Session {
 public:
  RefSession(std::shared_ptr<const ir::Graph> graph, const engine::SessionSettings& settings);

  void load(const engine::State& state) override;
  engine::State state() const override;
  void set_optimizer(const engine::OptimizerSettings& settings) override;
  engine::State optimizer_state() const override;
  void load_optimizer_state(const engine::State& state) override;
  engine::BatchResult accumulate(const data::Samples& samples, std::span<const std::uint32_t> rows, double loss_scale,
                                 std::uint64_t dropout_seed) override;
  void update(double learning_rate) override;
  engine::State gradients() const override;
  engine::EvaluationResult evaluate(const data::Samples& samples, std::int64_t first, std::int64_t count) override;
  void predict(const data::Samples& samples, std::int64_t first, std::int64_t count, std::span<float> outputs) override;

  /// Returns the bytes of all arrays of a session.
  static std::int64_t bytes(const ir::Graph& graph, const engine::SessionSettings& settings);

 private:
  using TensorValues = std::vector<double> Tensor::*;
  static constexpr std::array<TensorValues, engine::kMostMoments> kMoments{&Tensor::moment1, &Tensor::moment2};

  void resize(std::size_t rows);
  void quantize_tensors();
  void load_rows(const data::Samples& samples, std::span<const std::uint32_t> rows);
  /// Returns what a node reads; valid until the next call.
  Inputs inputs_of(const NodeState& node, std::size_t rows);
  void forward(const Pass& pass);
  void backward(const Pass& pass);
  /// Returns prediction number `prediction` of the pass, counted over rows and positions.
  std::span<const double> logits(std::size_t prediction) const;
  engine::State copy_out(TensorValues values, bool buffers) const;
  /// Runs an evaluation-mode pass over the rows, a batch at a time, and hands each prediction to `use`: the number of
  /// its row in samples, its position in the row, and its outputs.
  template <typename Use>
  void for_each_prediction(const data::Samples& samples, std::int64_t first, std::int64_t count, Use use);

  std::shared_ptr<const ir::Graph> graph_;  ///< shared with the compiled network; nodes_ points into it
  engine::Predictions predictions_;
  const LossKernel* loss_kernel_;
  bool training_ = true;
  std::size_t batch_size_ = 0;
  std::vector<NodeState> nodes_;
  std::vector<std::vector<double>> values_;         ///< per node, [rows, out_width]
  std::vector<std::vector<double>> gradients_;      ///< as values_; empty in evaluation sessions
  std::vector<std::span<const double>> inputs_;     ///< of the node at hand
  std::vector<std::span<double>> input_gradients_;  ///< of the node at hand
  engine::UpdateRule rule_;
};

}  // namespace lathe::backend::ref
