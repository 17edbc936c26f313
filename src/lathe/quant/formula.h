#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "lathe/base/check.h"

namespace lathe::quant {

/// Lists what formulas are made of. Every operation is exact or rounded once, so that scalars, vectors and tensors give
/// the same bits.
enum class Operation : std::uint8_t {
  kConstant,
  kValue,         ///< the value that is quantised
  kBlockMaximum,  ///< the largest magnitude in its block (a sample of the whole tensor where there are no blocks)
  kChannel,       ///< a constant of its channel; `number` says which
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kAbsolute,
  kRound,  ///< to the nearest integer, ties to even
  kFloor,
  kExponent,    ///< floor(log2(|a|)), at least -127 (also for 0)
  kScale,       ///< a * 2^b; b is an integer in [-252, 252]
  kSelectLess,  ///< a < b ? c : d; d where one is NaN
};

/// Names a step's operands by the numbers of earlier steps.
struct Step {
  Operation operation = Operation::kConstant;
  std::array<std::uint8_t, 4> operands{};
  double number = 0;  ///< of a constant; of a channel's constant its index
  float single = 0;   ///< of a constant: the number that formulas of floats read
};

/// Most constants that differ between channels.
inline constexpr std::size_t kMostChannelConstants = 2;

/// Holds what a formula reads, as values of any kind.
template <class Value>
struct Arguments {
  Value value;
  Value block_maximum;
  std::array<Value, kMostChannelConstants> channel;
};

/// Holds a formula as steps, the last of which is its result: written once (`record`), run on scalars, SIMD vectors and
/// tensors (`run`). Immutable.
class Formula {
 public:
  static constexpr std::size_t kMostSteps = 64;

  bool empty() const { return steps_.empty(); }
  const std::vector<Step>& steps() const { return steps_; }
  bool reads(Operation operation) const {
    for (const Step& step : steps_)
      if (step.operation == operation) return true;
    return false;
  }

  /// Computes with the operations of a kind of value: a class with `Value` and a function for each Operation.
  template <class Operations>
  typename Operations::Value run(const Operations& op, const Arguments<typename Operations::Value>& arguments) const {
    using Value = typename Operations::Value;
    std::array<Value, kMostSteps> results;
    std::size_t count = 0;
    for (const Step& step : steps_) {
      const auto at = [&](std::size_t operand) -> const Value& { return results[step.operands[operand]]; };
      Value& result = results[count++];
      switch (step.operation) {
        case Operation::kConstant: result = op.constant(step.number, step.single); break;
        case Operation::kValue: result = arguments.value; break;
        case Operation::kBlockMaximum: result = arguments.block_maximum; break;
        case Operation::kChannel: result = arguments.channel[static_cast<std::size_t>(step.number)]; break;
        case Operation::kAdd: result = op.add(at(0), at(1)); break;
        case Operation::kSubtract: result = op.subtract(at(0), at(1)); break;
        case Operation::kMultiply: result = op.multiply(at(0), at(1)); break;
        case Operation::kDivide: result = op.divide(at(0), at(1)); break;
        case Operation::kAbsolute: result = op.absolute(at(0)); break;
        case Operation::kRound: result = op.round(at(0)); break;
        case Operation::kFloor: result = op.floor(at(0)); break;
        case Operation::kExponent: result = op.exponent(at(0)); break;
        case Operation::kScale: result = op.scale(at(0), at(1)); break;
        case Operation::kSelectLess: result = op.select_less(at(0), at(1), at(2), at(3)); break;
      }
    }
    return results[count - 1];
  }

 private:
  friend class Recorder;
  std::vector<Step> steps_;
};

/// Stands for a value while a formula is written down.
struct Expression {
  std::uint8_t step = 0;
};

/// Writes operations down as steps.
class Recorder {
 public:
  using Value = Expression;

  Value constant(double number) const { return constant(number, static_cast<float>(number)); }
  /// The same for a number that is no float and may not be rounded to the nearest one.
  Value constant(double number, float single) const {
    const Value value = add_step(Operation::kConstant, {}, number);
    steps_.back().single = single;
    return value;
  }
  Value add(Value a, Value b) const { return add_step(Operation::kAdd, {a, b}); }
  Value subtract(Value a, Value b) const { return add_step(Operation::kSubtract, {a, b}); }
  Value multiply(Value a, Value b) const { return add_step(Operation::kMultiply, {a, b}); }
  Value divide(Value a, Value b) const { return add_step(Operation::kDivide, {a, b}); }
  Value absolute(Value a) const { return add_step(Operation::kAbsolute, {a}); }
  Value round(Value a) const { return add_step(Operation::kRound, {a}); }
  Value floor(Value a) const { return add_step(Operation::kFloor, {a}); }
  Value exponent(Value a) const { return add_step(Operation::kExponent, {a}); }
  Value scale(Value a, Value b) const { return add_step(Operation::kScale, {a, b}); }
  Value select_less(Value a, Value b, Value c, Value d) const { return add_step(Operation::kSelectLess, {a, b, c, d}); }

  /// Holds a value between two bounds; NaN stays NaN.
  Value clamp(Value value, Value low, Value high) const {
    return select_less(value, low, low, select_less(high, value, high, value));
  }

  /// Returns what a formula reads.
  Arguments<Value> arguments() const {
    Arguments<Value> result{add_step(Operation::kValue, {}), add_step(Operation::kBlockMaximum, {}), {}};
    for (std::size_t i = 0; i < kMostChannelConstants; ++i)
      result.channel[i] = add_step(Operation::kChannel, {}, static_cast<double>(i));
    return result;
  }
  /// Returns the formula whose result is `result`, without the steps that it does not need.
  Formula finish(Value result) const;

 private:
  Value add_step(Operation operation, std::array<Value, 4> operands, double number = 0) const {
    LATHE_CHECK(steps_.size() < Formula::kMostSteps, "a formula of more than {} steps", Formula::kMostSteps);
    Step step{.operation = operation, .operands = {}, .number = number};
    for (std::size_t i = 0; i < operands.size(); ++i) step.operands[i] = operands[i].step;
    steps_.push_back(step);
    return {static_cast<std::uint8_t>(steps_.size() - 1)};
  }

  mutable std::vector<Step> steps_;  ///< formulas are given their operations as constants
};

/// Writes down a formula: a function template of (operations, arguments), as `quant::fixed_point` is one.
template <class Function>
Formula record(const Function& function) {
  const Recorder recorder;
  return recorder.finish(function(recorder, recorder.arguments()));
}

}  // namespace lathe::quant
