// Accuracy of the vectorised functions against double precision, on every SIMD target of this processor.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "conformance/targets.h"
#include "lathe/backend/dense/program.h"

namespace lathe::backend::dense {
namespace {

using Exact = double (*)(double);

double exact_sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double exact_gelu(double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }
double exact_gelu_derivative(double x) {
  return 0.5 * std::erfc(-x / std::sqrt(2.0)) + x * std::exp(-x * x / 2) / std::sqrt(2 * M_PI);
}
double gate(double x) { return exact_sigmoid(2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)); }
double exact_gelu_tanh(double x) { return x * gate(x); }
double exact_gelu_tanh_derivative(double x) {
  return gate(x) + x * gate(x) * (1 - gate(x)) * 2 * std::sqrt(2 / M_PI) * (1 + 3 * 0.044715 * x * x);
}
double exact_exp(double x) { return std::exp(x); }
double exact_log(double x) { return std::log(x); }
double exact_tanh(double x) { return std::tanh(x); }

std::vector<float> apply(const Kernels& kernels, Function function, const std::vector<float>& x) {
  std::vector<float> y(x.size());
  kernels.apply(function, x.data(), y.data(), x.size());
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
    EXPECT_LE(worst_units(kernels, Function::kExp, exact_exp, -87.3, 0), 2.0) << target;
    EXPECT_LE(worst_units(kernels, Function::kExp, exact_exp, -1, 0), 1.5) << target;
    EXPECT_LE(worst_units(kernels, Function::kLog, exact_log, 1.5, 512), 2.0) << target;
    EXPECT_LE(worst_absolute(kernels, Function::kLog, exact_log, 1, 1.5), 1e-7) << target;
    EXPECT_LE(worst_units(kernels, Function::kTanh, exact_tanh, -12, 12), 2.5) << target;
    EXPECT_LE(worst_units(kernels, Function::kTanh, exact_tanh, -0.7, 0.7), 2.5) << target;
    EXPECT_LE(worst_units(kernels, Function::kSigmoid, exact_sigmoid, -80, 80), 3.0) << target;
    EXPECT_LE(worst_absolute(kernels, Function::kGelu, exact_gelu, -20, 20), 2.5e-7) << target;
    EXPECT_LE(worst_absolute(kernels, Function::kGeluDerivative, exact_gelu_derivative, -20, 20), 2.5e-7) << target;
    EXPECT_LE(worst_absolute(kernels, Function::kGeluTanh, exact_gelu_tanh, -20, 20), 5e-7) << target;
    EXPECT_LE(worst_absolute(kernels, Function::kGeluTanhDerivative, exact_gelu_tanh_derivative, -20, 20), 3e-6)
        << target;
  });
}

TEST(DenseFunctions, KeepNanAndLimits) {
  conformance::for_each_target([](const std::string& target) {
    const Kernels& kernels = best_kernels();
    const float infinity = INFINITY;
    for (const Function function :
         {Function::kExp, Function::kLog, Function::kTanh, Function::kSigmoid, Function::kGelu,
          Function::kGeluDerivative, Function::kGeluTanh, Function::kGeluTanhDerivative})
      EXPECT_TRUE(std::isnan(apply(kernels, function, {NAN})[0])) << target << static_cast<int>(function);
    EXPECT_EQ(apply(kernels, Function::kExp, {0, -88, -infinity, -1e30f}), (std::vector<float>{1, 0, 0, 0})) << target;
    EXPECT_EQ(apply(kernels, Function::kTanh, {0, infinity, -infinity, 50}), (std::vector<float>{0, 1, -1, 1}));
    EXPECT_EQ(apply(kernels, Function::kSigmoid, {0, infinity, -infinity}), (std::vector<float>{0.5f, 1, 0}));
    EXPECT_EQ(apply(kernels, Function::kGelu, {0, 100, 1e18f}), (std::vector<float>{0, 100, 1e18f})) << target;
    EXPECT_EQ(apply(kernels, Function::kGelu, {-100})[0], 0) << target;
  });
}

}  // namespace
}  // namespace lathe::backend::dense
