#pragma once

#include <memory>
#include <vector>

#include "lathe/backend/torch/loss.h"
#include "lathe/backend/torch/loss_scaler.h"
#include "lathe/backend/torch/network.h"
#include "lathe/backend/torch/optimizer.h"
#include "lathe/backend/torch/place.h"
#include "lathe/backend/torch/rows.h"
#include "lathe/backend/torch/step_graph.h"
#include "lathe/engine/backend.h"
#include "lathe/engine/predictions.h"

namespace lathe::backend::libtorch {

/// Runs one graph with libtorch; engine::Session says what each call does. `accumulate` waits once for the device: for
/// the sums of the forward pass, while the backward pass is already queued behind it.
class TorchSession final : public engine::Session {
 public:
  TorchSession(std::shared_ptr<const ir::Graph> graph, const engine::SessionSettings& settings, DeviceKind kind);
  ~TorchSession() override;

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

 private:
  // What a forward pass in training mode gives.
  struct Step {
    at::Tensor sums;         // [loss sum, correct predictions], double
    at::Tensor scaled_loss;  // what the gradients are taken of
  };
  // A step that is replayed: the batch that it reads, and what it writes.
  struct Recorded {
    Batch batch;
    Masks masks;
    Step step;
    StepGraph graph;
  };
  // What lives on the device, so that it can be freed before the device is told to let go of its memory.
  struct Contents;

  template <typename Work>
  auto on_device(Place::Turn::Company company, Work work) const;
  void check(const data::Samples& samples) const;
  void check_labels(const data::Samples& samples, std::size_t row) const;
  void check_tokens(const data::Samples& samples, std::size_t row) const;
  void check_rows(const data::Samples& samples, std::span<const std::uint32_t> rows) const;
  void check_range(const data::Samples& samples, std::int64_t first, std::int64_t count) const;
  /// Returns how many values a prediction has.
  std::int64_t width() const { return static_cast<std::int64_t>(predictions_.outputs()); }
  bool is_time_to_record(std::size_t rows);
  Step forward_step(const Batch& batch, const Masks& masks);
  void record(const Batch& batch, const Masks& masks);
  void run_recorded(const Batch& batch, const Masks& masks);
  void run(const Batch& batch, const Masks& masks);
  at::Tensor predictions(const Batch& batch);
  void evaluate_classes(const data::Samples& samples, std::int64_t first, std::int64_t count,
                        engine::EvaluationResult& sums);
  void evaluate_targets(const data::Samples& samples, std::int64_t first, std::int64_t count,
                        engine::EvaluationResult& sums);
  engine::State trained_state(const std::vector<at::Tensor>& tensors, double factor) const;
  /// Calls `use(batch)` with the rows, a batch at a time.
  template <typename Use>
  void for_each_batch(const data::Samples& samples, std::int64_t first, std::int64_t count, Use use);

  Place place_;  ///< goes last
  engine::SessionSettings settings_;
  engine::Predictions predictions_;
  std::unique_ptr<Contents> contents_;
};

}  // namespace lathe::backend::libtorch
