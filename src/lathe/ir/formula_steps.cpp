#include "lathe/ir/formula_steps.h"

#include <algorithm>

#include "lathe/base/check.h"

namespace lathe::ir {
namespace {

/// Returns the place of a step, which is appended where there is none equal to it.
std::size_t append(FormulaSteps& steps, const FormulaStep& step) {
  const auto found = std::find(steps.begin(), steps.end(), step);
  if (found != steps.end()) return static_cast<std::size_t>(found - steps.begin());
  steps.push_back(step);
  return steps.size() - 1;
}

}  // namespace

std::size_t operand_count(Operation operation) {
  switch (operation) {
    case Operation::kArgument:
    case Operation::kGradient:
    case Operation::kNumber: return 0;
    case Operation::kNegate:
    case Operation::kAbsolute:
    case Operation::kExp:
    case Operation::kExpMinusOne:
    case Operation::kLog:
    case Operation::kLogOfOnePlus:
    case Operation::kSquareRoot:
    case Operation::kTanh:
    case Operation::kLogistic:
    case Operation::kNormalDistribution: return 1;
    case Operation::kSelect: return 3;
    default: return 2;
  }
}

Recorded::Recorded(FormulaSteps& steps, Operation operation) : steps_(&steps) {
  index_ = append(steps, {.operation = operation});
}

std::size_t Recorded::place(FormulaSteps& steps) const {
  return steps_ != nullptr ? index_ : append(steps, {.operation = Operation::kNumber, .number = number_});
}

Recorded Recorded::step(Operation operation, std::initializer_list<Recorded> operands) {
  FormulaSteps* steps = nullptr;
  for (const Recorded& operand : operands)
    if (operand.steps_ != nullptr) steps = operand.steps_;
  LATHE_CHECK(steps != nullptr, "a formula computes with numbers alone");
  FormulaStep added{.operation = operation};
  std::size_t next = 0;
  for (const Recorded& operand : operands) added.operands.at(next++) = operand.place(*steps);
  Recorded result(0.0);
  result.steps_ = steps;
  result.index_ = append(*steps, added);
  return result;
}

void Recorded::finish(FormulaSteps& steps, const Recorded& result) {
  steps.resize(result.place(steps) + 1);  // what comes behind the result is read by nothing that counts
}

}  // namespace lathe::ir
