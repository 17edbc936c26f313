#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lathe/backend/dense/activation.h"
#include "lathe/ir/activation_text.h"
#include "lathe/quant/integer.h"
#include "lathe/quant/quantizer.h"

/// What the dense engine executes: a graph compiled to stages over tiles of samples, in topological order.
///
/// A tile holds kTile samples feature-major: value `f` of sample `s` lies at `f * kTile + s`, so that one SIMD lane is
/// one sample, no width needs padding, and a row's result cannot depend on its neighbours. Batch norms need sums over
/// the whole batch before they can go on, so they cut the stages into segments; each segment runs over all tiles before
/// the next one. Values of all segments but the last are kept per tile for the backward pass; those of the last live in
/// one scratch tile, whose forward pass, loss and backward pass run in one go.
/// Values that skip over a batch norm are thus at hand; their gradients are kept per tile too (gradient_routes.h).
namespace lathe::backend::dense {

inline constexpr std::size_t kTile = 64;
inline constexpr std::size_t kNone = static_cast<std::size_t>(-1);

/// Says where a value lies: an offset in floats into the scratch tile, or into each tile's own memory. Of a gradient:
/// an offset into Memory::gradient, or into each tile's own memory.
struct Slot {
  std::size_t offset = 0;
  bool per_tile = false;
};

enum class StageKind : std::uint8_t {
  kLinear,
  kBatchNorm,
  kRelu,
  kActivation,  ///< one of activation.h; ReLU has its own stages
  kDropout,
  kQuantize,  ///< fixed point
  kFormat,    ///< any other number format
  kAdd
};

/// Holds one step. Offsets of parameters count floats in the parameter block, those of running statistics
/// in the block of buffers, those of statistics doubles in the block of statistics.
struct Stage {
  StageKind kind = StageKind::kLinear;
  std::size_t node = 0;  ///< index in the graph: identifies the dropout mask
  std::size_t in_width = 0, out_width = 0;
  Slot input, output;                              ///< the same slot where the stage works in place
  std::size_t first_operand = 0, end_operand = 0;  ///< add: what it sums, in Program::operands; `input` is the first

  bool takes_gradient = false;                       ///< something trainable is in it or before it
  bool passes_gradient = false;                      ///< something trainable is before it
  Slot output_gradient;                              ///< in all but linear and batch norm its input's afterwards
  Slot input_gradient;                               ///< linear, batch norm: what they write
  std::size_t first_transfer = 0, end_transfer = 0;  ///< in Program::transfers: done behind its backward pass

  bool relu = false;            ///< linear, batch norm: the ReLU behind it is done on the way out
  bool quantizes = false;       ///< linear, batch norm: so is the quantiser behind that
  bool masks_input = false;     ///< linear: the gradient that it writes passes the ReLU that made its input
  bool already_masked = false;  ///< the gradient that arrives has passed this stage's ReLU

  std::size_t weight = kNone, bias = kNone;  ///< linear: [out, in] with row stride weight_stride; [out]
  std::size_t weight_stride = 0;
  std::size_t transposed = kNone, transposed_stride = 0;  ///< linear too large for strided reading: a copy [in, out]

  std::size_t gamma = kNone, beta = kNone;
  std::size_t running_mean = kNone, running_variance = kNone;
  std::size_t statistics = 0, constants = 0;  ///< batch norm: see BatchNormStatistics in batch_norm-inl.h
  Slot gradient;  ///< batch norm with trainable stages before it: its output's gradient, per tile
  double epsilon = 0, momentum = 0;

  Activation activation = {};
  ir::ActivationNumbers numbers = {};
  bool keeps_output = false;      ///< activation: its gradient is computed from its output in place of its input
  double probability = 0;         ///< dropout
  Slot mask;                      ///< dropout: factors of the values
  quant::IntegerScale quantizer;  ///< quantize, or where `quantizes` is set
  /// Of kFormat; null for others.
  std::shared_ptr<const quant::Quantizer> format;
};

/// Lists a contiguous run of stages between batch norms.
struct Segment {
  std::size_t first = 0, end = 0;
};

/// Hands a gradient on to a value that several stages read, or that several get it from.
struct Transfer {
  std::size_t width = 0;
  Slot from, to;
  bool adds = false;  ///< false: `to` is overwritten
};

/// Says where a tensor of the state lies.
struct Tensor {
  enum class Place : std::uint8_t { kParameter, kBuffer, kCounter };
  std::string name;
  Place place = Place::kParameter;
  std::size_t offset = 0;
  std::size_t rows = 1, columns = 0, stride = 0;
};

/// Marks a part of the parameter block that every forward pass reads quantised.
struct QuantizedRange {
  std::size_t offset = 0, size = 0;
  quant::IntegerScale scale;
  /// Of number formats that are no fixed point; null: `scale` says it.
  std::shared_ptr<const quant::Quantizer> format;
  quant::TensorView<float> view;  ///< of the tensor for `format`, without its data
};

/// Looks at a quantised tensor in a block of parameters or gradients.
template <typename T>
quant::TensorView<T> view_of(const QuantizedRange& range, T* block) {
  return {
      .data = block + range.offset, .shape = range.view.shape, .strides = range.view.strides, .rank = range.view.rank};
}

enum class LossKind : std::uint8_t {
  kCrossEntropy,
  kWeightedCrossEntropy,  ///< with label smoothing or class weights
  kMeanSquaredError,
  kMeanAbsoluteError,
  kHuber
};

/// Holds the loss of a program: engine::LossSettings as the kernels read them.
struct Loss {
  LossKind kind = LossKind::kCrossEntropy;
  bool regression = false;
  float keep = 1, spread = 0;        ///< weighted: the label's share of the target, and that of every class
  std::vector<float> class_weights;  ///< weighted: [classes]
  float weight_sum = 0;              ///< of class_weights
  float delta = 1;                   ///< huber
};

/// Marks a part of the parameter block.
struct Range {
  std::size_t offset = 0, size = 0;
};

/// Holds a compiled graph. Immutable, the same for every session of a graph and SIMD target.
struct Program {
  std::vector<Stage> stages;
  std::vector<Segment> segments;  ///< every segment but the first begins with a batch norm
  std::vector<Slot> operands;
  std::vector<Transfer> transfers;  ///< none in a chain
  std::vector<Tensor> tensors;      ///< in the order of the state
  std::vector<QuantizedRange> quantized;
  std::vector<Range> penalised;  ///< what l1 and l2 act on
  Loss loss;
  Slot input, logits;
  std::size_t input_width = 0, classes = 0;
  std::size_t first_trainable = kNone;  ///< the backward pass ends at this stage
  std::size_t gradient_buffers = 0;     ///< the loss writes the gradient of the outputs into the first
  std::size_t parameter_floats = 0, transposed_floats = 0, buffer_floats = 0, counters = 0;
  std::size_t statistics_doubles = 0, constants_floats = 0;
  std::size_t scratch_floats = 0, tile_floats = 0;
  std::size_t widest = 0;         ///< most rows of any value
  std::size_t widest_stride = 0;  ///< floats in a sample's row of the transposed copy that weight gradients read
  bool couples_batch = false;

  /// Floats from one gradient buffer to the next: a tile of the widest value, and a cache line that keeps equal rows of
  /// two buffers apart.
  std::size_t gradient_stride() const { return widest * kTile + 16; }
};

/// Points to a session's memory.
struct Memory {
  float* parameters = nullptr;
  float* gradients = nullptr;
  float* moments1 = nullptr;
  float* moments2 = nullptr;
  float* effective = nullptr;  ///< what forward passes read: `parameters`, or their quantised copy
  float* transposed = nullptr;
  float* buffers = nullptr;
  double* statistics = nullptr;
  float* constants = nullptr;
  float* scratch = nullptr;
  float* tiles = nullptr;
  float* gradient = nullptr;     ///< gradient_buffers of [widest, kTile], gradient_stride() apart
  float* sample_rows = nullptr;  ///< [kTile, widest_stride]
  float* targets = nullptr;      ///< regression: [classes, kTile], those of a tile
  float* zeros = nullptr;        ///< at least widest and kTile floats, never written
};

/// Names the rows of a call.
struct Rows {
  const float* features = nullptr;       ///< [total, width]
  const float* blocks = nullptr;         ///< data::Samples::blocks; null: none
  const std::int32_t* labels = nullptr;  ///< [total]; null where no labels are needed
  const float* targets = nullptr;        ///< regression: [total, classes]; null where none are needed
  const std::uint32_t* order = nullptr;  ///< row numbers; null: consecutive from `first`
  std::size_t first = 0, count = 0, total = 0, width = 0;

  std::size_t operator[](std::size_t i) const { return order == nullptr ? first + i : order[i]; }
};

struct TrainingCall {
  Rows rows;
  Rows next;  ///< what the next call will read, to be fetched meanwhile: of these the first as many tiles as `rows` has
  double loss_scale = 1;
  std::uint64_t dropout_seed = 0;
};

/// Sums over a call. `row_out_of_range` and `label_out_of_range` hold the first offender's position, kNone when none.
struct CallResult {
  double loss_sum = 0;
  std::int64_t correct = 0;
  std::size_t row_out_of_range = kNone, label_out_of_range = kNone;
};

/// Points to counters per class, or for regression to sums of errors per output.
struct EvaluationSums {
  std::int64_t* rows = nullptr;
  std::int64_t* correct = nullptr;
  std::int64_t* predicted = nullptr;
  double* squared_errors = nullptr;
  double* absolute_errors = nullptr;
};

/// Holds the constants of one optimiser step, as torch.optim forms them.
struct UpdateCall {
  enum class Rule : std::uint8_t { kSgd, kSgdMomentum, kSgdNesterov, kAdam, kAdamW, kOther };
  Rule rule = Rule::kAdam;  ///< kOther: the caller applies the rule; penalties are added all the same
  float learning_rate = 0;  ///< SGD
  float weight_decay = 0;   ///< added to the gradient (SGD, Adam)
  float keep = 1;           ///< 1 - learning rate * weight decay (AdamW)
  float momentum = 0;
  float beta1 = 0, one_minus_beta1 = 0, beta2 = 0, one_minus_beta2 = 0;
  float step_size = 0;                ///< learning rate / (1 - beta1^t)
  float inverse_root_correction = 1;  ///< 1 / sqrt(1 - beta2^t)
  float epsilon = 0;
  float l1 = 0, twice_l2 = 0;  ///< added to the gradients of Program::penalised: l1 * sign(w) + twice_l2 * w
};

/// Lists the vectorised element-wise functions, for the tests of their accuracy.
enum class Function : std::uint8_t { kExp, kExpNonPositive, kLog, kTanh, kSigmoid };

/// Holds the engine compiled for one SIMD target. All functions are plain and allocate nothing.
struct Kernels {
  const char* target = "";
  std::size_t lanes = 0;  ///< floats in a vector; row strides of weights are multiples of it
  void (*accumulate)(const Program&, const Memory&, const TrainingCall&, CallResult&) = nullptr;
  /// Fills the evaluation constants of every batch norm; to be called before `evaluate` when weights have changed.
  void (*prepare_evaluation)(const Program&, const Memory&) = nullptr;
  /// Evaluates; writes outputs [count, classes] where `outputs` is given, losses and sums where there are labels or
  /// targets.
  void (*evaluate)(const Program&, const Memory&, const Rows&, float* outputs, const EvaluationSums&,
                   CallResult&) = nullptr;
  /// Updates parameters and moments, and clears the gradients.
  void (*update)(const Program&, const Memory&, const UpdateCall&) = nullptr;
  /// Renews the quantised and transposed copies of the parameters.
  void (*refresh)(const Program&, const Memory&) = nullptr;
  /// Applies a function to `count` values (any alignment).
  void (*apply)(Function, const float* x, float* y, std::size_t count) = nullptr;
  /// Computes an activation's values at x, or its gradients from dy and what its formula reads, of `count` values.
  void (*activate)(Activation, const ir::ActivationNumbers&, const float* x, float* y, std::size_t count) = nullptr;
  void (*differentiate)(Activation, const ir::ActivationNumbers&, const float* at, const float* dy, float* dx,
                        std::size_t count) = nullptr;
};

/// Returns the kernels of the best SIMD target that this processor has (and tests have not disabled).
const Kernels& best_kernels();

}  // namespace lathe::backend::dense
