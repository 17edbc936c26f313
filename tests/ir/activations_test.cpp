// Walks the list of activations: a new one is tested the moment it is listed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "lathe/base/error.h"
#include "lathe/ir/activation.h"
#include "lathe/ir/op.h"

namespace lathe::ir {
namespace {

double normal_distribution(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

double run_step(const FormulaStep& step, const std::vector<double>& known, double argument, double gradient) {
  const double a = known.empty() ? 0 : known[step.operands[0]], b = known.empty() ? 0 : known[step.operands[1]];
  switch (step.operation) {
    case Operation::kArgument: return argument;
    case Operation::kGradient: return gradient;
    case Operation::kNumber: return step.number;
    case Operation::kAdd: return a + b;
    case Operation::kSubtract: return a - b;
    case Operation::kMultiply: return a * b;
    case Operation::kDivide: return a / b;
    case Operation::kNegate: return -a;
    case Operation::kAbsolute: return std::fabs(a);
    case Operation::kMinimum: return std::min(a, b);
    case Operation::kMaximum: return std::max(a, b);
    case Operation::kExp: return std::exp(a);
    case Operation::kExpMinusOne: return std::expm1(a);
    case Operation::kLog: return std::log(a);
    case Operation::kLogOfOnePlus: return std::log1p(a);
    case Operation::kSquareRoot: return std::sqrt(a);
    case Operation::kTanh: return std::tanh(a);
    case Operation::kLogistic: return 1 / (1 + std::exp(-a));
    case Operation::kNormalDistribution: return normal_distribution(a);
    case Operation::kLess: return a < b ? 1 : 0;
    case Operation::kLessOrEqual: return a <= b ? 1 : 0;
    case Operation::kAnd: return a != 0 && b != 0 ? 1 : 0;
    case Operation::kSelect: return a != 0 ? b : known[step.operands[2]];
  }
  return NAN;
}

double run(const FormulaSteps& steps, double argument, double gradient = 0) {
  std::vector<double> known;
  for (const FormulaStep& step : steps) known.push_back(run_step(step, known, argument, gradient));
  return known.back();
}

double argument_of_gradient(const Activation& activation, const ActivationNumbers& numbers, double x) {
  return activation.reads_output(numbers) ? activation.value(numbers, x) : x;
}

double slope(const Activation& activation, const ActivationNumbers& numbers, double x) {
  return activation.gradient(numbers, argument_of_gradient(activation, numbers, x), 1);
}

TEST(Activations, EachIsAnOpOfItsName) {
  for (const Activation& activation : activations()) {
    const OpDeclaration* op = find_op(activation.name);
    ASSERT_NE(op, nullptr) << activation.name;
    EXPECT_EQ(op->module_type, activation.text.module);
    EXPECT_FALSE(op->module_type.empty()) << activation.name;
    EXPECT_TRUE(op->quantizable) << activation.name;
  }
}

// Fourth-order central differences, away from where the derivative jumps or bends.
TEST(Activations, DerivativesAreThoseOfTheValues) {
  constexpr double kStep = 0x1p-10;
  for (const Activation& activation : activations()) {
    const ActivationNumbers numbers = activation.default_numbers();
    const auto value = [&](double x) { return activation.value(numbers, x); };
    int compared = 0;
    for (double x = -8.03; x < 8; x += 0.0625) {
      const double here = slope(activation, numbers, x), bend = slope(activation, numbers, x + 2 * kStep) - 2 * here +
                                                                slope(activation, numbers, x - 2 * kStep);
      if (std::fabs(bend) > 1e-4) continue;
      const double near = value(x + kStep) - value(x - kStep), far = value(x + 2 * kStep) - value(x - 2 * kStep);
      EXPECT_NEAR(here, (8 * near - far) / (12 * kStep), 1e-9) << activation.name << " at " << x;
      ++compared;
    }
    EXPECT_GT(compared, 250) << activation.name;
  }
}

TEST(Activations, GradientsAreProportional) {
  for (const Activation& activation : activations()) {
    const ActivationNumbers numbers = activation.default_numbers();
    for (double x = -6.3; x < 7; x += 0.41) {
      const double at = argument_of_gradient(activation, numbers, x);
      EXPECT_NEAR(activation.gradient(numbers, at, -2.5), -2.5 * activation.gradient(numbers, at, 1), 1e-14)
          << activation.name;
    }
  }
}

TEST(Activations, StepsComputeTheFormula) {
  for (const Activation& activation : activations()) {
    const ActivationNumbers numbers = activation.default_numbers();
    const FormulaSteps value = activation.value_steps(numbers), gradient = activation.gradient_steps(numbers);
    for (double x = -9.3; x < 10; x += 0.17) {
      const double y = activation.value(numbers, x), at = argument_of_gradient(activation, numbers, x);
      EXPECT_NEAR(run(value, x), y, 1e-13 * std::max(1.0, std::fabs(y))) << activation.name << " at " << x;
      EXPECT_NEAR(run(gradient, at, 1.5), activation.gradient(numbers, at, 1.5), 1e-13)
          << activation.name << " at " << x;
    }
  }
}

TEST(FormulaSteps, AreRecordedOnce) {
  FormulaSteps steps;
  const Recorded x(steps, Operation::kArgument);
  Recorded::finish(steps, exp(x) * (exp(x) + 1.0));
  ASSERT_EQ(steps.size(), 5u);
  EXPECT_EQ(steps.back().operation, Operation::kMultiply);
  EXPECT_EQ(run(steps, 0), 2);
}

TEST(FormulaSteps, CannotBeNumbersAlone) {
  EXPECT_THROW(static_cast<void>(Recorded(1.0) + Recorded(2.0)), InternalError);
}

}  // namespace
}  // namespace lathe::ir
