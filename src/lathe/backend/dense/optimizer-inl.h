// Optimiser steps over the whole parameter block, as torch.optim computes them.
#if defined(LATHE_DENSE_OPTIMIZER_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LATHE_DENSE_OPTIMIZER_INL_H
#undef LATHE_DENSE_OPTIMIZER_INL_H
#else
#define LATHE_DENSE_OPTIMIZER_INL_H
#endif

#include "lathe/backend/dense/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::backend::dense::HWY_NAMESPACE {

template <bool kDecoupled>
HWY_NOINLINE void AdamStep(const Memory& memory, std::size_t count, const UpdateCall& u) {
  const D d;
  const V beta1 = hn::Set(d, u.beta1), beta2 = hn::Set(d, u.beta2);
  const V rest1 = hn::Set(d, u.one_minus_beta1), rest2 = hn::Set(d, u.one_minus_beta2);
  const V epsilon = hn::Set(d, u.epsilon), correction = hn::Set(d, u.inverse_root_correction);
  const V step = hn::Set(d, u.step_size), decay = hn::Set(d, u.weight_decay), keep = hn::Set(d, u.keep);
  for (std::size_t i = 0; i < count; i += kLanes) {
    V p = hn::Load(d, memory.parameters + i);
    V g = hn::Load(d, memory.gradients + i);
    if constexpr (kDecoupled)
      p = hn::Mul(p, keep);
    else
      g = hn::MulAdd(decay, p, g);
    const V m = hn::MulAdd(rest1, g, hn::Mul(beta1, hn::Load(d, memory.moments1 + i)));
    const V v = hn::MulAdd(hn::Mul(rest2, g), g, hn::Mul(beta2, hn::Load(d, memory.moments2 + i)));
    const V divisor = hn::MulAdd(hn::Sqrt(v), correction, epsilon);
    hn::Store(hn::NegMulAdd(step, hn::Div(m, divisor), p), d, memory.parameters + i);
    hn::Store(m, d, memory.moments1 + i);
    hn::Store(v, d, memory.moments2 + i);
    hn::Store(hn::Zero(d), d, memory.gradients + i);
  }
}

template <bool kMomentum, bool kNesterov>
HWY_NOINLINE void SgdStep(const Memory& memory, std::size_t count, const UpdateCall& u) {
  const D d;
  const V rate = hn::Set(d, u.learning_rate), decay = hn::Set(d, u.weight_decay), momentum = hn::Set(d, u.momentum);
  for (std::size_t i = 0; i < count; i += kLanes) {
    const V p = hn::Load(d, memory.parameters + i);
    V g = hn::MulAdd(decay, p, hn::Load(d, memory.gradients + i));
    if constexpr (kMomentum) {
      const V kept = hn::MulAdd(momentum, hn::Load(d, memory.moments1 + i), g);
      hn::Store(kept, d, memory.moments1 + i);
      g = kNesterov ? hn::MulAdd(momentum, kept, g) : kept;
    }
    hn::Store(hn::NegMulAdd(rate, g, p), d, memory.parameters + i);
    hn::Store(hn::Zero(d), d, memory.gradients + i);
  }
}

// Adds the gradients of l1 * sum |w| + l2 * sum w^2.
HWY_NOINLINE void AddPenalties(const Program& program, const Memory& memory, const UpdateCall& u) {
  const D d;
  const V l1 = hn::Set(d, u.l1), twice_l2 = hn::Set(d, u.twice_l2), zero = hn::Zero(d);
  for (const Range& range : program.penalised)
    for (std::size_t i = range.offset; i < range.offset + range.size; i += kLanes) {
      const V w = hn::Load(d, memory.parameters + i);
      const V sign = hn::IfThenZeroElse(hn::Eq(w, zero), hn::CopySign(l1, w));
      const V g = hn::MulAdd(twice_l2, w, hn::Add(sign, hn::Load(d, memory.gradients + i)));
      hn::Store(g, d, memory.gradients + i);
    }
}

HWY_NOINLINE void Update(const Program& program, const Memory& memory, const UpdateCall& u) {
  const std::size_t count = program.parameter_floats;
  if (u.l1 != 0 || u.twice_l2 != 0) AddPenalties(program, memory, u);
  switch (u.rule) {
    case UpdateCall::Rule::kAdam: return AdamStep<false>(memory, count, u);
    case UpdateCall::Rule::kAdamW: return AdamStep<true>(memory, count, u);
    case UpdateCall::Rule::kSgd: return SgdStep<false, false>(memory, count, u);
    case UpdateCall::Rule::kSgdMomentum: return SgdStep<true, false>(memory, count, u);
    case UpdateCall::Rule::kSgdNesterov: return SgdStep<true, true>(memory, count, u);
    case UpdateCall::Rule::kOther: return;
  }
}

}  // namespace lathe::backend::dense::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
