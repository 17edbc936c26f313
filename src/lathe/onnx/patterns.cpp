#include "lathe/onnx/patterns.h"

#include <array>
#include <cmath>
#include <numbers>

#include "lathe/base/error.h"
#include "lathe/onnx/converters.h"
#include "lathe/onnx/formula_nodes.h"
#include "lathe/onnx/numbers.h"

namespace lathe::onnx {
namespace {

constexpr std::size_t kMostFactors = 6;

/// Multiplies the factors of a Mul or Div into `product`; false where the node is another.
bool split(const GraphReader& reader, const OnnxNode& node, Product& product, std::vector<std::string>& open) {
  if (node.op == "Mul" && node.inputs.size() == 2) {
    open.push_back(node.inputs[1]);
    open.push_back(node.inputs[0]);
    return true;
  }
  const auto divisor = node.op == "Div" && node.inputs.size() == 2 ? scalar(reader.constant(node, 1)) : std::nullopt;
  if (!divisor || *divisor == 0) return false;
  product.factor /= *divisor;
  open.push_back(node.inputs[0]);
  return true;
}

/// Works off the open factors. Nullopt for long products.
std::optional<Product> worked_off(const GraphReader& reader, Product product, std::vector<std::string> open) {
  for (std::size_t steps = 0; !open.empty(); ++steps) {
    if (steps > 4 * kMostFactors || product.values.size() > kMostFactors) return std::nullopt;
    const std::string name = open.back();
    open.pop_back();
    const Value& value = reader.value(name);
    if (const auto number = scalar(value.constant)) {
      product.factor *= *number;
      continue;
    }
    const bool opened = value.pending() && value.producer != nullptr && split(reader, *value.producer, product, open);
    if (!opened) product.values.push_back(name);
  }
  return product;
}

/// Takes apart what a node computes, whether or not an op of ours stands for it.
std::optional<Product> product_at(const GraphReader& reader, const OnnxNode& node) {
  Product product;
  std::vector<std::string> open;
  if (!split(reader, node, product, open)) return std::nullopt;
  return worked_off(reader, product, std::move(open));
}

/// Tells whether `name` is `op` of `x`.
bool is_unary(const GraphReader& reader, const std::string& name, std::string_view op, const std::string& x) {
  const OnnxNode* node = made_by(reader, name, op);
  return node != nullptr && reader.same(node->input(0), x);
}

/// Tells whether `name` is factor * x.
bool is_scaled(const GraphReader& reader, const std::string& name, double factor, const std::string& x) {
  const auto product = product_of(reader, name);
  return product && product->values.size() == 1 && nearly(product->factor, factor) &&
         reader.same(product->values[0], x);
}

/// 1 + erf(x / sqrt(2)).
bool is_erf_factor(const GraphReader& reader, const std::string& name, const std::string& x) {
  const OnnxNode* sum = made_by(reader, name, "Add");
  const auto inner = sum == nullptr ? std::nullopt : other_operand(reader, *sum, 1);
  const OnnxNode* erf = inner ? made_by(reader, *inner, "Erf") : nullptr;
  return erf != nullptr && is_scaled(reader, erf->input(0), 1 / std::numbers::sqrt2, x);
}

/// x^3, as a power or as products.
bool is_cube(const GraphReader& reader, const std::string& name, double factor, const std::string& x) {
  const auto product = product_of(reader, name);
  if (!product || !nearly(product->factor, factor)) return false;
  if (product->values.size() == 1) {
    const OnnxNode* power = made_by(reader, product->values[0], "Pow");
    return power != nullptr && scalar(reader.constant(*power, 1)) == 3.0 && reader.same(power->input(0), x);
  }
  if (product->values.size() != 3) return false;
  for (const std::string& value : product->values)
    if (!reader.same(value, x)) return false;
  return true;
}

/// 1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)).
bool is_tanh_factor(const GraphReader& reader, const std::string& name, const std::string& x) {
  const OnnxNode* sum = made_by(reader, name, "Add");
  const auto inner = sum == nullptr ? std::nullopt : other_operand(reader, *sum, 1);
  const OnnxNode* tanh = inner ? made_by(reader, *inner, "Tanh") : nullptr;
  const auto argument = tanh == nullptr ? std::nullopt : product_of(reader, tanh->input(0));
  if (!argument || argument->values.size() != 1 || !nearly(argument->factor, std::sqrt(2 / std::numbers::pi)))
    return false;
  const OnnxNode* polynomial = made_by(reader, argument->values[0], "Add");
  if (polynomial == nullptr) return false;
  const std::string &a = polynomial->input(0), &b = polynomial->input(1);
  return (reader.same(a, x) && is_cube(reader, b, 0.044715, x)) ||
         (reader.same(b, x) && is_cube(reader, a, 0.044715, x));
}

/// Returns the sum that a Clip reads, behind the Relu that PyTorch puts before for functional.relu6.
const OnnxNode* shift_before(const GraphReader& reader, const OnnxNode& clip) {
  const OnnxNode* relu = made_by(reader, clip.input(0), "Relu");
  return made_by(reader, relu == nullptr ? clip.input(0) : relu->input(0), "Add");
}

/// min(max(x + 3, 0), 6).
bool is_clipped_shift(const GraphReader& reader, const std::string& name, const std::string& x) {
  const OnnxNode* clip = made_by(reader, name, "Clip");
  if (clip == nullptr) return false;
  const auto bound = [&](std::size_t input, const char* attribute) {
    return clip->find(attribute) != nullptr ? std::optional<double>(clip->number(attribute, 0))
                                            : scalar(reader.constant(*clip, input));
  };
  const OnnxNode* sum = shift_before(reader, *clip);
  const auto inner = sum == nullptr ? std::nullopt : other_operand(reader, *sum, 3);
  return inner && reader.same(*inner, x) &&
         (bound(1, "min") == 0.0 || made_by(reader, clip->input(0), "Relu") != nullptr) && bound(2, "max") == 6.0;
}

/// Says what factor * x * f is of our ops; empty: nothing.
std::string activation_of(const GraphReader& reader, double factor, const std::string& x, const std::string& f) {
  if (nearly(factor, 1) && is_unary(reader, f, "Sigmoid", x)) return "silu";
  if (nearly(factor, 1) && is_unary(reader, f, "HardSigmoid", x)) return "hardswish";
  if (nearly(factor, 1.0 / 6) && is_clipped_shift(reader, f, x)) return "hardswish";
  if (nearly(factor, 0.5) && is_erf_factor(reader, f, x)) return "gelu";
  if (nearly(factor, 0.5) && is_tanh_factor(reader, f, x)) return "gelu tanh";
  return "";
}

void emit_activation(GraphReader& reader, const OnnxNode& node, const std::string& op, const std::string& x) {
  const bool tanh = op == "gelu tanh";
  std::vector<ir::Attribute> attributes;
  if (tanh) attributes = {{"approximate", std::string("tanh")}};
  OnnxNode read_x = node;
  read_x.inputs = {x};
  reader.emit(node, tanh ? "gelu" : op, std::move(attributes), {reader.data(read_x, 0)});
}

bool complete_activation(GraphReader& reader, const OnnxNode& node) {
  const auto product = product_at(reader, node);
  if (!product) return false;
  const std::vector<std::string>& values = product->values;
  if (values.size() == 1 && nearly(product->factor, 1.0 / 6)) {
    const OnnxNode* clip = made_by(reader, values[0], "Clip");
    const OnnxNode* sum = clip == nullptr ? nullptr : shift_before(reader, *clip);
    const auto x = sum == nullptr ? std::nullopt : other_operand(reader, *sum, 3);
    if (!x || !is_clipped_shift(reader, values[0], *x)) return false;
    emit_activation(reader, node, "hardsigmoid", *x);
    return true;
  }
  if (values.size() != 2) return false;
  for (const std::size_t first : {std::size_t{0}, std::size_t{1}}) {
    const std::string op = activation_of(reader, product->factor, values[first], values[1 - first]);
    if (op.empty() || reader.value(values[first]).pending()) continue;
    emit_activation(reader, node, op, values[first]);
    return true;
  }
  return false;
}

/// Tells whether `name` is the square of `deviation`.
bool is_square(const GraphReader& reader, const std::string& name, const std::string& deviation) {
  if (const OnnxNode* power = made_by(reader, name, "Pow"))
    return scalar(reader.constant(*power, 1)) == 2.0 && reader.same(power->input(0), deviation);
  const OnnxNode* product = made_by(reader, name, "Mul");
  return product != nullptr && reader.same(product->input(0), deviation) && reader.same(product->input(1), deviation);
}

/// Returns the constant and the other input of a node of two inputs.
std::optional<std::pair<ConstantPtr, std::string>> with_constant(const GraphReader& reader, const OnnxNode& node) {
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}})
    if (ConstantPtr found = reader.constant(node, i)) return std::pair(std::move(found), node.input(1 - i));
  return std::nullopt;
}

/// Holds (x - mean) / sqrt(variance + eps).
struct Normalised {
  std::string x;
  double eps = 0;
};

std::optional<Normalised> normalised(const GraphReader& reader, const std::string& name) {
  const OnnxNode* quotient = made_by(reader, name, "Div");
  const OnnxNode* deviation = quotient == nullptr ? nullptr : made_by(reader, quotient->input(0), "Sub");
  const OnnxNode* root = quotient == nullptr ? nullptr : made_by(reader, quotient->input(1), "Sqrt");
  const OnnxNode* sum = root == nullptr ? nullptr : made_by(reader, root->input(0), "Add");
  const auto eps = sum == nullptr ? std::nullopt : with_constant(reader, *sum);
  const OnnxNode* variance = eps ? made_by(reader, eps->second, "ReduceMean") : nullptr;
  if (deviation == nullptr || variance == nullptr || !scalar(eps->first)) return std::nullopt;
  const OnnxNode* mean = made_by(reader, deviation->input(1), "ReduceMean");
  if (mean == nullptr || !reader.same(mean->input(0), deviation->input(0)) ||
      !is_square(reader, variance->input(0), quotient->input(0)))
    return std::nullopt;
  return Normalised{deviation->input(0), shortest(static_cast<float>(*scalar(eps->first)))};
}

/// Completes weight * normalised(x) + bias.
bool complete_layer_norm(GraphReader& reader, const OnnxNode& node) {
  if (node.op != "Add" || node.inputs.size() != 2) return false;
  const auto bias = with_constant(reader, node);
  const OnnxNode* product = bias ? made_by(reader, bias->second, "Mul") : nullptr;
  const auto weight = product == nullptr ? std::nullopt : with_constant(reader, *product);
  const auto inner = weight ? normalised(reader, weight->second) : std::nullopt;
  if (!inner || !reader.value(inner->x).node) return false;
  const std::size_t x = *reader.value(inner->x).node;
  reader.emit(node, "layer_norm",
              {{"normalized_shape", reader.graph().nodes[x].output_shape.back()}, {"eps", inner->eps}}, {x},
              {{"weight", weight->first}, {"bias", bias->first}});
  return true;
}

/// Completes QuantizeLinear followed by DequantizeLinear.
bool complete_quantiser(GraphReader& reader, const OnnxNode& node) {
  if (node.op != "DequantizeLinear" || made_by(reader, node.input(0), "QuantizeLinear") == nullptr) return false;
  find_converter(node)(reader, node);
  return true;
}

/// Passes what changes no piece: casts to float, dropout within attention.
bool pass_on(GraphReader& reader, const OnnxNode& node) {
  const bool cast = node.op == "Cast" && node.integer("to", 1) == static_cast<std::int64_t>(ElementType::kFloat);
  if (!cast && node.op != "Dropout" && node.op != "Identity") return false;
  if (node.inputs.empty() || !reader.value(node.input(0)).pending()) return false;
  reader.alias(node, node.input(0));
  return true;
}

}  // namespace

std::optional<Product> product_of(const GraphReader& reader, const std::string& name) {
  return worked_off(reader, {}, {name});
}

const OnnxNode* made_by(const GraphReader& reader, const std::string& name, std::string_view op) {
  if (name.empty()) return nullptr;
  const OnnxNode* node = reader.producer(name);
  return node != nullptr && node->op == op && reader.value(name).constant == nullptr ? node : nullptr;
}

std::optional<std::string> other_operand(const GraphReader& reader, const OnnxNode& node, double constant) {
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
    const auto number = scalar(reader.constant(node, i));
    if (number && nearly(*number, constant) && reader.constant(node, 1 - i) == nullptr) return node.input(1 - i);
  }
  return std::nullopt;
}

bool complete_pattern(GraphReader& reader, const OnnxNode& node) {
  return pass_on(reader, node) || complete_activation(reader, node) || complete_formula(reader, node) ||
         complete_layer_norm(reader, node) || complete_attention(reader, node) ||
         complete_padded_average(reader, node) || complete_quantiser(reader, node);
}

}  // namespace lathe::onnx
