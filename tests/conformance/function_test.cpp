// Accuracy of the vectorised functions against double precision, on every SIMD target of this processor.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "conformance/targets.h"
#include "lathe/backend/dense/program.h"
#include "lathe/ir/activation.h"

namespace lathe::backend::dense {
namespace {

using Exact = double (*)(double);

double exact_sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double exact_exp(double x) { return std::exp(x); }
double exact_log(double x) { return std::log(x); }
double exact_tanh(double x) { return std::tanh(x); }

std::vector<float> apply(const Kernels& kernels, Function function, const std::vector<float>& x) {
  std::vector<float> y(x.size());
  kernels.apply(function, x.data(), y.data(), x.size());
  return y;
}

std::vector<float> gelu(const Kernels& kernels, const std::vector<float>& x) {
  std::vector<float> y(x.size());
  kernels.activate(Activation::Gelu, {}, x.data(), y.data(), x.size());
  return y;
}

std::vector<float> evenly(double low, double high) {
  std::vector<float> x;
  for (int i = 0; i <= 200001; ++i) x.push_back(static_cast<float>(low + (high - low) * i / 200001));
  return x;
}

double unit(double value) {
  const auto size = static_cast<float>(std::abs(value));
  return std::max(std::nextafter(size, INFINITY) - size, std::numeric_limits<float>::denorm_min());
}

// The largest error in units in the last place of the exact value.
double worst_units(const Kernels& kernels, Function function, Exact exact, double low, double high) {
  const std::vector<float> x = evenly(low, high), y = apply(kernels, function, x);
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double truth = exact(x[i]);
    worst = std::max(worst, std::abs(y[i] - truth) / unit(truth));
  }
  return worst;
}

double worst_absolute(const Kernels& kernels, Function function, Exact exact, double low, double high) {
  const std::vector<float> x = evenly(low, high), y = apply(kernels, function, x);
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    worst = std::max(worst, std::abs(y[i] - exact(x[i])) / std::max(1.0, std::abs(exact(x[i]))));
  return worst;
}

TEST(DenseFunctions, AreAccurateToTwoUnitsInTheLastPlace) {
  conformance::for_each_target([](const std::string& target) {
    const Kernels& kernels = best_kernels();
    EXPECT_LE(worst_units(kernels, Function::kExpNonPositive, exact_exp, -87.3, 0), 2.0) << target;
    EXPECT_LE(worst_units(kernels, Function::kExpNonPositive, exact_exp, -1, 0), 1.5) << target;
    EXPECT_LE(worst_units(kernels, Function::kExp, exact_exp, -87.3, 87.3), 3.0) << target;
    EXPECT_LE(worst_units(kernels, Function::kLog, exact_log, 1.5, 512), 2.0) << target;
    EXPECT_LE(worst_absolute(kernels, Function::kLog, exact_log, 1, 1.5), 1e-7) << target;
    EXPECT_LE(worst_units(kernels, Function::kTanh, exact_tanh, -12, 12), 2.5) << target;
    EXPECT_LE(worst_units(kernels, Function::kTanh, exact_tanh, -0.7, 0.7), 2.5) << target;
    EXPECT_LE(worst_units(kernels, Function::kSigmoid, exact_sigmoid, -80, 80), 3.0) << target;
  });
}

TEST(DenseFunctions, KeepNanAndLimits) {
  conformance::for_each_target([](const std::string& target) {
    const Kernels& kernels = best_kernels();
    const float infinity = INFINITY;
    for (const Function function :
         {Function::kExp, Function::kExpNonPositive, Function::kLog, Function::kTanh, Function::kSigmoid})
      EXPECT_TRUE(std::isnan(apply(kernels, function, {NAN})[0])) << target << static_cast<int>(function);
    EXPECT_EQ(apply(kernels, Function::kExpNonPositive, {0, -88, -infinity, -1e30f}), (std::vector<float>{1, 0, 0, 0}))
        << target;
    EXPECT_EQ(apply(kernels, Function::kExp, {0, -88, -infinity, infinity}), (std::vector<float>{1, 0, 0, infinity}))
        << target;
    EXPECT_EQ(apply(kernels, Function::kTanh, {0, infinity, -infinity, 50}), (std::vector<float>{0, 1, -1, 1}));
    EXPECT_EQ(apply(kernels, Function::kSigmoid, {0, infinity, -infinity}), (std::vector<float>{0.5f, 1, 0}));
    EXPECT_EQ(gelu(kernels, {0, 100, 1e18f}), (std::vector<float>{0, 100, 1e18f})) << target;
    EXPECT_EQ(gelu(kernels, {-100})[0], 0) << target;
  });
}

// The default attributes of an activation, and every attribute changed.
std::vector<ir::ActivationNumbers> settings_of(const ir::Activation& activation) {
  std::vector<ir::ActivationNumbers> all = {activation.default_numbers()};
  for (std::size_t i = 0; i < ir::kMostActivationAttributes; ++i) {
    const ir::ActivationAttribute& attribute = activation.text.attributes[i];
    if (attribute.name == nullptr) continue;
    all.push_back(activation.default_numbers());
    double& changed = all.back()[i];
    changed = attribute.choices[0] != nullptr ? 1 - changed : changed * 1.25;
  }
  return all;
}

// Where the exact derivative jumps between neighbours, float may be on the other side of the jump.
bool is_smooth_at(const ir::Activation& activation, const ir::ActivationNumbers& numbers, double at) {
  const double step = 1e-5 * std::max(1.0, std::abs(at)), here = activation.gradient(numbers, at, 1);
  return std::abs(activation.gradient(numbers, at - step, 1) - here) < 1e-3 &&
         std::abs(activation.gradient(numbers, at + step, 1) - here) < 1e-3;
}

struct Errors {
  double value = 0, gradient = 0;  ///< relative to the largest of 1 and the exact one
};

// What vectors compute against the same formula in double.
Errors errors_of(const Kernels& kernels, std::size_t index, const ir::ActivationNumbers& numbers) {
  const ir::Activation& activation = ir::activations().entries()[index];
  const auto which = static_cast<Activation>(index);
  const std::vector<float> x = evenly(-20, 20), dy(x.size(), 1.5f);
  std::vector<float> y(x.size()), dx(x.size());
  kernels.activate(which, numbers, x.data(), y.data(), x.size());
  const std::vector<float>& at = activation.reads_output(numbers) ? y : x;
  kernels.differentiate(which, numbers, at.data(), dy.data(), dx.data(), x.size());
  Errors errors;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double value = activation.value(numbers, x[i]), gradient = activation.gradient(numbers, at[i], 1.5);
    errors.value = std::max(errors.value, std::abs(y[i] - value) / std::max(1.0, std::abs(value)));
    if (is_smooth_at(activation, numbers, at[i]))
      errors.gradient = std::max(errors.gradient, std::abs(dx[i] - gradient) / std::max(1.0, std::abs(gradient)));
  }
  return errors;
}

// Formulas may multiply what log1p rounds by x, so that their bound is wider than that of the functions.
TEST(DenseFunctions, EveryActivationIsItsFormulaInDouble) {
  conformance::for_each_target([](const std::string& target) {
    for (std::size_t index = 0; index < ir::activations().size(); ++index)
      for (const ir::ActivationNumbers& numbers : settings_of(ir::activations().entries()[index])) {
        const Errors errors = errors_of(best_kernels(), index, numbers);
        EXPECT_LE(errors.value, 4e-6) << ir::activations().entries()[index].name << target;
        EXPECT_LE(errors.gradient, 5e-6) << ir::activations().entries()[index].name << target;
      }
  });
}

TEST(DenseFunctions, GeluIsAccurate) {
  conformance::for_each_target([](const std::string& target) {
    const auto gelu = static_cast<std::size_t>(Activation::Gelu);
    const Errors exact = errors_of(best_kernels(), gelu, {0}), tanh_form = errors_of(best_kernels(), gelu, {1});
    EXPECT_LE(exact.value, 2.5e-7) << target;
    EXPECT_LE(exact.gradient, 4e-7) << target;
    EXPECT_LE(tanh_form.value, 5e-7) << target;
    EXPECT_LE(tanh_form.gradient, 4.5e-6) << target;
  });
}

TEST(DenseFunctions, EveryActivationKeepsNan) {
  conformance::for_each_target([](const std::string& target) {
    for (std::size_t index = 0; index < ir::activations().size(); ++index) {
      const ir::Activation& activation = ir::activations().entries()[index];
      const float x = NAN;
      float y = 0;
      best_kernels().activate(static_cast<Activation>(index), activation.default_numbers(), &x, &y, 1);
      EXPECT_TRUE(std::isnan(y)) << activation.name << target;
    }
  });
}

}  // namespace
}  // namespace lathe::backend::dense
