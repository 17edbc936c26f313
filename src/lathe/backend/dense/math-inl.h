// Element-wise functions in float, accurate to about two units in the last place unless said otherwise; NaN stays NaN.
// Polynomials: Lawson's minimax fits in double of the forms that the comments name (relative error below 2e-8).
#if defined(LATHE_DENSE_MATH_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LATHE_DENSE_MATH_INL_H
#undef LATHE_DENSE_MATH_INL_H
#else
#define LATHE_DENSE_MATH_INL_H
#endif

#include "lathe/backend/dense/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::backend::dense::HWY_NAMESPACE {

// Evaluates a polynomial with coefficients from the constant upwards (Horner).
template <std::size_t N>
HWY_INLINE V Polynomial(V x, const float (&c)[N]) {
  const D d;
  V y = hn::Set(d, c[N - 1]);
  HWY_UNROLL(16)
  for (std::size_t i = 1; i < N; ++i) y = hn::MulAdd(y, x, hn::Set(d, c[N - 1 - i]));
  return y;
}

// exp(x) for x <= 0; below ln(2^-126) the result is 0. With x = n ln 2 + r: 2^n (1 + r + r^2 P(r)).
HWY_INLINE V ExpNonPositive(V x) {
  static constexpr float kCoefficients[] = {5.000000000e-01f, 1.666657776e-01f, 4.166685417e-02f, 8.363146335e-03f,
                                            1.390128746e-03f};
  const D d;
  const DI di;
  const V low = hn::Set(d, -87.33654475f);
  const V clamped = AtLeast(low, x);
  const V n = hn::Round(hn::Mul(clamped, hn::Set(d, 1.442695041f)));
  V r = hn::NegMulAdd(n, hn::Set(d, 0.693359375f), clamped);
  r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4f), r);
  const V tail = hn::MulAdd(hn::Mul(r, r), Polynomial(r, kCoefficients), r);
  const V scale = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(hn::ConvertTo(di, n), hn::Set(di, 127))));
  const V y = hn::MulAdd(tail, scale, scale);
  return hn::IfThenZeroElse(hn::Lt(x, low), y);
}

// exp(x) to three units; above 87.3 the result is infinity.
HWY_INLINE V Exp(V x) {
  const D d;
  const V falling = ExpNonPositive(hn::Neg(hn::Abs(x)));
  return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), hn::Div(hn::Set(d, 1.0f), falling), falling);
}

// log(x) for finite x > 0 that are normal. With x = 2^e (1 + f): e ln 2 + f - f^2 / 2 + f^3 P(f).
HWY_INLINE V Log(V x) {
  static constexpr float kCoefficients[] = {3.333333135e-01f,  -2.499999404e-01f, 2.000071406e-01f,
                                            -1.666805744e-01f, 1.424932331e-01f,  -1.242014244e-01f,
                                            1.167699769e-01f,  -1.151460111e-01f, 7.037675381e-02f};
  const D d;
  const DI di;
  const VI bits = hn::BitCast(di, x);
  const VI e = hn::ShiftRight<23>(hn::Sub(bits, hn::Set(di, 0x3f3504f3)));
  const V f = hn::Sub(hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<23>(e))), hn::Set(d, 1.0f));
  const V n = hn::ConvertTo(d, e);
  const V f2 = hn::Mul(f, f);
  V y = hn::Mul(hn::Mul(f2, f), Polynomial(f, kCoefficients));
  y = hn::MulAdd(n, hn::Set(d, -2.12194440e-4f), y);
  y = hn::NegMulAdd(hn::Set(d, 0.5f), f2, y);
  y = hn::MulAdd(n, hn::Set(d, 0.693359375f), hn::Add(f, y));
  return hn::Add(y, hn::Sub(x, x));  // NaN and infinity come out as NaN
}

// Below 0.625 x + x^3 P(x^2), above (1 - t) / (1 + t) with t = exp(-2 |x|).
HWY_INLINE V Tanh(V x) {
  static constexpr float kCoefficients[] = {-3.333333433e-01f, 1.333330423e-01f,  -5.395926535e-02f,
                                            2.176894806e-02f,  -8.344029076e-03f, 2.292830264e-03f};
  const D d;
  const V one = hn::Set(d, 1.0f);
  const V size = hn::Abs(x);
  const V square = hn::Mul(x, x);
  const V small = hn::MulAdd(hn::Mul(square, x), Polynomial(square, kCoefficients), x);
  const V t = ExpNonPositive(hn::Mul(hn::Set(d, -2.0f), size));
  const V large = hn::Div(hn::Sub(one, t), hn::Add(one, t));
  return hn::IfThenElse(hn::Lt(size, hn::Set(d, 0.625f)), small, hn::CopySign(large, x));
}

HWY_INLINE V Sigmoid(V x) {
  const D d;
  const V one = hn::Set(d, 1.0f);
  const V t = ExpNonPositive(hn::Neg(hn::Abs(x)));
  const V below = hn::Div(t, hn::Add(one, t));
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), below, hn::Div(one, hn::Add(one, t)));
}

// The standard normal distribution and exp(-x^2 / 2). With z = |x| / sqrt(2): below 1 by erf(z) = z P(z^2), above by
// erfc(z) = exp(-z^2) Q(t) / (z + 2), t = (z - 2) / (z + 2). Absolute error below 1e-7.
struct Normal {
  V distribution, bell;
};
HWY_INLINE Normal StandardNormal(V x) {
  static constexpr float kErf[] = {1.128379107e+00f, -3.761262596e-01f, 1.128358543e-01f, -2.685381286e-02f,
                                   5.188327748e-03f, -8.010193706e-04f, 7.853860734e-05f};
  static constexpr float kErfc[] = {1.021582723e+00f,  -6.871606708e-01f, 2.794722617e-01f,
                                    -3.644489124e-02f, -2.151208371e-02f, 6.522660144e-03f,
                                    3.053629305e-03f,  -1.044906443e-03f, -2.992620866e-04f};
  const D d;
  const V half = hn::Set(d, 0.5f), two = hn::Set(d, 2.0f);
  const V z = hn::Mul(hn::Abs(x), hn::Set(d, 0.7071067812f));
  const V square = hn::Mul(half, hn::Mul(x, x));
  const V bell = ExpNonPositive(hn::Neg(square));
  const V inner = hn::MulAdd(half, hn::CopySign(hn::Mul(z, Polynomial(square, kErf)), x), half);
  const V t = hn::Div(hn::Sub(z, two), hn::Add(z, two));
  const V tail = hn::Div(hn::Mul(hn::Mul(half, bell), Polynomial(t, kErfc)), hn::Add(z, two));
  const V outer = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), tail, hn::Sub(hn::Set(d, 1.0f), tail));
  const M far = hn::Gt(z, hn::Set(d, 13.0f));  // the fit ends; the tail is 0
  const V limit = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Zero(d), hn::Set(d, 1.0f));
  return {hn::IfThenElse(far, limit, hn::IfThenElse(hn::Lt(z, hn::Set(d, 1.0f)), inner, outer)), bell};
}

// Every ReLU writes -0 where it is closed (x <= 0) and x where it is open: the sign bit is the mask of the backward
// pass, also behind a quantiser, which keeps the sign of zero. NaN stays NaN.
HWY_INLINE V Relu(V x) {
  const D d;
  return hn::IfThenElse(hn::Le(x, hn::Zero(d)), hn::Set(d, -0.0f), x);
}
HWY_INLINE V PassWhereOpen(V y, V gradient) { return hn::IfNegativeThenElse(y, hn::Zero(D()), gradient); }

// quant::fixed_point in vectors; NaN stays NaN.
HWY_INLINE V FixedPoint(V x, V scale, V inverse, V low, V high) {
  return hn::Mul(AtMost(high, AtLeast(low, hn::Round(hn::Mul(x, scale)))), inverse);
}
HWY_INLINE V Quantize(V x, const quant::IntegerScale& q) {
  const D d;
  return FixedPoint(x, hn::Set(d, q.scale), hn::Set(d, q.inverse), hn::Set(d, q.low), hn::Set(d, q.high));
}

}  // namespace lathe::backend::dense::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
