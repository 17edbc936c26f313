#include "lathe/onnx/formula_nodes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <numbers>
#include <utility>
#include <vector>

#include "lathe/base/check.h"
#include "lathe/onnx/numbers.h"
#include "lathe/onnx/patterns.h"

namespace lathe::onnx {
namespace {

using ir::Operation;

/// Holds one node of a formula: an operator that reads nodes before it, or a number, or what the activation reads.
struct FormulaNode {
  std::string op = {};  ///< empty: a number, or the argument
  std::vector<std::size_t> inputs = {};
  double number = 0;
  bool argument = false;
};

/// Writes the steps of a formula with operators that ONNX has since version 13.
class Lowering {
 public:
  explicit Lowering(const ir::FormulaSteps& steps) {
    for (const ir::FormulaStep& step : steps) places_.push_back(lowered(step));
    LATHE_CHECK(!nodes_.empty() && places_.back() + 1 == nodes_.size() && !nodes_.back().op.empty(),
                "a formula ends in no operator");
  }
  std::vector<FormulaNode> take() && { return std::move(nodes_); }

 private:
  std::size_t add(FormulaNode node) {
    nodes_.push_back(std::move(node));
    return nodes_.size() - 1;
  }
  std::size_t number(double value) { return add({.number = value}); }
  std::size_t node(std::string op, std::vector<std::size_t> inputs) {
    return add({.op = std::move(op), .inputs = std::move(inputs)});
  }

  std::size_t lowered(const ir::FormulaStep& step) {
    const auto operand = [&](std::size_t k) { return places_[step.operands[k]]; };
    switch (step.operation) {
      case Operation::kArgument: return add({.argument = true});
      case Operation::kNumber: return number(step.number);
      case Operation::kExpMinusOne: {
        const std::size_t exp = node("Exp", {operand(0)});
        return node("Sub", {exp, number(1)});
      }
      case Operation::kLogOfOnePlus: {
        const std::size_t one = number(1);
        return node("Log", {node("Add", {operand(0), one})});
      }
      case Operation::kNormalDistribution: {
        const std::size_t root = number(std::numbers::sqrt2), one = number(1), half = number(0.5);
        return node("Mul", {node("Add", {node("Erf", {node("Div", {operand(0), root})}), one}), half});
      }
      default: break;
    }
    std::vector<std::size_t> inputs;
    for (std::size_t k = 0; k < ir::operand_count(step.operation); ++k) inputs.push_back(operand(k));
    return node(plain_operator(step.operation), std::move(inputs));
  }

  static std::string plain_operator(Operation operation) {
    static const std::map<Operation, std::string> names = {
        {Operation::kAdd, "Add"},          {Operation::kSubtract, "Sub"},    {Operation::kMultiply, "Mul"},
        {Operation::kDivide, "Div"},       {Operation::kNegate, "Neg"},      {Operation::kAbsolute, "Abs"},
        {Operation::kMinimum, "Min"},      {Operation::kMaximum, "Max"},     {Operation::kExp, "Exp"},
        {Operation::kLog, "Log"},          {Operation::kSquareRoot, "Sqrt"}, {Operation::kTanh, "Tanh"},
        {Operation::kLogistic, "Sigmoid"}, {Operation::kLess, "Less"},       {Operation::kLessOrEqual, "LessOrEqual"},
        {Operation::kAnd, "And"},          {Operation::kSelect, "Where"}};
    const auto found = names.find(operation);
    LATHE_CHECK(found != names.end(), "no operator for operation {}", static_cast<int>(operation));
    return found->second;
  }

  std::vector<FormulaNode> nodes_;
  std::vector<std::size_t> places_;  ///< [steps] which node computes it
};

std::vector<FormulaNode> formula_nodes(const ir::Activation& activation) {
  return Lowering(activation.value_steps(activation.default_numbers())).take();
}

std::string small_letters(std::string text) {
  for (char& letter : text) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return text;
}

void refuse_attributes(const GraphWriter& writer, const ir::Node& node, const ir::Activation& activation) {
  if (activation.numbers(node) == activation.default_numbers()) return;
  writer.refuse(node, fmt::format("ONNX has no {}, and its formula is written with the default attributes only",
                                  activation.name));
}

/// Compares nodes of a file with a formula, from its last node backwards.
class Match {
 public:
  Match(const GraphReader& reader, const std::vector<FormulaNode>& formula) : reader_(reader), formula_(formula) {}

  /// Returns what the formula reads where `node` ends it; empty where it does not.
  std::string argument(const OnnxNode& node) {
    const FormulaNode& last = formula_.back();
    return node.op == last.op && match_inputs(last, node) ? x_ : "";
  }

 private:
  bool match(std::size_t index, const std::string& name) {
    const FormulaNode& wanted = formula_[index];
    if (wanted.argument) {
      if (x_.empty()) x_ = name;
      return !name.empty() && reader_.same(x_, name);
    }
    if (name.empty()) return false;
    if (wanted.op.empty()) {
      const auto given = scalar(reader_.value(name).constant);
      return given && nearly(*given, wanted.number);
    }
    const OnnxNode* node = made_by(reader_, name, wanted.op);
    return node != nullptr && match_inputs(wanted, *node);
  }

  bool match_inputs(const FormulaNode& wanted, const OnnxNode& node) {
    if (node.inputs.size() != wanted.inputs.size()) return false;
    const std::string before = x_;
    bool all = true;
    for (std::size_t k = 0; all && k < wanted.inputs.size(); ++k) all = match(wanted.inputs[k], node.inputs[k]);
    if (all || (wanted.op != "Add" && wanted.op != "Mul")) return all;
    x_ = before;
    return match(wanted.inputs[0], node.inputs[1]) && match(wanted.inputs[1], node.inputs[0]);
  }

  const GraphReader& reader_;
  const std::vector<FormulaNode>& formula_;
  std::string x_;
};

/// Lists the activations without an operator of ONNX, with their formulas.
const std::vector<std::pair<std::string, std::vector<FormulaNode>>>& formulas() {
  static const auto list = [] {
    std::vector<std::pair<std::string, std::vector<FormulaNode>>> all;
    for (const ir::Activation& activation : ir::activations())
      if (activation.text.onnx.name == nullptr) all.emplace_back(activation.name, formula_nodes(activation));
    return all;
  }();
  return list;
}

}  // namespace

void write_formula(GraphWriter& writer, const ir::Node& node) {
  const ir::Activation& activation = ir::activations().at(node.op);
  refuse_attributes(writer, node, activation);
  const std::vector<FormulaNode> nodes = formula_nodes(activation);
  std::vector<std::string> values;
  for (const FormulaNode& step : nodes) {
    std::vector<std::string> inputs;
    for (const std::size_t input : step.inputs) inputs.push_back(values[input]);
    if (step.argument)
      values.push_back(writer.input(node));
    else if (step.op.empty())
      values.push_back(writer.number(node, "number", static_cast<float>(step.number)));
    else if (&step != &nodes.back())
      values.push_back(writer.step(node, small_letters(step.op), step.op, std::move(inputs)));
    else
      writer.finish(node, step.op, std::move(inputs));
  }
}

bool complete_formula(GraphReader& reader, const OnnxNode& node) {
  for (const auto& [name, formula] : formulas()) {
    const std::string x = Match(reader, formula).argument(node);
    if (x.empty() || !reader.value(x).node) continue;
    reader.emit(node, name, {}, {*reader.value(x).node});
    return true;
  }
  return false;
}

}  // namespace lathe::onnx
