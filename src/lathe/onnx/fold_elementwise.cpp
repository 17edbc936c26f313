#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "lathe/base/error.h"
#include "lathe/onnx/fold_parts.h"

namespace lathe::onnx {

std::int64_t whole_number(double value) {
  if (!(std::abs(value) < 9e18)) throw DataError("a number is no integer of 64 bits");
  return static_cast<std::int64_t>(value);
}

double value_at(const Constant& constant, std::size_t index) {
  return constant.floating ? static_cast<double>(constant.floats[index])
                           : static_cast<double>(constant.integers[index]);
}

void refuse_batch() { throw DataError("computes with the batch size in a way that is not followed"); }

namespace {

/// Holds an integer that may be a multiple of the batch size.
struct Extent {
  std::int64_t value = 0;
  bool batch = false;
};

Extent combine(const std::string& op, Extent a, Extent b) {
  std::int64_t value = 0;
  if (op == "Mul") {
    if ((a.batch && b.batch) || __builtin_mul_overflow(a.value, b.value, &value)) refuse_batch();
    return {value, a.batch || b.batch};
  }
  if (op == "Div") {
    if (b.batch || b.value == 0 || b.value == -1 || (a.batch && a.value % b.value != 0)) refuse_batch();
    return {a.value / b.value, a.batch};
  }
  if (op != "Add" && op != "Sub") refuse_batch();
  const bool zero = (a.batch && b.value == 0) || (b.batch && a.value == 0);
  if (a.batch != b.batch && !zero) refuse_batch();
  const bool overflow =
      op == "Add" ? __builtin_add_overflow(a.value, b.value, &value) : __builtin_sub_overflow(a.value, b.value, &value);
  if (overflow) throw DataError("an integer overflows");
  return {value, a.batch || b.batch};
}

using Formula = double (*)(double, double);

const std::map<std::string, Formula>& binary_formulas() {
  static const std::map<std::string, Formula> formulas = {
      {"Add", [](double a, double b) { return a + b; }},
      {"Sub", [](double a, double b) { return a - b; }},
      {"Mul", [](double a, double b) { return a * b; }},
      {"Div", [](double a, double b) { return a / b; }},
      {"Pow", [](double a, double b) { return std::pow(a, b); }},
      {"Min", [](double a, double b) { return std::min(a, b); }},
      {"Max", [](double a, double b) { return std::max(a, b); }},
      {"Equal", [](double a, double b) { return a == b ? 1.0 : 0.0; }},
      {"Less", [](double a, double b) { return a < b ? 1.0 : 0.0; }},
      {"LessOrEqual", [](double a, double b) { return a <= b ? 1.0 : 0.0; }},
      {"Greater", [](double a, double b) { return a > b ? 1.0 : 0.0; }},
      {"GreaterOrEqual", [](double a, double b) { return a >= b ? 1.0 : 0.0; }},
      {"And", [](double a, double b) { return a != 0 && b != 0 ? 1.0 : 0.0; }},
      {"Or", [](double a, double b) { return a != 0 || b != 0 ? 1.0 : 0.0; }},
  };
  return formulas;
}

bool gives_boolean(const std::string& op) {
  return op == "Equal" || op.starts_with("Less") || op.starts_with("Greater") || op == "And" || op == "Or";
}

bool is_arithmetic(const std::string& op) { return op == "Add" || op == "Sub" || op == "Mul" || op == "Div"; }

ConstantPtr fold_binary(const OnnxNode& node, Inputs inputs, Formula formula) {
  const Constant &a = *inputs[0], &b = *inputs[1];
  Constant result;
  result.shape = broadcast(a.shape, b.shape);
  result.floating = !gives_boolean(node.op) && (a.floating || b.floating);
  const std::size_t count = checked_count(result.shape, std::max({kMaximumFolded, a.size(), b.size()}));
  const auto from_a = broadcast_positions(a.shape, result.shape, count);
  const auto from_b = broadcast_positions(b.shape, result.shape, count);
  const bool batch = !a.times_batch.empty() || !b.times_batch.empty();
  const bool whole = !a.floating && !b.floating && (batch || is_arithmetic(node.op));
  for (std::size_t i = 0; i < count; ++i) {
    if (whole) {
      const Extent extent = combine(node.op, {a.integers[from_a[i]], a.depends_on_batch(from_a[i])},
                                    {b.integers[from_b[i]], b.depends_on_batch(from_b[i])});
      result.integers.push_back(extent.value);
      if (batch) result.times_batch.push_back(extent.batch);
      continue;
    }
    if (batch) refuse_batch();
    const double value = formula(value_at(a, from_a[i]), value_at(b, from_b[i]));
    if (result.floating)
      result.floats.push_back(static_cast<float>(value));
    else
      result.integers.push_back(whole_number(value));
  }
  return share(std::move(result));
}

const std::map<std::string, double (*)(double)>& unary_formulas() {
  static const std::map<std::string, double (*)(double)> formulas = {
      {"Sqrt", [](double x) { return std::sqrt(x); }},      {"Neg", [](double x) { return -x; }},
      {"Not", [](double x) { return x == 0 ? 1.0 : 0.0; }}, {"Floor", [](double x) { return std::floor(x); }},
      {"Ceil", [](double x) { return std::ceil(x); }},      {"Exp", [](double x) { return std::exp(x); }},
      {"Reciprocal", [](double x) { return 1 / x; }},
  };
  return formulas;
}

ConstantPtr fold_unary(const OnnxNode&, Inputs inputs, double (*formula)(double)) {
  const Constant& source = *inputs[0];
  if (!source.times_batch.empty()) refuse_batch();
  Constant result = like(source, source.shape, false);
  for (const float value : source.floats) result.floats.push_back(static_cast<float>(formula(value)));
  for (const std::int64_t value : source.integers)
    result.integers.push_back(whole_number(formula(static_cast<double>(value))));
  return share(std::move(result));
}

/// Lists the types that a Cast may give.
bool is_readable_type(std::int64_t type) {
  return type >= 1 && type <= 16 && type != 8 && type != 14 && type != 15;  // no texts, no complex numbers
}

}  // namespace

std::size_t formula_operands(const std::string& op) {
  if (binary_formulas().contains(op)) return 2;
  return unary_formulas().contains(op) ? 1 : 0;
}

ConstantPtr fold_formula(const OnnxNode& node, Inputs inputs) {
  if (const auto found = binary_formulas().find(node.op); found != binary_formulas().end())
    return fold_binary(node, inputs, found->second);
  return fold_unary(node, inputs, unary_formulas().at(node.op));
}

ConstantPtr fold_cast(const OnnxNode& node, Inputs inputs) {
  const Constant& source = *inputs[0];
  const std::int64_t to = node.integer("to", 1);
  if (!is_readable_type(to)) throw DataError(fmt::format("a cast to the type {}", to));
  const bool floating = is_floating(static_cast<ElementType>(to));
  if (floating == source.floating && to != static_cast<std::int64_t>(ElementType::kBool)) return inputs[0];
  if (floating && !source.times_batch.empty()) refuse_batch();
  Constant result = like(source, source.shape, false);
  result.floating = floating;
  result.times_batch = source.times_batch;
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (floating)
      result.floats.push_back(static_cast<float>(source.integers[i]));
    else if (to == static_cast<std::int64_t>(ElementType::kBool))
      result.integers.push_back(value_at(source, i) != 0 ? 1 : 0);
    else
      result.integers.push_back(whole_number(static_cast<double>(source.floats[i])));
  }
  return share(std::move(result));
}

ConstantPtr fold_where(const OnnxNode&, Inputs inputs) {
  const Constant &condition = *inputs[0], &yes = *inputs[1], &no = *inputs[2];
  if (yes.floating != no.floating) throw DataError("the branches have two types");
  Constant result = like(yes, broadcast(broadcast(condition.shape, yes.shape), no.shape), false);
  const std::size_t count = checked_count(result.shape, kMaximumFolded);
  const auto from_condition = broadcast_positions(condition.shape, result.shape, count);
  const auto from_yes = broadcast_positions(yes.shape, result.shape, count);
  const auto from_no = broadcast_positions(no.shape, result.shape, count);
  const bool batch = !yes.times_batch.empty() || !no.times_batch.empty();
  for (std::size_t i = 0; i < count; ++i) {
    const bool chosen = value_at(condition, from_condition[i]) != 0;
    const Constant& from = chosen ? yes : no;
    const std::size_t at = chosen ? from_yes[i] : from_no[i];
    if (result.floating)
      result.floats.push_back(from.floats[at]);
    else
      result.integers.push_back(from.integers[at]);
    if (batch) result.times_batch.push_back(from.depends_on_batch(at));
  }
  return share(std::move(result));
}

}  // namespace lathe::onnx
