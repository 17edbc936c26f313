// Number formats without kernels of their own, over tiles.
#if defined(LATHE_DENSE_FORMULA_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LATHE_DENSE_FORMULA_INL_H
#undef LATHE_DENSE_FORMULA_INL_H
#else
#define LATHE_DENSE_FORMULA_INL_H
#endif

#include "lathe/backend/dense/math-inl.h"
#include "lathe/backend/dense/program.h"
#include "lathe/quant/quantizer.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::backend::dense::HWY_NAMESPACE {

using VectorArguments = quant::Arguments<V>;

HWY_INLINE V ExponentOf(V x) {
  const auto biased = hn::ShiftRight<23>(hn::BitCast(DI(), hn::Abs(x)));
  return hn::ConvertTo(D(), hn::Sub(biased, hn::Set(DI(), 127)));
}

HWY_INLINE V PowerOfTwo(V exponent) {
  return hn::BitCast(D(), hn::ShiftLeft<23>(hn::Add(hn::ConvertTo(DI(), exponent), hn::Set(DI(), 127))));
}

HWY_INLINE V ScaleByPower(V x, V exponent) {
  const V half = hn::Floor(hn::Mul(exponent, hn::Set(D(), 0.5f)));
  return hn::Mul(hn::Mul(x, PowerOfTwo(half)), PowerOfTwo(hn::Sub(exponent, half)));
}

// quant::Formula::run in vectors: templates of other headers are not compiled for this target.
HWY_INLINE V RunFormula(const quant::Formula& formula, const VectorArguments& arguments) {
  const D d;
  V results[quant::Formula::kMostSteps];
  std::size_t count = 0;
  for (const quant::Step& step : formula.steps()) {
    const V a = results[step.operands[0]], b = results[step.operands[1]];
    V& result = results[count++];
    switch (step.operation) {
      case quant::Operation::kConstant: result = hn::Set(d, step.single); break;
      case quant::Operation::kValue: result = arguments.value; break;
      case quant::Operation::kBlockMaximum: result = arguments.block_maximum; break;
      case quant::Operation::kChannel: result = arguments.channel[static_cast<std::size_t>(step.number)]; break;
      case quant::Operation::kAdd: result = hn::Add(a, b); break;
      case quant::Operation::kSubtract: result = hn::Sub(a, b); break;
      case quant::Operation::kMultiply: result = hn::Mul(a, b); break;
      case quant::Operation::kDivide: result = hn::Div(a, b); break;
      case quant::Operation::kAbsolute: result = hn::Abs(a); break;
      case quant::Operation::kRound: result = hn::Round(a); break;
      case quant::Operation::kFloor: result = hn::Floor(a); break;
      case quant::Operation::kExponent: result = ExponentOf(a); break;
      case quant::Operation::kScale: result = ScaleByPower(a, b); break;
      case quant::Operation::kSelectLess:
        result = hn::IfThenElse(hn::Lt(a, b), results[step.operands[2]], results[step.operands[3]]);
        break;
    }
  }
  return results[count - 1];
}

HWY_INLINE std::size_t RowsOfBlock(const quant::Granularity& granularity, std::size_t width) {
  if (granularity.kind != quant::Granularity::Kind::kBlock) return width;
  const auto rows = static_cast<std::size_t>(granularity.block.back());
  return rows < width ? rows : width;
}

// The largest magnitude of each sample in rows [first, end); NaN counts nothing.
HWY_INLINE V LargestMagnitude(const float* x, std::size_t first, std::size_t end) {
  V largest = hn::Zero(D());
  for (std::size_t f = first; f < end; ++f) {
    const V magnitude = hn::Abs(hn::Load(D(), x + f * kTile));
    largest = hn::IfThenElse(hn::Lt(largest, magnitude), magnitude, largest);
  }
  return largest;
}

// Runs a formula over a tile of `width` features; `use(offset, result)` gets each vector's result.
template <class Use>
HWY_INLINE void SweepTile(const quant::Arithmetic& arithmetic, const quant::Formula& formula, std::size_t width,
                          std::size_t vectors, const float* x, const Use& use) {
  const D d;
  const std::size_t rows = RowsOfBlock(arithmetic.granularity, width);
  const bool reads_maximum = formula.reads(quant::Operation::kBlockMaximum);
  VectorArguments arguments{hn::Zero(d), hn::Zero(d), {hn::Zero(d), hn::Zero(d)}};
  for (std::size_t first = 0; first < width; first += rows) {
    const std::size_t end = first + rows < width ? first + rows : width;
    for (std::size_t v = 0; v < vectors; ++v) {
      if (reads_maximum) arguments.block_maximum = LargestMagnitude(x + v * kLanes, first, end);
      for (std::size_t f = first; f < end; ++f) {
        for (std::size_t k = 0; k < arithmetic.channel_constants.size(); ++k) {
          const auto& numbers = arithmetic.channel_constants[k];
          arguments.channel[k] = hn::Set(d, static_cast<float>(numbers[numbers.size() == 1 ? 0 : f]));
        }
        const std::size_t at = f * kTile + v * kLanes;
        arguments.value = hn::Load(d, x + at);
        use(at, RunFormula(formula, arguments));
      }
    }
  }
}

// Quantises a tile; y may be x.
HWY_NOINLINE void FormatForward(const quant::Quantizer& quantizer, std::size_t width, std::size_t vectors,
                                const float* x, float* y) {
  const quant::Arithmetic& arithmetic = quantizer.arithmetic();
  SweepTile(arithmetic, arithmetic.value, width, vectors, x,
            [&](std::size_t at, V value) HWY_ATTR { hn::Store(value, D(), y + at); });
}

// Turns the gradient of a quantised tile into that of `x`, in place.
HWY_NOINLINE void FormatBackward(const quant::Quantizer& quantizer, std::size_t width, std::size_t vectors,
                                 const float* x, float* dy) {
  if (!quantizer.changes_gradients()) return;
  SweepTile(quantizer.arithmetic(), quantizer.slope(), width, vectors, x,
            [&](std::size_t at, V slope) HWY_ATTR { hn::Store(hn::Mul(hn::Load(D(), dy + at), slope), D(), dy + at); });
}

}  // namespace lathe::backend::dense::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
