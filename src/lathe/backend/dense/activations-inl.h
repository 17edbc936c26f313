// The activations of activation.h: value of x, and gradient from x and dy. Each is made from the op's numbers, in the
// order of its declaration.
#if defined(LATHE_DENSE_ACTIVATIONS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LATHE_DENSE_ACTIVATIONS_INL_H
#undef LATHE_DENSE_ACTIVATIONS_INL_H
#else
#define LATHE_DENSE_ACTIVATIONS_INL_H
#endif

#include "lathe/backend/dense/activation.h"
#include "lathe/backend/dense/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::backend::dense::HWY_NAMESPACE {

// Near 0 elu and selu, and far below 0 softplus, are differences or logarithms of numbers near 1: their absolute error
// is about 6e-8 there, whatever their size. Gradients are exact to two units in the last place.

HWY_INLINE V Clamp(V x, float low, float high) {
  const D d;
  return AtMost(hn::Set(d, high), AtLeast(hn::Set(d, low), x));
}

HWY_INLINE M Between(V x, float low, float high) {
  const D d;
  return hn::And(hn::Gt(x, hn::Set(d, low)), hn::Lt(x, hn::Set(d, high)));
}

struct Relu6Map {
  explicit Relu6Map(const float*) {}
  HWY_INLINE V Value(V x) const { return Clamp(x, 0.0f, 6.0f); }
  HWY_INLINE V Gradient(V x, V dy) const { return hn::IfThenElseZero(Between(x, 0.0f, 6.0f), dy); }
};

struct SiluMap {
  explicit SiluMap(const float*) {}
  HWY_INLINE V Value(V x) const { return hn::Mul(x, Sigmoid(x)); }
  HWY_INLINE V Gradient(V x, V dy) const {
    const V s = Sigmoid(x);
    return hn::Mul(dy, hn::MulAdd(x, hn::NegMulAdd(s, s, s), s));
  }
};

struct HardswishMap {
  explicit HardswishMap(const float*) {}
  HWY_INLINE V Value(V x) const {
    const D d;
    return hn::Mul(x, hn::Mul(Clamp(hn::Add(x, hn::Set(d, 3.0f)), 0.0f, 6.0f), hn::Set(d, 1.0f / 6)));
  }
  HWY_INLINE V Gradient(V x, V dy) const {
    const D d;
    const V slope = hn::MulAdd(x, hn::Set(d, 1.0f / 3), hn::Set(d, 0.5f));
    const V high = hn::IfThenElse(hn::Lt(x, hn::Set(d, 3.0f)), slope, hn::Set(d, 1.0f));
    return hn::Mul(dy, hn::IfThenElseZero(hn::Gt(x, hn::Set(d, -3.0f)), high));
  }
};

struct HardsigmoidMap {
  explicit HardsigmoidMap(const float*) {}
  HWY_INLINE V Value(V x) const {
    const D d;
    return hn::Mul(Clamp(hn::Add(x, hn::Set(d, 3.0f)), 0.0f, 6.0f), hn::Set(d, 1.0f / 6));
  }
  HWY_INLINE V Gradient(V x, V dy) const {
    const D d;
    return hn::IfThenElseZero(Between(x, -3.0f, 3.0f), hn::Mul(dy, hn::Set(d, 1.0f / 6)));
  }
};

struct HardtanhMap {
  explicit HardtanhMap(const float* numbers) : low(numbers[0]), high(numbers[1]) {}
  float low, high;
  HWY_INLINE V Value(V x) const { return Clamp(x, low, high); }
  HWY_INLINE V Gradient(V x, V dy) const { return hn::IfThenElseZero(Between(x, low, high), dy); }
};

// scale * (x above 0, alpha (exp(x) - 1) below).
struct ExponentialMap {
  float scale, alpha;
  HWY_INLINE V Value(V x) const {
    const D d;
    const V zero = hn::Zero(d);
    const V below = hn::Mul(hn::Set(d, alpha), hn::Sub(ExpNonPositive(AtMost(zero, x)), hn::Set(d, 1.0f)));
    return hn::Mul(hn::Set(d, scale), hn::IfThenElse(hn::Gt(x, zero), x, below));
  }
  HWY_INLINE V Gradient(V x, V dy) const {
    const D d;
    const V zero = hn::Zero(d);
    const V below = hn::Mul(hn::Set(d, alpha), ExpNonPositive(AtMost(zero, x)));
    const V slope = hn::IfThenElse(hn::Gt(x, zero), hn::Set(d, 1.0f), below);
    return hn::Mul(dy, hn::Mul(hn::Set(d, scale), slope));
  }
};
struct EluMap : ExponentialMap {
  explicit EluMap(const float* numbers) : ExponentialMap{1.0f, numbers[0]} {}
};
struct SeluMap : ExponentialMap {
  explicit SeluMap(const float*) : ExponentialMap{1.050700987f, 1.673263242f} {}
};

struct SoftplusMap {
  explicit SoftplusMap(const float* numbers) : beta(numbers[0]), threshold(numbers[1]) {}
  float beta, threshold;
  HWY_INLINE V Value(V x) const {
    const D d;
    const V scaled = hn::Mul(hn::Set(d, beta), x);
    const V tail = Log(hn::Add(hn::Set(d, 1.0f), ExpNonPositive(hn::Neg(hn::Abs(scaled)))));
    const V bent = hn::Mul(hn::Add(AtLeast(hn::Zero(d), scaled), tail), hn::Set(d, 1.0f / beta));
    return hn::IfThenElse(hn::Gt(scaled, hn::Set(d, threshold)), x, bent);
  }
  HWY_INLINE V Gradient(V x, V dy) const {
    const D d;
    const V scaled = hn::Mul(hn::Set(d, beta), x);
    return hn::IfThenElse(hn::Gt(scaled, hn::Set(d, threshold)), dy, hn::Mul(dy, Sigmoid(scaled)));
  }
};

// Calls `use` with the map of an activation.
template <class Use>
HWY_INLINE void WithActivation(Activation activation, const float* numbers, const Use& use) {
  switch (activation) {
#define LATHE_DENSE_CASE(op, map) \
  case Activation::op: return use(map(numbers));
    LATHE_DENSE_ACTIVATIONS(LATHE_DENSE_CASE)
#undef LATHE_DENSE_CASE
  }
}

}  // namespace lathe::backend::dense::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
