#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lathe/backend/onednn/builder.h"
#include "lathe/backend/onednn/loss.h"
#include "lathe/engine/backend.h"
#include "lathe/engine/predictions.h"
#include "lathe/engine/update_rule.h"

namespace lathe::backend::onednn {

/// What a step of a plan took so far.
struct StepTime {
  std::string node, kind;
  double seconds = 0;
};

/// Holds a graph with the plans of whole batches and the layouts of its parameters, without memory for either.
struct PlannedNetwork {
  PlannedNetwork(std::shared_ptr<const ir::Graph> graph, const engine::SessionSettings& settings);

  /// Makes the plan of another number of rows.
  Plan plan(bool training, std::size_t rows);
  /// Returns the rows of a whole batch.
  std::size_t batch_size() const;
  std::size_t arena_bytes() const;
  /// Returns the bytes that a session allocates.
  std::int64_t bytes() const;

  std::shared_ptr<const ir::Graph> graph;  ///< plans and parameters point into it
  engine::SessionSettings settings;
  Parameters parameters;       ///< plans point to them; their places stay when this is moved
  std::map<bool, Plan> plans;  ///< of whole batches: training or not
};

/// Runs one graph; engine::Session says what each call does. Plans are made for a number of rows and kept; they share
/// the weights and one arena, which grows only where a batch is longer than the settings said.
class OnednnSession final : public engine::Session {
 public:
  explicit OnednnSession(PlannedNetwork network);
  OnednnSession(const OnednnSession&) = delete;
  OnednnSession& operator=(const OnednnSession&) = delete;

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

  /// Returns the bytes that it has allocated.
  std::int64_t allocated_bytes() const;
  /// Measures the times of the steps from now on.
  void measure_steps() { measuring_ = true; }
  /// Returns the steps of whole batches, in training or evaluation, and what they took since measure_steps.
  std::vector<StepTime> step_times(bool training) const;

 private:
  struct KeptPlan {
    Plan plan;
    std::vector<double> seconds;
  };
  /// Which plan: training or not, rows.
  using Key = std::pair<bool, std::size_t>;

  KeptPlan& plan_for(bool training, std::size_t rows);
  void run(KeptPlan& kept, Pass& pass);
  float read_rows(const data::Samples& samples, std::span<const std::uint32_t> rows, float* input) const;
  void check_training() const;
  bool weights_finite() const;
  engine::State copy_out(const float* block, const char* suffix) const;
  /// Runs an evaluation pass over the rows, a batch at a time, and hands each prediction to
  /// `use(row, position, outputs)`. Returns false where something was not finite.
  template <typename Use>
  bool for_each_prediction(const data::Samples& samples, std::int64_t first, std::int64_t count, Use use);

  PlannedNetwork network_;
  engine::Predictions predictions_;
  Loss loss_;
  dnnl::stream stream_;
  std::size_t batch_size_, width_;
  std::map<Key, KeptPlan> plans_;
  MemoryBlock arena_;
  engine::UpdateRule rule_;
  bool fresh_ = true;   ///< no gradients yet
  bool finite_ = true;  ///< weights and statistics
  bool measuring_ = false;
};

}  // namespace lathe::backend::onednn
