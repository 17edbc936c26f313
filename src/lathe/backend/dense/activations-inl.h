// The formulas of ir/activations/ in vectors.
#if defined(LATHE_DENSE_ACTIVATIONS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LATHE_DENSE_ACTIVATIONS_INL_H
#undef LATHE_DENSE_ACTIVATIONS_INL_H
#else
#define LATHE_DENSE_ACTIVATIONS_INL_H
#endif

#include "lathe/backend/dense/activation.h"
#include "lathe/backend/dense/math-inl.h"
#include "lathe/ir/activation_text.h"
#include "lathe/ir/formula.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::backend::dense::HWY_NAMESPACE {

// The value type of formulas (ir/formula.h).
struct Lanes {
  static constexpr bool kFused = true;

  struct Mask {
    M holds;
    friend HWY_INLINE Mask operator&(Mask a, Mask b) { return {hn::And(a.holds, b.holds)}; }
  };

  HWY_INLINE Lanes(double number) : v(hn::Set(D(), static_cast<float>(number))) {}
  HWY_INLINE explicit Lanes(V values) : v(values) {}

  friend HWY_INLINE Lanes operator+(Lanes a, Lanes b) { return Lanes(hn::Add(a.v, b.v)); }
  friend HWY_INLINE Lanes operator-(Lanes a, Lanes b) { return Lanes(hn::Sub(a.v, b.v)); }
  friend HWY_INLINE Lanes operator*(Lanes a, Lanes b) { return Lanes(hn::Mul(a.v, b.v)); }
  friend HWY_INLINE Lanes operator/(Lanes a, Lanes b) { return Lanes(hn::Div(a.v, b.v)); }
  friend HWY_INLINE Lanes operator-(Lanes x) { return Lanes(hn::Neg(x.v)); }
  friend HWY_INLINE Mask operator<(Lanes a, Lanes b) { return {hn::Lt(a.v, b.v)}; }
  friend HWY_INLINE Mask operator<=(Lanes a, Lanes b) { return {hn::Le(a.v, b.v)}; }
  friend HWY_INLINE Mask operator>(Lanes a, Lanes b) { return {hn::Gt(a.v, b.v)}; }
  friend HWY_INLINE Mask operator>=(Lanes a, Lanes b) { return {hn::Ge(a.v, b.v)}; }
  friend HWY_INLINE Lanes select(Mask m, Lanes a, Lanes b) { return Lanes(hn::IfThenElse(m.holds, a.v, b.v)); }
  friend HWY_INLINE Lanes pass_where(Mask m, Lanes dy) { return Lanes(hn::IfThenElseZero(m.holds, dy.v)); }
  friend HWY_INLINE Lanes abs(Lanes x) { return Lanes(hn::Abs(x.v)); }
  friend HWY_INLINE Lanes min(Lanes x, Lanes bound) { return Lanes(AtMost(bound.v, x.v)); }
  friend HWY_INLINE Lanes max(Lanes x, Lanes bound) { return Lanes(AtLeast(bound.v, x.v)); }
  friend HWY_INLINE Lanes clamp(Lanes x, Lanes low, Lanes high) { return min(max(x, low), high); }
  friend HWY_INLINE Lanes over(Lanes x, double number) {
    return Lanes(hn::Mul(x.v, hn::Set(D(), 1.0f / static_cast<float>(number))));
  }
  friend HWY_INLINE Lanes multiply_add(Lanes a, Lanes b, Lanes c) { return Lanes(hn::MulAdd(a.v, b.v, c.v)); }
  friend HWY_INLINE Lanes negative_multiply_add(Lanes a, Lanes b, Lanes c) {
    return Lanes(hn::NegMulAdd(a.v, b.v, c.v));
  }
  friend HWY_INLINE Lanes exp(Lanes x) { return Lanes(Exp(x.v)); }
  friend HWY_INLINE Lanes log(Lanes x) { return Lanes(Log(x.v)); }
  friend HWY_INLINE Lanes sqrt(Lanes x) { return Lanes(hn::Sqrt(x.v)); }
  friend HWY_INLINE Lanes tanh(Lanes x) { return Lanes(Tanh(x.v)); }
  friend HWY_INLINE Lanes exp_non_positive(Lanes x) { return Lanes(ExpNonPositive(x.v)); }
  friend HWY_INLINE Lanes expm1_non_positive(Lanes x) { return exp_non_positive(x) - 1.0; }
  friend HWY_INLINE Lanes log1p(Lanes x) { return log(1.0 + x); }
  friend HWY_INLINE Lanes logistic(Lanes x) { return Lanes(Sigmoid(x.v)); }
  friend HWY_INLINE Lanes logistic_slope(Lanes y) { return negative_multiply_add(y, y, y); }
  friend HWY_INLINE Lanes normal_distribution(Lanes x) { return Lanes(StandardNormal(x.v).distribution); }
  friend HWY_INLINE Lanes normal_bell(Lanes x) { return Lanes(StandardNormal(x.v).bell); }

  V v;
};

namespace formulas {

#include "lathe/ir/activation_formulas.h"

}  // namespace formulas

// A formula as what MapForward and MapBackward of elementwise-inl.h run.
template <class Formula>
struct FormulaMap {
  Formula formula;
  HWY_INLINE V Value(V x) const { return formula.value(Lanes(x)).v; }
  HWY_INLINE V Gradient(V at, V dy) const { return formula.gradient(Lanes(at), Lanes(dy)).v; }
};

// Calls `use` with the map of an activation.
template <class Use>
HWY_INLINE void WithActivation(Activation activation, const double* numbers, const Use& use) {
  switch (activation) {
#define ENTRY(Formula)      \
  case Activation::Formula: \
    return use(FormulaMap<formulas::Formula>{ir::make_formula<formulas::Formula>(numbers)});
#include "lathe/ir/activations/builtin.def"
#undef ENTRY
  }
}

}  // namespace lathe::backend::dense::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
