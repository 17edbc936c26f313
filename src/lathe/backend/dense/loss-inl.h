// Softmax cross entropy over one tile.
#if defined(LATHE_DENSE_LOSS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LATHE_DENSE_LOSS_INL_H
#undef LATHE_DENSE_LOSS_INL_H
#else
#define LATHE_DENSE_LOSS_INL_H
#endif

#include "lathe/backend/dense/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::backend::dense::HWY_NAMESPACE {

// Adds row losses rounded to multiples of 2^-30: sums below 2^23 are exact and hence the same in any order.
class ExactSum {
 public:
  HWY_INLINE ExactSum() : sum_(hn::Zero(DD())) {}
  HWY_INLINE void Add(V loss) {
    const hn::Half<D> h;
    const DD dd;
    sum_ = hn::Add(sum_, Rounded(hn::PromoteTo(dd, hn::LowerHalf(h, loss))));
    sum_ = hn::Add(sum_, Rounded(hn::PromoteTo(dd, hn::UpperHalf(h, loss))));
  }
  HWY_INLINE double Total() const { return hn::GetLane(hn::SumOfLanes(DD(), sum_)); }

 private:
  using DD = hn::ScalableTag<double>;
  static HWY_INLINE hn::Vec<DD> Rounded(hn::Vec<DD> x) {
    const auto magic = hn::Set(DD(), 6291456.0);  // 1.5 * 2^22: the last bit of the sum counts 2^-30
    return hn::Sub(hn::Add(x, magic), magic);
  }
  hn::Vec<DD> sum_;
};

// What a row's logits say: the largest, where it first stands, and the label's.
struct Peak {
  V best, chosen;
  VI arg_max;
};

HWY_INLINE Peak FindPeak(const float* logits, std::size_t classes, VI label) {
  const D d;
  const DI di;
  Peak peak{hn::Load(d, logits), hn::Load(d, logits), hn::Zero(di)};
  for (std::size_t j = 1; j < classes; ++j) {
    const V x = hn::Load(d, logits + j * kTile);
    const VI index = hn::Set(di, static_cast<std::int32_t>(j));
    const M greater = hn::Gt(x, peak.best);
    peak.best = hn::IfThenElse(greater, x, peak.best);
    peak.arg_max = hn::IfThenElse(hn::RebindMask(di, greater), index, peak.arg_max);
    peak.chosen = hn::IfThenElse(hn::RebindMask(d, hn::Eq(label, index)), x, peak.chosen);
  }
  return peak;
}

// Adds losses and hits of a tile; `labels` is aligned. With kGradient, `gradient` gets (softmax - one-hot) * scale, 0
// in the lanes that hold no sample. `predictions` (aligned, [kTile]) may be null.
template <bool kGradient>
HWY_NOINLINE void CrossEntropy(std::size_t classes, const Tile& tile, const float* logits, const std::int32_t* labels,
                               float scale, float* gradient, std::int32_t* predictions, CallResult& result) {
  const D d;
  const DI di;
  ExactSum losses;
  for (std::size_t v = 0; v < tile.vectors; ++v, logits += kLanes, gradient += kGradient ? kLanes : 0) {
    const M alive = Alive(tile, v);
    const VI label = hn::Load(di, labels + v * kLanes);
    const Peak peak = FindPeak(logits, classes, label);
    V sum = hn::Zero(d);
    for (std::size_t j = 0; j < classes; ++j) {
      const V e = ExpNonPositive(hn::Sub(hn::Load(d, logits + j * kTile), peak.best));
      if constexpr (kGradient) hn::Store(e, d, gradient + j * kTile);
      sum = hn::Add(sum, e);
    }
    losses.Add(hn::IfThenElseZero(alive, hn::Add(Log(sum), hn::Sub(peak.best, peak.chosen))));
    const M hit = hn::And(alive, hn::RebindMask(d, hn::Eq(peak.arg_max, label)));
    result.correct += static_cast<std::int64_t>(hn::CountTrue(d, hit));
    if (predictions != nullptr) hn::Store(peak.arg_max, di, predictions + v * kLanes);
    if constexpr (kGradient) {
      const V alive_scale = hn::IfThenElseZero(alive, hn::Set(d, scale));
      const V factor = hn::Div(alive_scale, sum);
      for (std::size_t j = 0; j < classes; ++j) {
        const M mine = hn::RebindMask(d, hn::Eq(label, hn::Set(di, static_cast<std::int32_t>(j))));
        const V target = hn::IfThenElseZero(mine, alive_scale);
        hn::Store(hn::MulSub(hn::Load(d, gradient + j * kTile), factor, target), d, gradient + j * kTile);
      }
    }
  }
  result.loss_sum += losses.Total();
}

}  // namespace lathe::backend::dense::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
