#include "lathe/quant/formula.h"

namespace lathe::quant {
namespace {

std::size_t operand_count(Operation operation) {
  switch (operation) {
    case Operation::kConstant:
    case Operation::kValue:
    case Operation::kBlockMaximum:
    case Operation::kChannel: return 0;
    case Operation::kAbsolute:
    case Operation::kRound:
    case Operation::kFloor:
    case Operation::kExponent: return 1;
    case Operation::kSelectLess: return 4;
    default: return 2;
  }
}

}  // namespace

Formula Recorder::finish(Value result) const {
  std::vector<bool> needed(steps_.size());
  needed[result.step] = true;
  for (std::size_t i = steps_.size(); i-- > 0;)
    for (std::size_t k = 0; needed[i] && k < operand_count(steps_[i].operation); ++k)
      needed[steps_[i].operands[k]] = true;
  std::vector<std::uint8_t> moved(steps_.size());
  Formula formula;
  for (std::size_t i = 0; i <= result.step; ++i) {
    if (!needed[i]) continue;
    Step step = steps_[i];
    for (std::size_t k = 0; k < operand_count(step.operation); ++k) step.operands[k] = moved[step.operands[k]];
    moved[i] = static_cast<std::uint8_t>(formula.steps_.size());
    formula.steps_.push_back(step);
  }
  return formula;
}

}  // namespace lathe::quant
