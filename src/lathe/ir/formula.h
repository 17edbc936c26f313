#pragma once

#include <cmath>
#include <numbers>
#include <type_traits>

/// What the formulas of activations are written in. A formula is a template over a value type, and every engine has
/// one: Scalar below (ref in double, oneDNN's loops in float), vectors of dense (backend/dense/activations-inl.h), and
/// Recorded (formula_steps.h), whose steps libtorch's tensors are computed with and ONNX nodes are written from.
///
/// A value type T is made of a double and has `+ - * /`, unary `-`, the comparisons `< <= > >=` (whose results are
/// joined by `&`), and
///   select(m, a, b)                  a where m holds, else b
///   pass_where(m, dy)                dy where m holds, else 0
///   abs(x), min(x, b), max(x, b), clamp(x, low, high)    of a NaN in x: NaN
///   over(x, number)                  x / number; vectors multiply by the reciprocal
///   multiply_add(a, b, c)            a * b + c; vectors round once
///   negative_multiply_add(a, b, c)   c - a * b; vectors round once
///   exp(x), log(x), sqrt(x), tanh(x)
///   exp_non_positive(x)              exp(x) of x <= 0, in fewer instructions
///   expm1_non_positive(x)            exp(x) - 1 of x <= 0; vectors: to 6e-8, whatever the size of the result
///   log1p(x)                         log(1 + x) of x >= 0; vectors: to 6e-8
///   logistic(x)                      1 / (1 + exp(-x))
///   logistic_slope(y)                y (1 - y): the derivative of the logistic function by its value
///   normal_distribution(x)           Phi(x), the standard normal distribution
///   normal_bell(x)                   exp(-x^2 / 2)
/// T::kFused says that the type rounds products and sums once. Only formulas whose published results differ between
/// the engines by the order of operations look at it.
namespace lathe::ir {

/// Computes a formula in double or float.
template <typename Float>
struct Scalar {
  static constexpr bool kFused = false;

  struct Mask {
    bool holds = false;
    friend Mask operator&(Mask a, Mask b) { return {a.holds && b.holds}; }
  };

  Scalar(double number) : value(static_cast<Float>(number)) {}
  /// Makes a value of a number as it is.
  static Scalar of(Float number) {
    Scalar x(0.0);
    x.value = number;
    return x;
  }

  friend Scalar operator+(Scalar a, Scalar b) { return of(a.value + b.value); }
  friend Scalar operator-(Scalar a, Scalar b) { return of(a.value - b.value); }
  friend Scalar operator*(Scalar a, Scalar b) { return of(a.value * b.value); }
  friend Scalar operator/(Scalar a, Scalar b) { return of(a.value / b.value); }
  friend Scalar operator-(Scalar x) { return of(-x.value); }
  friend Mask operator<(Scalar a, Scalar b) { return {a.value < b.value}; }
  friend Mask operator<=(Scalar a, Scalar b) { return {a.value <= b.value}; }
  friend Mask operator>(Scalar a, Scalar b) { return {a.value > b.value}; }
  friend Mask operator>=(Scalar a, Scalar b) { return {a.value >= b.value}; }
  friend Scalar select(Mask m, Scalar a, Scalar b) { return m.holds ? a : b; }
  friend Scalar pass_where(Mask m, Scalar dy) { return of(dy.value * (m.holds ? Float(1) : Float(0))); }
  friend Scalar abs(Scalar x) { return of(std::fabs(x.value)); }
  friend Scalar min(Scalar x, Scalar bound) { return bound.value < x.value ? bound : x; }
  friend Scalar max(Scalar x, Scalar bound) { return x.value < bound.value ? bound : x; }
  friend Scalar clamp(Scalar x, Scalar low, Scalar high) {
    return x.value < low.value ? low : (x.value > high.value ? high : x);
  }
  friend Scalar over(Scalar x, double number) { return of(x.value / static_cast<Float>(number)); }
  friend Scalar multiply_add(Scalar a, Scalar b, Scalar c) { return a * b + c; }
  friend Scalar negative_multiply_add(Scalar a, Scalar b, Scalar c) { return c - a * b; }
  friend Scalar exp(Scalar x) { return of(std::exp(x.value)); }
  friend Scalar log(Scalar x) { return of(std::log(x.value)); }
  friend Scalar sqrt(Scalar x) { return of(std::sqrt(x.value)); }
  friend Scalar tanh(Scalar x) { return of(std::tanh(x.value)); }
  friend Scalar exp_non_positive(Scalar x) { return exp(x); }
  friend Scalar expm1_non_positive(Scalar x) { return of(std::expm1(x.value)); }
  friend Scalar log1p(Scalar x) { return of(std::log1p(x.value)); }
  friend Scalar logistic(Scalar x) { return of(Float(0.5) * (1 + std::tanh(Float(0.5) * x.value))); }
  friend Scalar logistic_slope(Scalar y) { return y * (1.0 - y); }
  friend Scalar normal_distribution(Scalar x) {
    return of(Float(0.5) * std::erfc(-x.value / std::numbers::sqrt2_v<Float>));
  }
  friend Scalar normal_bell(Scalar x) { return of(std::exp(Float(-0.5) * x.value * x.value)); }

  Float value = 0;
};

/// Makes a formula from the numbers of a node (ActivationAttribute); those without attributes need none.
template <class Formula>
Formula make_formula(const double* numbers) {
  if constexpr (std::is_constructible_v<Formula, const double*>)
    return Formula(numbers);
  else
    return Formula();
}

/// Tells whether a formula's gradient is computed from the activation's output in place of its input.
template <class Formula>
bool reads_output(const Formula& formula) {
  if constexpr (requires { formula.reads_output(); })
    return formula.reads_output();
  else
    return false;
}

}  // namespace lathe::ir
