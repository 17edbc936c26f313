#include "lathe/backend/dense/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "lathe/backend/dense/gradient_routes.h"
#include "lathe/backend/dense/stage_reads.h"
#include "lathe/base/check.h"
#include "lathe/base/shape.h"
#include "lathe/engine/backend.h"
#include "lathe/engine/state_layout.h"
#include "lathe/ir/activation.h"
#include "lathe/ir/analysis/readers.h"
#include "lathe/ir/op.h"

namespace lathe::backend::dense {
namespace {

// Blocks start at cache lines, whose 16 floats are a multiple of every target's vector.
constexpr std::size_t kBlockFloats = 16;
// Weights above this size do not stay in the first cache next to a tile: reading them by columns needs a copy.
constexpr std::size_t kLargestStridedWeight = 4096;
constexpr std::size_t kStatisticsPerFeature = 5, kConstantsPerFeature = 4;

std::size_t round_up(std::size_t value, std::size_t step) { return (value + step - 1) / step * step; }

bool is_no_op(const ir::Node& node) {
  return node.op == "input" || node.op == "output" || node.op == "identity" || node.op == "flatten";
}

std::optional<StageKind> stage_kind(const std::string& op) {
  static constexpr std::array<std::pair<const char*, StageKind>, 6> kKinds = {{{"linear", StageKind::kLinear},
                                                                               {"batch_norm1d", StageKind::kBatchNorm},
                                                                               {"relu", StageKind::kRelu},
                                                                               {"dropout", StageKind::kDropout},
                                                                               {"quantize", StageKind::kQuantize},
                                                                               {"add", StageKind::kAdd}}};
  for (const auto& [name, kind] : kKinds)
    if (op == name) return kind;
  return ir::activations().find(op) != nullptr ? std::optional(StageKind::kActivation) : std::nullopt;
}

std::optional<LossKind> loss_kind(const engine::LossSettings& loss) {
  static constexpr std::array<std::pair<const char*, LossKind>, 4> kKinds = {
      {{"cross_entropy", LossKind::kCrossEntropy},
       {"mean_squared_error", LossKind::kMeanSquaredError},
       {"mean_absolute_error", LossKind::kMeanAbsoluteError},
       {"huber", LossKind::kHuber}}};
  if (loss.name == "cross_entropy" && !loss.plain()) return LossKind::kWeightedCrossEntropy;
  for (const auto& [name, kind] : kKinds)
    if (loss.name == name) return kind;
  return std::nullopt;
}

std::optional<std::string> shape_refusal(const ir::Graph& graph, const ir::Node& node) {
  if (is_no_op(node)) return std::nullopt;
  for (const std::size_t input : node.inputs)
    if (graph.nodes[input].output_shape.size() != 1)
      return fmt::format("node {}: op {} needs [features], node {} gives {}", node.name, node.op,
                         graph.nodes[input].name, to_string(graph.nodes[input].output_shape));
  return std::nullopt;
}

// Finds a node whose result does not reach the network's output.
std::optional<std::string> unread_refusal(const ir::Graph& graph) {
  const std::vector<bool> read = ir::read_nodes(graph);
  for (std::size_t index = 0; index + 1 < graph.nodes.size(); ++index)
    if (!read[index])
      return fmt::format("node {}: op {} has no reader; dense runs only what the output depends on",
                         graph.nodes[index].name, graph.nodes[index].op);
  return std::nullopt;
}

std::optional<std::string> node_refusal(const ir::Graph& graph, std::size_t index) {
  const ir::Node& node = graph.nodes[index];
  if (!is_no_op(node) && !stage_kind(node.op))
    return fmt::format("node {}: op {} has no dense kernel", node.name, node.op);
  return shape_refusal(graph, node);
}

// Compiles in three walks: parameters and stages, slots of the values, routes of the gradients.
class Compiler {
 public:
  Compiler(const ir::Graph& graph, std::size_t lanes) : graph_(graph), lanes_(lanes) {}

  Program compile() {
    program_.input_width = static_cast<std::size_t>(element_count(graph_.input().output_shape));
    program_.classes = static_cast<std::size_t>(element_count(graph_.output().output_shape));
    program_.widest = std::max(program_.input_width, program_.classes);
    program_.widest_stride = lanes_;
    count_reads();
    for (std::size_t index = 0; index < graph_.nodes.size(); ++index) add_node(index);
    reads_.result = value_of_.back();
    name_tensors();
    find_trainable();
    cut_segments();
    assign_slots();
    route_gradients(program_, reads_);
    mask_inputs();
    return std::move(program_);
  }

 private:
  // Counts the nodes that read each node's result, through those that only hand it on.
  void count_reads() {
    std::vector<std::size_t> origin(graph_.nodes.size());
    reads_of_node_.assign(graph_.nodes.size(), 0);
    for (std::size_t index = 0; index < graph_.nodes.size(); ++index) {
      const ir::Node& node = graph_.nodes[index];
      const bool hands_on = index > 0 && hands_on_its_input(node) && node.op != "output";
      origin[index] = hands_on ? origin[node.inputs.front()] : index;
      for (const std::size_t input : node.inputs) reads_of_node_[origin[input]] += hands_on ? 0 : 1;
    }
    for (std::size_t index = 0; index < graph_.nodes.size(); ++index)
      reads_of_node_[index] = reads_of_node_[origin[index]];
  }

  void add_node(std::size_t index) {
    const ir::Node& node = graph_.nodes[index];
    Stage stage;
    stage.node = index;
    if (!is_no_op(node)) describe(node, stage);
    for (const ir::Parameter& parameter : node.parameters) place(node, parameter, stage);
    std::vector<std::size_t> values;
    for (const std::size_t input : node.inputs) values.push_back(value_of_[input]);
    const bool vanishes = hands_on_its_input(node) || join_relu(node, stage) || join_quantizer(node, stage);
    value_of_.push_back(vanishes ? (values.empty() ? 0 : values.front()) : program_.stages.size() + 1);
    if (vanishes) return;
    program_.stages.push_back(stage);
    reads_.of_stage.push_back(std::move(values));
  }

  void describe(const ir::Node& node, Stage& stage) {
    stage.kind = *stage_kind(node.op);
    stage.in_width = static_cast<std::size_t>(element_count(graph_.nodes[node.inputs.front()].output_shape));
    stage.out_width = static_cast<std::size_t>(element_count(node.output_shape));
    program_.widest = std::max({program_.widest, stage.in_width, stage.out_width});
    switch (stage.kind) {
      case StageKind::kLinear: describe_linear(stage); break;
      case StageKind::kBatchNorm:
        stage.epsilon = node.number("eps");
        stage.momentum = node.number("momentum");
        stage.statistics = program_.statistics_doubles;
        program_.statistics_doubles += kStatisticsPerFeature * round_up(stage.in_width, kBlockFloats);
        stage.constants = program_.constants_floats;
        program_.constants_floats += kConstantsPerFeature * round_up(stage.in_width, kBlockFloats);
        program_.couples_batch = true;
        break;
      case StageKind::kActivation: describe_activation(node, stage); break;
      case StageKind::kDropout: stage.probability = node.number("p"); break;
      case StageKind::kQuantize: describe_quantizer(node.format("format"), stage); break;
      default: break;
    }
  }

  static void describe_activation(const ir::Node& node, Stage& stage) {
    const ir::Activation& activation = ir::activations().at(node.op);
    stage.activation = static_cast<Activation>(&activation - ir::activations().entries().data());
    stage.numbers = activation.numbers(node);
    stage.keeps_output = activation.reads_output(stage.numbers);
  }

  static void describe_quantizer(const quant::Format& format, Stage& stage) {
    if (const auto scale = quant::integer_scale(format)) {
      stage.quantizer = *scale;
      return;
    }
    stage.kind = StageKind::kFormat;
    stage.format = quant::make_quantizer(format);
  }

  void describe_linear(Stage& stage) {
    stage.weight_stride = round_up(stage.in_width, lanes_);
    program_.widest_stride = std::max(program_.widest_stride, stage.weight_stride);
    if (stage.weight_stride * stage.out_width <= kLargestStridedWeight) return;
    stage.transposed_stride = round_up(stage.out_width, kBlockFloats);
    stage.transposed = program_.transposed_floats;
    program_.transposed_floats += stage.in_width * stage.transposed_stride;
  }

  // Gives a parameter its place in the block that its kind belongs to.
  void place(const ir::Node& node, const ir::Parameter& parameter, Stage& stage) {
    Tensor tensor;
    const auto count = static_cast<std::size_t>(element_count(parameter.shape));
    const bool matrix = parameter.shape.size() == 2;
    tensor.rows = matrix ? static_cast<std::size_t>(parameter.shape[0]) : 1;
    tensor.columns = matrix ? static_cast<std::size_t>(parameter.shape[1]) : count;
    tensor.stride = matrix ? stage.weight_stride : tensor.columns;
    if (parameter.integral) {
      tensor.place = Tensor::Place::kCounter;
      tensor.offset = program_.counters++;
    } else if (!parameter.trainable) {
      tensor.place = Tensor::Place::kBuffer;
      tensor.offset = program_.buffer_floats;
      program_.buffer_floats += round_up(count, kBlockFloats);
    } else {
      place_trainable(parameter, tensor);
    }
    remember(node, parameter.name, tensor.offset, stage);
    program_.tensors.push_back(tensor);
  }

  void place_trainable(const ir::Parameter& parameter, Tensor& tensor) {
    const std::size_t size = round_up(tensor.rows * tensor.stride, kBlockFloats);
    tensor.offset = program_.parameter_floats;
    program_.parameter_floats += size;
    if (engine::is_penalised(parameter)) program_.penalised.push_back({tensor.offset, size});
    if (parameter.format) program_.quantized.push_back(quantized_range(parameter, tensor, size));
  }

  static QuantizedRange quantized_range(const ir::Parameter& parameter, const Tensor& tensor, std::size_t size) {
    QuantizedRange range;
    range.offset = tensor.offset;
    range.size = size;
    if (const auto scale = quant::integer_scale(*parameter.format)) {
      range.scale = *scale;
      return range;
    }
    range.format = quant::make_quantizer(*parameter.format);
    range.view = parameter.shape.size() == 2
                     ? quant::TensorView<float>::matrix(nullptr, tensor.rows, tensor.columns, tensor.stride)
                     : quant::TensorView<float>::parameter(nullptr, parameter.shape);
    return range;
  }

  static void remember(const ir::Node& node, const std::string& name, std::size_t offset, Stage& stage) {
    const bool linear = node.op == "linear";
    if (name == "weight")
      (linear ? stage.weight : stage.gamma) = offset;
    else if (name == "bias")
      (linear ? stage.bias : stage.beta) = offset;
    else if (name == "running_mean")
      stage.running_mean = offset;
    else if (name == "running_var")
      stage.running_variance = offset;
  }

  // A ReLU is done by the linear layer or batch norm whose only reader it is; a second ReLU changes nothing.
  bool join_relu(const ir::Node& node, const Stage& stage) {
    if (stage.kind != StageKind::kRelu || value_of_[node.inputs.front()] == 0) return false;
    Stage& producer = program_.stages[value_of_[node.inputs.front()] - 1];
    if (producer.quantizes) return false;
    if (producer.relu || producer.kind == StageKind::kRelu) return reads_of_node_[node.inputs.front()] == 1;
    const bool may_join = producer.kind == StageKind::kLinear || producer.kind == StageKind::kBatchNorm;
    if (!may_join || reads_of_node_[node.inputs.front()] > 1) return false;
    return producer.relu = true;
  }

  // A quantiser is done by the linear layer or batch norm (behind its ReLU) whose only reader it is.
  bool join_quantizer(const ir::Node& node, const Stage& stage) {
    if (stage.kind != StageKind::kQuantize || value_of_[node.inputs.front()] == 0) return false;
    Stage& producer = program_.stages[value_of_[node.inputs.front()] - 1];
    const bool may_join = producer.kind == StageKind::kLinear || producer.kind == StageKind::kBatchNorm;
    if (!may_join || producer.quantizes || reads_of_node_[node.inputs.front()] > 1) return false;
    producer.quantizer = stage.quantizer;
    return producer.quantizes = true;
  }

  static bool hands_on_its_input(const ir::Node& node) {
    return is_no_op(node) || (node.op == "dropout" && node.number("p") == 0);
  }

  void name_tensors() {
    const engine::State state = engine::state_layout(graph_);
    LATHE_CHECK_EQ(state.size(), program_.tensors.size());
    for (std::size_t i = 0; i < state.size(); ++i) program_.tensors[i].name = state[i].name;
  }

  void find_trainable() {
    for (std::size_t i = 0; i < program_.stages.size(); ++i) {
      Stage& stage = program_.stages[i];
      for (const std::size_t value : reads_.of_stage[i])
        if (value > 0 && program_.stages[value - 1].takes_gradient) stage.passes_gradient = true;
      stage.takes_gradient = stage.passes_gradient || stage.weight != kNone || stage.gamma != kNone;
      if (stage.takes_gradient && program_.first_trainable == kNone) program_.first_trainable = i;
    }
  }

  void cut_segments() {
    program_.segments.push_back({0, 0});
    for (std::size_t i = 0; i < program_.stages.size(); ++i) {
      if (program_.stages[i].kind == StageKind::kBatchNorm) program_.segments.push_back({i, i});
      program_.segments.back().end = i + 1;
    }
  }

  Slot new_slot(std::size_t width, bool per_tile) {
    std::size_t& used = per_tile ? program_.tile_floats : program_.scratch_floats;
    const Slot slot{used, per_tile};
    used += width * kTile;
    return slot;
  }

  static bool reads_own_input_backward(const Stage& stage) {
    return stage.kind == StageKind::kLinear || stage.kind == StageKind::kBatchNorm ||
           (stage.kind == StageKind::kActivation && !stage.keeps_output) ||
           (stage.kind == StageKind::kFormat && stage.format->changes_gradients());
  }
  static bool reads_own_output_backward(const Stage& stage) {
    return stage.relu || stage.kind == StageKind::kRelu || stage.keeps_output;
  }

  void assign_slots() {
    const std::size_t last = program_.segments.back().first;
    slots_.push_back(new_slot(program_.input_width, program_.segments.size() > 1));
    for (std::size_t i = 0; i < program_.stages.size(); ++i) {
      Stage& stage = program_.stages[i];
      const bool per_tile = i < last;
      stage.input = slots_[reads_.of_stage[i].front()];
      if (stage.kind == StageKind::kAdd) list_operands(i, stage);
      const auto place = place_to_overwrite(i, per_tile);
      stage.output = place ? *place : new_slot(stage.out_width, per_tile);
      if (stage.kind == StageKind::kDropout) stage.mask = new_slot(stage.out_width, per_tile);
      if (stage.kind == StageKind::kBatchNorm && stage.passes_gradient)
        stage.gradient = new_slot(stage.out_width, true);
      slots_.push_back(stage.output);
    }
    program_.input = slots_.front();
    program_.logits = slots_[reads_.result];
  }

  void list_operands(std::size_t index, Stage& stage) {
    stage.first_operand = program_.operands.size();
    for (const std::size_t value : reads_.of_stage[index]) program_.operands.push_back(slots_[value]);
    stage.end_operand = program_.operands.size();
  }

  // Finds an input that the stage may write its output over: one of the first two, read by nobody else, whose producer
  // does not want it in the backward pass.
  std::optional<Slot> place_to_overwrite(std::size_t index, bool per_tile) const {
    if (reads_own_input_backward(program_.stages[index])) return std::nullopt;
    const std::vector<std::size_t>& values = reads_.of_stage[index];
    for (std::size_t k = 0; k < std::min<std::size_t>(2, values.size()); ++k) {
      const std::size_t value = values[k];
      const bool wanted = value > 0 && reads_own_output_backward(program_.stages[value - 1]);
      if (!wanted && slots_[value].per_tile == per_tile && reads_.count(value) == 1) return slots_[value];
    }
    return std::nullopt;
  }

  // The product that gives the gradient of a ReLU's output masks it on the way out, where it is all of that gradient.
  void mask_inputs() {
    for (std::size_t i = 0; i < program_.stages.size(); ++i) {
      const std::size_t value = reads_.of_stage[i].front();
      if (program_.stages[i].kind != StageKind::kLinear || !program_.stages[i].passes_gradient) continue;
      Stage& producer = program_.stages[value - 1];
      const bool relu = producer.relu || producer.kind == StageKind::kRelu;
      if (!relu || reads_.count(value) > 1) continue;
      program_.stages[i].masks_input = true;
      producer.already_masked = true;
    }
  }

  const ir::Graph& graph_;
  std::size_t lanes_;
  Program program_;
  StageReads reads_;
  std::vector<std::size_t> reads_of_node_;  ///< [nodes]
  std::vector<std::size_t> value_of_;       ///< [nodes] see StageReads
  std::vector<Slot> slots_;                 ///< [values]
};

}  // namespace

std::optional<std::string> find_loss_refusal(const engine::LossSettings& loss) {
  if (loss_kind(loss)) return std::nullopt;
  return fmt::format("loss {} has no dense kernel", loss.name);
}

Loss compile_loss(const engine::LossSettings& settings, std::size_t classes) {
  Loss loss;
  loss.kind = *loss_kind(settings);
  loss.regression = engine::find_loss(settings.name)->task == data::Task::kRegression;
  loss.delta = static_cast<float>(settings.delta);
  if (loss.kind != LossKind::kWeightedCrossEntropy) return loss;
  loss.keep = static_cast<float>(1 - settings.label_smoothing);
  loss.spread = static_cast<float>(settings.label_smoothing / static_cast<double>(classes));
  loss.class_weights.assign(classes, 1.0f);
  for (std::size_t c = 0; c < settings.class_weights.size(); ++c)
    loss.class_weights.at(c) = static_cast<float>(settings.class_weights[c]);
  loss.weight_sum = std::accumulate(loss.class_weights.begin(), loss.class_weights.end(), 0.0f);
  return loss;
}

std::optional<std::string> find_refusal(const ir::Graph& graph) {
  for (std::size_t index = 0; index < graph.nodes.size(); ++index)
    if (auto reason = node_refusal(graph, index)) return reason;
  if (auto reason = unread_refusal(graph)) return reason;
  if (graph.output().output_shape.size() != 1)
    return fmt::format("node {}: the network's output is {}, losses need [classes] or [outputs]", graph.output().name,
                       to_string(graph.output().output_shape));
  return std::nullopt;
}

Program compile(const ir::Graph& graph, std::size_t lanes) { return Compiler(graph, lanes).compile(); }

}  // namespace lathe::backend::dense
