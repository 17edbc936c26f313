// Compiled once per SIMD target (foreach_target.h includes this file again and again); the -inl.h headers hold the
// code.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lathe/backend/dense/kernels.cpp"
#include <cstring>

#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "lathe/backend/dense/execute-inl.h"
#include "lathe/backend/dense/math-inl.h"
#include "lathe/backend/dense/optimizer-inl.h"
#include "lathe/backend/dense/program.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::backend::dense::HWY_NAMESPACE {

// Copies a weight [out, in] of row stride weight_stride to [in, out], in blocks that stay in the first cache.
void TransposeWeight(const Stage& stage, const Memory& memory) {
  constexpr std::size_t kBlock = 16;
  const float* from = memory.effective + stage.weight;
  float* to = memory.transposed + stage.transposed;
  for (std::size_t j0 = 0; j0 < stage.out_width; j0 += kBlock)
    for (std::size_t i0 = 0; i0 < stage.in_width; i0 += kBlock)
      for (std::size_t i = i0; i < i0 + kBlock && i < stage.in_width; ++i)
        for (std::size_t j = j0; j < j0 + kBlock && j < stage.out_width; ++j)
          to[i * stage.transposed_stride + j] = from[j * stage.weight_stride + i];
}

void Refresh(const Program& program, const Memory& memory) {
  const D d;
  if (!program.quantized.empty()) {
    std::memcpy(memory.effective, memory.parameters, program.parameter_floats * sizeof(float));
    for (const QuantizedRange& range : program.quantized) {
      if (range.format != nullptr) {
        range.format->quantize(view_of<const float>(range, memory.parameters), view_of<float>(range, memory.effective));
        continue;
      }
      for (std::size_t i = range.offset; i < range.offset + range.size; i += kLanes)
        hn::Store(Quantize(hn::Load(d, memory.parameters + i), range.scale), d, memory.effective + i);
    }
  }
  for (const Stage& stage : program.stages)
    if (stage.transposed != kNone) TransposeWeight(stage, memory);
}

V Apply(Function function, V x) {
  switch (function) {
    case Function::kExp: return Exp(x);
    case Function::kExpNonPositive: return ExpNonPositive(x);
    case Function::kLog: return Log(x);
    case Function::kTanh: return Tanh(x);
    case Function::kSigmoid: return Sigmoid(x);
  }
  return x;
}

// The values from `i` on, zeros behind the last.
V LoadPart(const float* x, std::size_t i, std::size_t count) {
  HWY_ALIGN float in[kLanes] = {};
  std::memcpy(in, x + i, (count - i < kLanes ? count - i : kLanes) * sizeof(float));
  return hn::Load(D(), in);
}

void StorePart(V values, float* y, std::size_t i, std::size_t count) {
  HWY_ALIGN float out[kLanes];
  hn::Store(values, D(), out);
  std::memcpy(y + i, out, (count - i < kLanes ? count - i : kLanes) * sizeof(float));
}

void ApplyAll(Function function, const float* x, float* y, std::size_t count) {
  for (std::size_t i = 0; i < count; i += kLanes) StorePart(Apply(function, LoadPart(x, i, count)), y, i, count);
}

void ActivateAll(Activation activation, const ir::ActivationNumbers& numbers, const float* x, float* y,
                 std::size_t count) {
  WithActivation(activation, numbers.data(), [&](const auto& map) {
    for (std::size_t i = 0; i < count; i += kLanes) StorePart(map.Value(LoadPart(x, i, count)), y, i, count);
  });
}

void DifferentiateAll(Activation activation, const ir::ActivationNumbers& numbers, const float* at, const float* dy,
                      float* dx, std::size_t count) {
  WithActivation(activation, numbers.data(), [&](const auto& map) {
    for (std::size_t i = 0; i < count; i += kLanes)
      StorePart(map.Gradient(LoadPart(at, i, count), LoadPart(dy, i, count)), dx, i, count);
  });
}

const Kernels* GetKernels() {
  static const Kernels kKernels = {.target = hwy::TargetName(HWY_TARGET),
                                   .lanes = kLanes,
                                   .accumulate = &Accumulate,
                                   .prepare_evaluation = &PrepareEvaluation,
                                   .evaluate = &Evaluate,
                                   .update = &Update,
                                   .refresh = &Refresh,
                                   .apply = &ApplyAll,
                                   .activate = &ActivateAll,
                                   .differentiate = &DifferentiateAll};
  return &kKernels;
}

}  // namespace lathe::backend::dense::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lathe::backend::dense {

HWY_EXPORT(GetKernels);

const Kernels& best_kernels() { return *HWY_DYNAMIC_DISPATCH(GetKernels)(); }

}  // namespace lathe::backend::dense
#endif
