#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace lathe::ir {

/// Names what a step of a formula computes (formula.h).
enum class Operation : std::uint8_t {
  kArgument,  ///< of a value: x; of a gradient: what it is computed from, x or the activation's output
  kGradient,  ///< dy
  kNumber,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kNegate,
  kAbsolute,
  kMinimum,
  kMaximum,
  kExp,
  kExpMinusOne,
  kLog,
  kLogOfOnePlus,
  kSquareRoot,
  kTanh,
  kLogistic,
  kNormalDistribution,
  kLess,
  kLessOrEqual,
  kAnd,
  kSelect,  ///< the second operand where the first holds, else the third
};

/// Returns how many operands an operation has.
std::size_t operand_count(Operation operation);

/// Holds one step of a formula; its operands are steps before it.
struct FormulaStep {
  Operation operation = Operation::kNumber;
  std::array<std::size_t, 3> operands{};
  double number = 0;
  bool operator==(const FormulaStep&) const = default;
};

/// Holds a formula as data; the last step is its result, and no two steps are equal.
using FormulaSteps = std::vector<FormulaStep>;

/// Records the steps of a formula that is computed with it. All values of a formula share the steps they were made for.
class Recorded {
 public:
  static constexpr bool kFused = false;
  using Mask = Recorded;

  Recorded(double number) : number_(number) {}
  /// Makes the argument or the gradient of a formula whose steps are appended to `steps`, which must outlive it.
  Recorded(FormulaSteps& steps, Operation operation);

  /// Brings the result to the end of the steps.
  static void finish(FormulaSteps& steps, const Recorded& result);

  friend Recorded operator+(const Recorded& a, const Recorded& b) { return step(Operation::kAdd, {a, b}); }
  friend Recorded operator-(const Recorded& a, const Recorded& b) { return step(Operation::kSubtract, {a, b}); }
  friend Recorded operator*(const Recorded& a, const Recorded& b) { return step(Operation::kMultiply, {a, b}); }
  friend Recorded operator/(const Recorded& a, const Recorded& b) { return step(Operation::kDivide, {a, b}); }
  friend Recorded operator-(const Recorded& x) { return step(Operation::kNegate, {x}); }
  friend Recorded operator<(const Recorded& a, const Recorded& b) { return step(Operation::kLess, {a, b}); }
  friend Recorded operator<=(const Recorded& a, const Recorded& b) { return step(Operation::kLessOrEqual, {a, b}); }
  friend Recorded operator>(const Recorded& a, const Recorded& b) { return b < a; }
  friend Recorded operator>=(const Recorded& a, const Recorded& b) { return b <= a; }
  friend Recorded operator&(const Recorded& a, const Recorded& b) { return step(Operation::kAnd, {a, b}); }
  friend Recorded select(const Recorded& m, const Recorded& a, const Recorded& b) {
    return step(Operation::kSelect, {m, a, b});
  }
  friend Recorded pass_where(const Recorded& m, const Recorded& dy) { return select(m, dy, 0.0); }
  friend Recorded abs(const Recorded& x) { return step(Operation::kAbsolute, {x}); }
  friend Recorded min(const Recorded& x, const Recorded& bound) { return step(Operation::kMinimum, {x, bound}); }
  friend Recorded max(const Recorded& x, const Recorded& bound) { return step(Operation::kMaximum, {x, bound}); }
  friend Recorded clamp(const Recorded& x, const Recorded& low, const Recorded& high) { return min(max(x, low), high); }
  friend Recorded over(const Recorded& x, double number) { return x / number; }
  friend Recorded multiply_add(const Recorded& a, const Recorded& b, const Recorded& c) { return a * b + c; }
  friend Recorded negative_multiply_add(const Recorded& a, const Recorded& b, const Recorded& c) { return c - a * b; }
  friend Recorded exp(const Recorded& x) { return step(Operation::kExp, {x}); }
  friend Recorded log(const Recorded& x) { return step(Operation::kLog, {x}); }
  friend Recorded sqrt(const Recorded& x) { return step(Operation::kSquareRoot, {x}); }
  friend Recorded tanh(const Recorded& x) { return step(Operation::kTanh, {x}); }
  friend Recorded exp_non_positive(const Recorded& x) { return exp(x); }
  friend Recorded expm1_non_positive(const Recorded& x) { return step(Operation::kExpMinusOne, {x}); }
  friend Recorded log1p(const Recorded& x) { return step(Operation::kLogOfOnePlus, {x}); }
  friend Recorded logistic(const Recorded& x) { return step(Operation::kLogistic, {x}); }
  friend Recorded logistic_slope(const Recorded& y) { return y * (1.0 - y); }
  friend Recorded normal_distribution(const Recorded& x) { return step(Operation::kNormalDistribution, {x}); }
  friend Recorded normal_bell(const Recorded& x) { return exp(-0.5 * x * x); }

 private:
  static Recorded step(Operation operation, std::initializer_list<Recorded> operands);
  std::size_t place(FormulaSteps& steps) const;

  FormulaSteps* steps_ = nullptr;  ///< null: a number
  std::size_t index_ = 0;
  double number_ = 0;
};

}  // namespace lathe::ir
