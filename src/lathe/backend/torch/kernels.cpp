#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_map>
#include <vector>

#include "lathe/backend/torch/kernel.h"
#include "lathe/base/check.h"
#include "lathe/ir/activation.h"

namespace lathe::backend::libtorch {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor linear(const Call& call) {
  return at::linear(call.operand(0), call.operand("weight"), call.operand("bias"));
}

// Strided 1x1 convolutions of few channels, channels-last: oneDNN's weight gradient on the processor writes beyond its
// memory (oneDNN issue 6035, in every version up to 3.12 at least).
bool needs_plain_layout(const at::Tensor& x, const ir::Node& node) {
  return !x.is_cuda() && element_count(node.integers("kernel_size")) == 1 && element_count(node.integers("stride")) > 1;
}

at::Tensor convolution(const Call& call) {
  const ir::Node& node = call.node();
  const Shape& stride = node.integers("stride");
  const Shape no_output_padding(stride.size(), 0);
  at::Tensor x = call.operand(0), weight = call.operand("weight");
  if (needs_plain_layout(x, node)) {
    x = x.contiguous();
    weight = weight.contiguous();
  }
  return at::convolution(x, weight, call.operand("bias"), stride, node.integers("padding"), node.integers("dilation"),
                         false, no_output_padding, node.integer("groups"));
}

// Statistics are float32 in any case; libtorch's kernels for the processor want the values so too.
at::Tensor batch_norm(const Call& call) {
  const at::Tensor x = call.input().is_cuda() ? call.input() : call.input().to(at::kFloat);
  LATHE_CHECK(!call.training || x.numel() > x.size(1), "node {}: batch statistics of one value", call.node().name);
  return at::batch_norm(x, call.parameter("weight"), call.parameter("bias"), call.state.find("running_mean")->values,
                        call.state.find("running_var")->values, call.training, call.node().number("momentum"),
                        call.node().number("eps"), true);
}

// The strides of a pool; 0 is the kernel's extent.
Shape pool_stride(const ir::Node& node) {
  const Shape& kernel = node.integers("kernel_size");
  Shape stride = node.integers("stride");
  for (std::size_t i = 0; i < stride.size(); ++i)
    if (stride[i] == 0) stride[i] = kernel[i];
  return stride;
}

at::Tensor max_pool1d(const Call& call) {
  const ir::Node& node = call.node();
  return at::max_pool1d(call.input(), node.integers("kernel_size"), pool_stride(node), node.integers("padding"), 1,
                        node.boolean("ceil_mode"));
}

at::Tensor max_pool2d(const Call& call) {
  const ir::Node& node = call.node();
  return at::max_pool2d(call.input(), node.integers("kernel_size"), pool_stride(node), node.integers("padding"), 1,
                        node.boolean("ceil_mode"));
}

at::Tensor avg_pool1d(const Call& call) {
  const ir::Node& node = call.node();
  return at::avg_pool1d(call.input(), node.integers("kernel_size"), pool_stride(node), node.integers("padding"),
                        node.boolean("ceil_mode"), node.boolean("count_include_pad"));
}

at::Tensor avg_pool2d(const Call& call) {
  const ir::Node& node = call.node();
  return at::avg_pool2d(call.input(), node.integers("kernel_size"), pool_stride(node), node.integers("padding"),
                        node.boolean("ceil_mode"), node.boolean("count_include_pad"));
}

// One bin is a plain mean, whose gradient is summed in a fixed order on every device; PyTorch's own is not on CUDA.
at::Tensor adaptive_avg_pool(const Call& call) {
  const Shape& size = call.node().integers("output_size");
  const std::vector<std::int64_t> positions =
      size.size() == 1 ? std::vector<std::int64_t>{2} : std::vector<std::int64_t>{2, 3};
  if (element_count(size) == 1) return call.input().mean(positions, true);
  return size.size() == 1 ? at::adaptive_avg_pool1d(call.input(), size) : at::adaptive_avg_pool2d(call.input(), size);
}

at::Tensor upsample(const Call& call) {
  const Shape& shape = call.node().output_shape;
  const std::vector<std::int64_t> size = {shape[1], shape[2]};
  if (call.node().string("mode") == "nearest") return at::upsample_nearest2d(call.input(), size);
  return at::upsample_bilinear2d(call.input(), size, false);
}

at::Tensor add(const Call& call) {
  at::Tensor sum = call.input();
  for (const at::Tensor& input : call.inputs.subspan(1)) sum = at::add(sum, input);
  return sum;
}

at::Tensor mul(const Call& call) {
  at::Tensor product = call.input();
  for (const at::Tensor& input : call.inputs.subspan(1)) product = at::mul(product, input);
  return product;
}

// Channels are the last dimension of [rows, positions, channels], the second one otherwise.
at::Tensor concat(const Call& call) {
  return at::cat(std::vector<at::Tensor>(call.inputs.begin(), call.inputs.end()), call.input().dim() == 3 ? 2 : 1);
}

at::Tensor reshape(const Call& call) {
  std::vector<std::int64_t> shape = {call.input().size(0)};
  shape.insert(shape.end(), call.node().output_shape.begin(), call.node().output_shape.end());
  return call.input().reshape(shape);
}

at::Tensor permute(const Call& call) {
  std::vector<std::int64_t> dimensions = {0};
  for (const std::int64_t dimension : call.node().integers("dims")) dimensions.push_back(dimension + 1);
  return call.input().permute(dimensions);
}

at::Tensor mean(const Call& call) {
  if (call.input().dim() == 3) return call.input().mean(std::vector<std::int64_t>{1});
  return call.input().mean(std::vector<std::int64_t>{2, 3});
}

at::Tensor layer_norm(const Call& call) {
  return at::layer_norm(call.input().to(at::kFloat), {call.node().integer("normalized_shape")},
                        call.parameter("weight"), call.parameter("bias"), call.node().number("eps"));
}

at::Tensor softmax(const Call& call) { return at::softmax(call.input().to(at::kFloat), -1); }

at::Tensor embedding(const Call& call) { return at::embedding(call.parameter("weight"), call.input().to(at::kLong)); }

at::Tensor position_embedding(const Call& call) {
  return at::add(call.input(), call.parameter("weight").narrow(0, 0, call.input().size(1)));
}

at::Tensor matmul(const Call& call) {
  const at::Tensor b = call.operand(1);
  return at::matmul(call.operand(0), call.node().boolean("transpose_b") ? b.transpose(-2, -1) : b);
}

// [rows, tokens, features] -> [rows, heads, tokens, features / heads]
at::Tensor heads_apart(const at::Tensor& x, std::int64_t heads) {
  return x.reshape({x.size(0), x.size(1), heads, x.size(2) / heads}).transpose(1, 2);
}

// Plain products: libtorch's fused attention adds gradients in no fixed order.
at::Tensor attention(const Call& call) {
  const std::int64_t heads = call.node().integer("num_heads"), tokens = call.input().size(1);
  const at::Tensor q = heads_apart(call.operand(0), heads), k = heads_apart(call.operand(1), heads);
  const double scale = 1 / std::sqrt(static_cast<double>(q.size(3)));
  at::Tensor scores = at::matmul(q, k.transpose(-2, -1)).to(at::kFloat).mul(scale);
  if (call.node().boolean("causal")) {
    const at::Tensor later = at::ones({tokens, tokens}, scores.options().dtype(at::kBool)).triu(1);
    scores = scores.masked_fill(later, -INFINITY);
  }
  const at::Tensor shares = at::softmax(scores, -1).to(call.precision);
  return at::matmul(shares, heads_apart(call.operand(2), heads)).transpose(1, 2).reshape(call.input().sizes());
}

at::Tensor dropout(const Call& call) {
  if (!call.training) return call.input();
  const double probability = call.node().number("p");
  return at::mul(call.input(), call.mask.to(call.input().scalar_type()))
      .mul(probability < 1 ? 1 / (1 - probability) : 0);
}

at::Tensor quantize(const Call& call) { return call.state.format->apply(call.input()); }

at::Tensor relu(const Call& call) { return at::relu(call.input()); }
at::Tensor relu6(const Call& call) { return at::hardtanh(call.input(), 0, 6); }
at::Tensor leaky_relu(const Call& call) { return at::leaky_relu(call.input(), call.node().number("negative_slope")); }
at::Tensor tanh(const Call& call) { return at::tanh(call.input()); }
at::Tensor sigmoid(const Call& call) { return at::sigmoid(call.input()); }
at::Tensor gelu(const Call& call) { return at::gelu(call.input(), call.node().string("approximate")); }
at::Tensor silu(const Call& call) { return at::silu(call.input()); }
at::Tensor hardswish(const Call& call) { return at::hardswish(call.input()); }
at::Tensor hardsigmoid(const Call& call) { return at::hardsigmoid(call.input()); }
at::Tensor hardtanh(const Call& call) {
  return at::hardtanh(call.input(), call.node().number("min_val"), call.node().number("max_val"));
}
at::Tensor elu(const Call& call) { return at::elu(call.input(), call.node().number("alpha")); }
at::Tensor selu(const Call& call) { return at::selu(call.input()); }
at::Tensor softplus(const Call& call) {
  return at::softplus(call.input(), call.node().number("beta"), call.node().number("threshold"));
}
at::Tensor pass_through(const Call& call) { return call.input(); }

// Computes steps of a formula one after the other, in float32; `gradient` stays undefined for a value.
class FormulaSteps {
 public:
  FormulaSteps(const at::Tensor& argument, const at::Tensor& gradient) : argument_(argument), gradient_(gradient) {}

  at::Tensor run(const ir::FormulaSteps& steps) {
    for (const ir::FormulaStep& step : steps) known_.push_back(computed(step));
    return known_.back();
  }

 private:
  at::Tensor computed(const ir::FormulaStep& step) const {
    const auto operand = [&](std::size_t k) -> const at::Tensor& { return known_[step.operands[k]]; };
    switch (step.operation) {
      case ir::Operation::kArgument: return argument_;
      case ir::Operation::kGradient: return gradient_;
      case ir::Operation::kNumber: return at::full({}, step.number, argument_.options());
      case ir::Operation::kAdd: return operand(0) + operand(1);
      case ir::Operation::kSubtract: return operand(0) - operand(1);
      case ir::Operation::kMultiply: return operand(0) * operand(1);
      case ir::Operation::kDivide: return operand(0) / operand(1);
      case ir::Operation::kNegate: return at::neg(operand(0));
      case ir::Operation::kAbsolute: return at::abs(operand(0));
      case ir::Operation::kMinimum: return at::minimum(operand(0), operand(1));
      case ir::Operation::kMaximum: return at::maximum(operand(0), operand(1));
      case ir::Operation::kExp: return at::exp(operand(0));
      case ir::Operation::kExpMinusOne: return at::expm1(operand(0));
      case ir::Operation::kLog: return at::log(operand(0));
      case ir::Operation::kLogOfOnePlus: return at::log1p(operand(0));
      case ir::Operation::kSquareRoot: return at::sqrt(operand(0));
      case ir::Operation::kTanh: return at::tanh(operand(0));
      case ir::Operation::kLogistic: return at::sigmoid(operand(0));
      case ir::Operation::kNormalDistribution: return at::erfc(operand(0) * -M_SQRT1_2) * 0.5;
      case ir::Operation::kLess: return at::lt(operand(0), operand(1));
      case ir::Operation::kLessOrEqual: return at::le(operand(0), operand(1));
      case ir::Operation::kAnd: return at::logical_and(operand(0), operand(1));
      case ir::Operation::kSelect: return at::where(operand(0), operand(1), operand(2));
    }
    return {};
  }

  const at::Tensor& argument_;
  const at::Tensor& gradient_;
  std::vector<at::Tensor> known_;
};

// An activation as its formula; what libtorch has under a name of its own is in the table below.
struct Formula : torch::autograd::Function<Formula> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const ir::Activation* activation,
                            const ir::ActivationNumbers& numbers) {
    const at::Tensor y = FormulaSteps(x, {}).run(activation->value_steps(numbers));
    context->save_for_backward({activation->reads_output(numbers) ? y : x});
    context->saved_data["activation"] = reinterpret_cast<std::int64_t>(activation);
    context->saved_data["numbers"] = std::vector<double>(numbers.begin(), numbers.end());
    return y;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto* activation = reinterpret_cast<const ir::Activation*>(context->saved_data["activation"].toInt());
    const std::vector<double> saved = context->saved_data["numbers"].toDoubleVector();
    ir::ActivationNumbers numbers{};
    std::copy(saved.begin(), saved.end(), numbers.begin());
    const at::Tensor at = context->get_saved_variables()[0];
    return {FormulaSteps(at, gradients[0]).run(activation->gradient_steps(numbers)), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

const Tensor* NodeState::find(std::string_view name) const {
  for (const Tensor& tensor : tensors)
    if (tensor.parameter->name == name) return &tensor;
  return nullptr;
}

at::Tensor Call::parameter(std::string_view name) const {
  const Tensor* tensor = state.find(name);
  if (tensor == nullptr) return {};
  return tensor->format ? tensor->format->apply(tensor->values) : tensor->values;
}

at::Tensor Call::operand(std::string_view name) const {
  const at::Tensor values = parameter(name);
  return values.defined() ? values.to(precision) : values;
}

at::Tensor formula_of_activation(const Call& call) {
  const ir::Activation& found = ir::activations().at(call.node().op);
  return Formula::apply(call.input().to(at::kFloat), &found, found.numbers(call.node()));
}

Kernel find_kernel(std::string_view op) {
  static const std::unordered_map<std::string_view, Kernel> kernels = {
      {"linear", linear},
      {"conv1d", convolution},
      {"conv2d", convolution},
      {"batch_norm1d", batch_norm},
      {"batch_norm2d", batch_norm},
      {"max_pool1d", max_pool1d},
      {"max_pool2d", max_pool2d},
      {"avg_pool1d", avg_pool1d},
      {"avg_pool2d", avg_pool2d},
      {"adaptive_avg_pool1d", adaptive_avg_pool},
      {"adaptive_avg_pool2d", adaptive_avg_pool},
      {"upsample", upsample},
      {"add", add},
      {"mul", mul},
      {"concat", concat},
      {"flatten", reshape},
      {"reshape", reshape},
      {"permute", permute},
      {"mean", mean},
      {"layer_norm", layer_norm},
      {"embedding", embedding},
      {"position_embedding", position_embedding},
      {"matmul", matmul},
      {"softmax", softmax},
      {"attention", attention},
      {"dropout", dropout},
      {"quantize", quantize},
      {"relu", relu},
      {"relu6", relu6},
      {"leaky_relu", leaky_relu},
      {"tanh", tanh},
      {"sigmoid", sigmoid},
      {"gelu", gelu},
      {"silu", silu},
      {"hardswish", hardswish},
      {"hardsigmoid", hardsigmoid},
      {"hardtanh", hardtanh},
      {"elu", elu},
      {"selu", selu},
      {"softplus", softplus},
      {"identity", pass_through},
      {"output", pass_through},
  };
  const auto found = kernels.find(op);
  if (found != kernels.end()) return found->second;
  return ir::activations().find(op) == nullptr ? nullptr : formula_of_activation;
}

}  // namespace lathe::backend::libtorch
