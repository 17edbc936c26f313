// Losses over one tile.
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

// Cross entropy with label smoothing and class weights w (torch.nn.CrossEntropyLoss): -log softmax(logits)[c] counts
// w[c] * (spread + keep at the label). Otherwise as CrossEntropy.
template <bool kGradient>
HWY_NOINLINE void WeightedCrossEntropy(const Loss& loss, const Tile& tile, const float* logits,
                                       const std::int32_t* labels, float scale, float* gradient,
                                       std::int32_t* predictions, CallResult& result) {
  const D d;
  const DI di;
  const std::size_t classes = loss.class_weights.size();
  const V spread = hn::Set(d, loss.spread);
  ExactSum losses;
  for (std::size_t v = 0; v < tile.vectors; ++v, logits += kLanes, gradient += kGradient ? kLanes : 0) {
    const M alive = Alive(tile, v);
    const VI label = hn::Load(di, labels + v * kLanes);
    const Peak peak = FindPeak(logits, classes, label);
    V sum = hn::Zero(d), weight = hn::Zero(d), below = hn::Zero(d);
    for (std::size_t j = 0; j < classes; ++j) {
      const V difference = hn::Sub(peak.best, hn::Load(d, logits + j * kTile));
      const V e = ExpNonPositive(hn::Neg(difference));
      if constexpr (kGradient) hn::Store(e, d, gradient + j * kTile);
      const V class_weight = hn::Set(d, loss.class_weights[j]);
      const M mine = hn::RebindMask(d, hn::Eq(label, hn::Set(di, static_cast<std::int32_t>(j))));
      sum = hn::Add(sum, e);
      weight = hn::IfThenElse(mine, class_weight, weight);
      below = hn::MulAdd(class_weight, difference, below);
    }
    const V own = hn::Mul(weight, hn::Set(d, loss.keep));
    const V shares = hn::MulAdd(spread, hn::Set(d, loss.weight_sum), own);
    const V far = hn::MulAdd(spread, below, hn::Mul(own, hn::Sub(peak.best, peak.chosen)));
    losses.Add(hn::IfThenElseZero(alive, hn::MulAdd(shares, Log(sum), far)));
    const M hit = hn::And(alive, hn::RebindMask(d, hn::Eq(peak.arg_max, label)));
    result.correct += static_cast<std::int64_t>(hn::CountTrue(d, hit));
    if (predictions != nullptr) hn::Store(peak.arg_max, di, predictions + v * kLanes);
    if constexpr (kGradient) {
      const V alive_scale = hn::IfThenElseZero(alive, hn::Set(d, scale));
      const V factor = hn::Div(hn::Mul(alive_scale, shares), sum);
      for (std::size_t j = 0; j < classes; ++j) {
        const M mine = hn::RebindMask(d, hn::Eq(label, hn::Set(di, static_cast<std::int32_t>(j))));
        const V target = hn::MulAdd(spread, hn::Set(d, loss.class_weights[j]), hn::IfThenElseZero(mine, own));
        const V e = hn::Load(d, gradient + j * kTile);
        hn::Store(hn::MulSub(e, factor, hn::Mul(alive_scale, target)), d, gradient + j * kTile);
      }
    }
  }
  result.loss_sum += losses.Total();
}

// Losses of one difference x between output and target, and their derivatives.
struct SquaredError {
  HWY_INLINE V Value(V x) const { return hn::Mul(x, x); }
  HWY_INLINE V Derivative(V x) const { return hn::Add(x, x); }
};
struct AbsoluteError {
  HWY_INLINE V Value(V x) const { return hn::Abs(x); }
  HWY_INLINE V Derivative(V x) const {
    const D d;
    return hn::IfThenZeroElse(hn::Eq(x, hn::Zero(d)), hn::CopySign(hn::Set(d, 1.0f), x));
  }
};
struct HuberError {
  float delta;
  HWY_INLINE V Value(V x) const {
    const D d;
    const V inside = AtMost(hn::Set(d, delta), hn::Abs(x));  // x^2 / 2 up to delta, then delta (|x| - delta / 2)
    return hn::Mul(inside, hn::NegMulAdd(hn::Set(d, 0.5f), inside, hn::Abs(x)));
  }
  HWY_INLINE V Derivative(V x) const {
    const D d;
    return AtMost(hn::Set(d, delta), AtLeast(hn::Set(d, -delta), x));
  }
};

// Adds the losses of a tile, each the mean over the outputs; sums run in the order of the rows. With kGradient,
// `gradient` gets the derivatives * scale, 0 in the lanes that hold no sample.
template <bool kGradient, class Error>
HWY_NOINLINE void MeanError(const Error& error, std::size_t outputs, const Tile& tile, const float* values,
                            const float* targets, double scale, float* gradient, CallResult& result) {
  HWY_ALIGN float losses[kTile];
  const D d;
  const V share = hn::Set(d, static_cast<float>(1.0 / static_cast<double>(outputs)));
  const V factor = hn::Set(d, static_cast<float>(scale / static_cast<double>(outputs)));
  for (std::size_t v = 0; v < tile.vectors; ++v) {
    const M alive = Alive(tile, v);
    V sum = hn::Zero(d);
    for (std::size_t j = 0; j < outputs; ++j) {
      const std::size_t at = j * kTile + v * kLanes;
      const V x = hn::Sub(hn::Load(d, values + at), hn::Load(d, targets + at));
      sum = hn::Add(sum, error.Value(x));
      if constexpr (kGradient)
        hn::Store(hn::IfThenElseZero(alive, hn::Mul(factor, error.Derivative(x))), d, gradient + at);
    }
    hn::Store(hn::Mul(sum, share), d, losses + v * kLanes);
  }
  for (std::size_t i = 0; i < tile.count; ++i) result.loss_sum += static_cast<double>(losses[i]);
}

template <bool kGradient>
HWY_INLINE void RegressionLoss(const Program& program, const Memory& memory, const Tile& tile, const float* values,
                               double scale, float* gradient, CallResult& result) {
  const std::size_t outputs = program.classes;
  const auto run = [&](const auto& error) {
    MeanError<kGradient>(error, outputs, tile, values, memory.targets, scale, gradient, result);
  };
  switch (program.loss.kind) {
    case LossKind::kMeanSquaredError: return run(SquaredError{});
    case LossKind::kMeanAbsoluteError: return run(AbsoluteError{});
    case LossKind::kHuber: return run(HuberError{program.loss.delta});
    default: return;
  }
}

// Brings the targets of a tile output by output; those of absent samples are 0.
HWY_NOINLINE void GatherTargets(const Rows& rows, const Tile& tile, std::size_t outputs, float* targets) {
  for (std::size_t i = 0; i < tile.vectors * kLanes; ++i)
    for (std::size_t j = 0; j < outputs; ++j)
      targets[j * kTile + i] = i < tile.count ? rows.targets[rows[tile.first + i] * outputs + j] : 0.0f;
}

// The loss of a tile in training; `labels` are its labels where the loss reads labels.
HWY_INLINE void TrainingLoss(const Program& program, const Memory& memory, const Tile& tile, const float* values,
                             const std::int32_t* labels, double loss_scale, CallResult& result) {
  const auto scale = static_cast<float>(loss_scale);
  float* gradient = memory.gradient;
  if (program.loss.kind == LossKind::kCrossEntropy) [[likely]]
    return CrossEntropy<true>(program.classes, tile, values, labels, scale, gradient, nullptr, result);
  if (program.loss.kind == LossKind::kWeightedCrossEntropy)
    return WeightedCrossEntropy<true>(program.loss, tile, values, labels, scale, gradient, nullptr, result);
  RegressionLoss<true>(program, memory, tile, values, loss_scale, gradient, result);
}

HWY_INLINE void CountClasses(const Tile& tile, const std::int32_t* labels, const std::int32_t* predictions,
                             const EvaluationSums& sums) {
  for (std::size_t i = 0; i < tile.count; ++i) {
    ++sums.rows[labels[i]];
    ++sums.predicted[predictions[i]];
    sums.correct[labels[i]] += labels[i] == predictions[i] ? 1 : 0;
  }
}

HWY_INLINE void AddErrors(std::size_t outputs, const Tile& tile, const float* values, const float* targets,
                          const EvaluationSums& sums) {
  for (std::size_t j = 0; j < outputs; ++j)
    for (std::size_t i = 0; i < tile.count; ++i) {
      const double x = static_cast<double>(values[j * kTile + i]) - static_cast<double>(targets[j * kTile + i]);
      sums.squared_errors[j] += x * x;
      sums.absolute_errors[j] += x < 0 ? -x : x;
    }
}

// The losses of a tile in evaluation, and what else is counted.
HWY_INLINE void EvaluationLoss(const Program& program, const Memory& memory, const Tile& tile, const float* values,
                               const std::int32_t* labels, const EvaluationSums& sums, CallResult& result) {
  HWY_ALIGN std::int32_t predictions[kTile];
  if (program.loss.regression) {
    RegressionLoss<false>(program, memory, tile, values, 0, nullptr, result);
    return AddErrors(program.classes, tile, values, memory.targets, sums);
  }
  if (program.loss.kind == LossKind::kWeightedCrossEntropy)
    WeightedCrossEntropy<false>(program.loss, tile, values, labels, 0, nullptr, predictions, result);
  else
    CrossEntropy<false>(program.classes, tile, values, labels, 0, nullptr, predictions, result);
  CountClasses(tile, labels, predictions, sums);
}

}  // namespace lathe::backend::dense::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
