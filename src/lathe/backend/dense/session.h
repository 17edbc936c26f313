#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "lathe/backend/dense/aligned_buffer.h"
#include "lathe/backend/dense/program.h"
#include "lathe/engine/backend.h"
#include "lathe/engine/predictions.h"
#include "lathe/engine/update_rule.h"

namespace lathe::backend::dense {

/// Computes powers of one base for ascending exponents at the price of a multiplication; a function of the exponent
/// alone.
class Powers {
 public:
  explicit Powers(double base = 0);
  double operator()(std::int64_t exponent);

 private:
  static constexpr std::int64_t kLow = 256;
  double base_;
  std::array<double, kLow> low_;  ///< base^0 .. base^255
  double high_ = 1;               ///< base^(256 * block_)
  std::int64_t block_ = 0;
};

/// Owns what Memory points to.
class SessionMemory {
 public:
  SessionMemory(const Program& program, std::size_t tiles, bool training);

  /// Makes room for `tiles` tiles of a batch; their contents are lost.
  void grow(const Program& program, std::size_t tiles);
  std::size_t tiles() const { return tile_count_; }
  const Memory& pointers() const { return pointers_; }
  /// Returns what the constructor allocates.
  static std::int64_t bytes(const Program& program, std::size_t tiles, bool training);

 private:
  std::size_t tile_count_ = 0;
  AlignedBuffer<float> parameters_, gradients_, moments1_, moments2_, effective_, transposed_, buffers_;
  AlignedBuffer<float> scratch_, tiles_, gradient_, sample_rows_, targets_, zeros_, constants_;
  AlignedBuffer<double> statistics_;
  Memory pointers_;
};

/// Holds a graph compiled for one SIMD target: what its sessions share.
struct Compiled {
  Compiled(const ir::Graph& graph, const engine::SessionSettings& settings, const Kernels& kernels);

  engine::SessionSettings settings;
  const Kernels& kernels;
  Program program;
  engine::Predictions predictions;
  engine::State layout;  ///< names and shapes of the state, no values
};

/// Runs one candidate.
class DenseSession final : public engine::Session {
 public:
  explicit DenseSession(std::shared_ptr<const Compiled> compiled);

  void load(const engine::State& state) override;
  engine::State state() const override;
  void set_optimizer(const engine::OptimizerSettings& settings) override;
  engine::State optimizer_state() const override;
  void load_optimizer_state(const engine::State& state) override;
  void expect(const data::Samples& samples, std::span<const std::uint32_t> rows) override;
  engine::BatchResult accumulate(const data::Samples& samples, std::span<const std::uint32_t> rows, double loss_scale,
                                 std::uint64_t dropout_seed) override;
  void update(double learning_rate) override;
  engine::State gradients() const override;
  engine::EvaluationResult evaluate(const data::Samples& samples, std::int64_t first, std::int64_t count) override;
  void predict(const data::Samples& samples, std::int64_t first, std::int64_t count, std::span<float> outputs) override;

 private:
  void read_tensor(const Tensor& tensor, const float* block, std::vector<float>& values) const;
  void write_tensor(const Tensor& tensor, float* block, const std::vector<float>& values);
  engine::State from_block(const float* block, bool with_buffers) const;
  std::array<float*, engine::kMostMoments> moments() const;
  /// Turns a block of gradients of effective parameters into those of the parameters.
  void pass_gradients(float* block) const;
  UpdateCall update_call(const engine::OptimizerStep& step);
  void check_result(const Rows& rows, const CallResult& result) const;
  Rows training_rows(const data::Samples& samples, std::span<const std::uint32_t> rows) const;
  Rows evaluation_rows(const data::Samples& samples, std::int64_t first, std::int64_t count, bool learned) const;
  void prepare_evaluation();

  std::shared_ptr<const Compiled> compiled_;
  const Program& program_;  ///< of compiled_, as kernels_
  const Kernels& kernels_;
  bool training_;
  SessionMemory memory_;
  std::vector<std::int64_t> counters_;
  engine::UpdateRule rule_;
  Powers beta1_powers_, beta2_powers_;
  bool evaluation_prepared_ = false;
  Rows next_;  ///< see expect
};

/// Returns how many tiles a batch needs.
std::size_t tile_count(std::int64_t batch_size);

}  // namespace lathe::backend::dense
