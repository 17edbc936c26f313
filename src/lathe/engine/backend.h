#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/data/dataset.h"
#include "lathe/engine/loss.h"
#include "lathe/engine/optimizer.h"
#include "lathe/engine/state.h"
#include "lathe/ir/graph.h"

namespace lathe::engine {

/// Tells whether l1 and l2 act on a parameter: the weights of layers, no biases and nothing of a batch norm.
bool is_penalised(const ir::Parameter& parameter);

/// Sums over the rows of a batch. Where a row has several labels (data::Samples::positions) each counts as a row here
/// and in EvaluationResult.
struct BatchResult {
  double loss_sum = 0;       ///< sum of the rows' losses, each times the weight of its class where there are such
  std::int64_t correct = 0;  ///< rows whose arg max (first of equals) is the label; 0 for regression
};

/// Sums over an evaluation.
struct EvaluationResult {
  double loss_sum = 0;
  std::int64_t rows = 0;
  std::int64_t correct = 0;
  std::vector<std::int64_t> class_rows;       ///< [classes] rows whose label is the class
  std::vector<std::int64_t> class_correct;    ///< [classes] of these, predicted rightly
  std::vector<std::int64_t> class_predicted;  ///< [classes] rows predicted as the class

  std::optional<double> weight = {};         ///< sum of the rows' class weights; absent: every row counts 1
  std::vector<double> squared_errors = {};   ///< [outputs] regression: sums over the rows
  std::vector<double> absolute_errors = {};  ///< [outputs] regression: sums over the rows
  std::vector<double> target_squares = {};   ///< [outputs] sums of (target - its mean over these rows)^2

  bool regression() const { return !squared_errors.empty(); }
  double loss() const { return loss_sum / weight.value_or(static_cast<double>(rows)); }
  double accuracy() const { return static_cast<double>(correct) / static_cast<double>(rows); }
  /// Returns the mean over classes of correct/rows (0 for a class that is predicted and never a label); classes that
  /// are neither labels nor predictions are left out.
  double macro_accuracy() const;

  /// Means over rows and outputs (regression).
  double mean_squared_error() const;
  double mean_absolute_error() const;
  /// Returns the coefficient of determination of output `output`: 1 - squared error / squared distance of the targets
  /// from their mean; for targets that are all equal 1 without error, else 0.
  double r2(std::size_t output) const;
  /// Returns the mean of r2 over the outputs.
  double r2() const;
};

/// Runs one compiled candidate: weights, gradients and optimiser moments for one graph. Not thread safe; one thread
/// uses it at a time. All results are a function of the state and the calls alone: bit-identical on every run with the
/// same back end and SIMD target.
class Session {
 public:
  virtual ~Session() = default;

  /// Replaces weights and buffers (checked by the caller with check_state).
  virtual void load(const State& state) = 0;
  virtual State state() const = 0;

  /// Chooses the update rule and clears its moments.
  virtual void set_optimizer(const OptimizerSettings& settings) = 0;
  /// Returns moments and step count for a checkpoint, and takes them back. Names: that of each trainable tensor with
  /// the ends that the rule declares (`NAME.exp_avg`), first all of one end, then all of the next; and `step` (scalar).
  virtual State optimizer_state() const = 0;
  virtual void load_optimizer_state(const State& state) = 0;

  /// Says with which rows the `accumulate` after the next one will begin, so that they can be fetched meanwhile. A
  /// hint: changes no result. `rows` stays valid until the end of the next `accumulate`.
  virtual void expect(const data::Samples& samples, std::span<const std::uint32_t> rows) {
    static_cast<void>(samples);
    static_cast<void>(rows);
  }
  /// Runs forward and backward in training mode over `rows` of `samples` (batch statistics, dropout drawn from
  /// `dropout_seed`), adds the gradients of (sum of losses * loss_scale) to the accumulated ones and updates the
  /// running statistics. Use loss_scale = 1 / loss_weight(rows of the whole step): the mean loss is then minimised.
  virtual BatchResult accumulate(const data::Samples& samples, std::span<const std::uint32_t> rows, double loss_scale,
                                 std::uint64_t dropout_seed) = 0;
  /// Applies one optimiser step with the accumulated gradients and clears them.
  virtual void update(double learning_rate) = 0;
  /// Returns the accumulated gradients (tests, diagnostics); buffers are zero.
  virtual State gradients() const = 0;

  /// Evaluates rows [first, first + count) in evaluation mode (running statistics, no dropout).
  virtual EvaluationResult evaluate(const data::Samples& samples, std::int64_t first, std::int64_t count) = 0;
  /// Writes the outputs of rows [first, first + count): [count, outputs].
  virtual void predict(const data::Samples& samples, std::int64_t first, std::int64_t count,
                       std::span<float> outputs) = 0;
};

/// Names the numbers that a session computes with; weights, statistics, loss and updates stay float32. Spelt `32`,
/// `bf16` and `16` in files (`bf16-mixed`, `16-mixed` too).
enum class Precision { kFloat32, kBFloat16, kFloat16 };
/// Prints `32`, `bf16` or `16`.
std::string to_string(Precision precision);
/// Reads the spellings of Lightning: 32, 32-true, bf16, bf16-mixed, 16, 16-mixed. Throws UserError (trainer_precision)
/// for others, with the reason where they are Lightning's.
Precision precision_of(std::string_view name);

/// Says what a session must be able to do; its memory follows from it.
struct SessionSettings {
  std::int64_t batch_size = 128;  ///< largest batch that accumulate will see
  bool training = true;           ///< false: evaluation only
  LossSettings loss = {};         ///< what `accumulate` and `evaluate` compute
  /// Threads that work on one session. Results may depend on it (sums in another order), so it is a setting of the
  /// user, stored with the study, and never derived from the number of parallel trials.
  int threads = 1;
  Precision precision = Precision::kFloat32;
};

/// Holds a graph compiled for one kind of session: no memory for weights or values, which sessions alone have.
/// Immutable, thread safe, shared; a session keeps alive what it needs of it.
class CompiledNetwork {
 public:
  virtual ~CompiledNetwork() = default;
  /// Returns the bytes that each of its sessions will allocate.
  virtual std::int64_t session_bytes() const = 0;
  /// Makes a session, whose weights are to be loaded. Throws std::bad_alloc (OutOfMemory with a device's words) where
  /// there is no room.
  virtual std::unique_ptr<Session> make_session() const = 0;
};

/// Compiles networks. Stateless, thread safe.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;
  /// Names what the bits depend on beside the name: the SIMD target (`AVX2`); empty for ref.
  virtual std::string target() const = 0;
  /// Names the device it runs on: `cpu`, `gpu` (CUDA) or `mps`.
  virtual std::string accelerator() const { return "cpu"; }
  /// Tells whether SessionSettings::threads changes what a session does. Its bits may then depend on the number, which
  /// is part of the candidate key.
  virtual bool uses_threads() const { return false; }
  /// Tells whether the graph can be run; otherwise the reason, naming the node and the property:
  /// `node flatten_0: op flatten needs [features]`. nullopt means yes.
  virtual std::optional<std::string> refusal(const ir::Graph& graph) const = 0;
  /// Tells whether a loss can be computed; otherwise the reason: `loss huber has no dense kernel`. nullopt means yes;
  /// by default plain cross entropy alone can.
  virtual std::optional<std::string> loss_refusal(const LossSettings& loss) const;
  /// Tells whether the back end can compute with these numbers on this machine; otherwise the reason. By default
  /// float32 alone.
  virtual std::optional<std::string> precision_refusal(Precision precision) const;
  /// Compiles a graph, a loss and a precision that it does not refuse. Nothing is allocated for weights or values, so
  /// that the bytes are known, and can be refused, before.
  virtual std::shared_ptr<const CompiledNetwork> compile(const ir::Graph& graph,
                                                         const SessionSettings& settings) const = 0;
};

/// Holds the back ends that the program was built with, fastest first.
using BackendList = std::vector<std::shared_ptr<const Backend>>;

/// Resolves `accelerator` (auto, cpu, gpu, cuda, mps) and `backend` (auto or a name) for a graph: the accelerator
/// first, then the first back end that supports the graph, the loss and the precision; `ref` only by name. Every
/// refusal is logged. Throws UserError for unknown names (nearest shown) and UnsupportedError with all reasons, or when
/// an accelerator is asked for that this machine or build lacks; never falls back.
std::shared_ptr<const Backend> choose_backend(const BackendList& backends, const std::string& backend,
                                              const std::string& accelerator, const ir::Graph& graph,
                                              const LossSettings& loss = {}, Precision precision = Precision::kFloat32);

}  // namespace lathe::engine
