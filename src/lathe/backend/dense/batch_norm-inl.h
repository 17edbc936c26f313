// Batch norm over tiles: statistics of the batch in double, values in float.
#if defined(LATHE_DENSE_BATCH_NORM_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LATHE_DENSE_BATCH_NORM_INL_H
#undef LATHE_DENSE_BATCH_NORM_INL_H
#else
#define LATHE_DENSE_BATCH_NORM_INL_H
#endif

#include <cmath>

#include "lathe/backend/dense/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::backend::dense::HWY_NAMESPACE {

using DD = hn::ScalableTag<double>;
using VD = hn::Vec<DD>;
using HalfF = hn::Rebind<float, DD>;  // as many floats as a vector holds doubles
inline constexpr std::size_t kDoubleLanes = HWY_LANES(double);

HWY_INLINE VD LoadDoubles(const float* from) { return hn::PromoteTo(DD(), hn::Load(HalfF(), from)); }
HWY_INLINE void StoreFloats(VD v, float* to) { hn::Store(hn::DemoteTo(HalfF(), v), HalfF(), to); }

// The statistics of one batch norm of `width` features: five arrays of doubles and four of floats, each padded to a
// multiple of 16 so that loops over features take whole vectors; what they compute behind the last feature is not used.
struct BatchNormStatistics {
  double* mean;               // [width] of the rows seen so far
  double* squares;            // [width] sum of squared distances from it
  double* inverse_deviation;  // [width] 1 / sqrt(variance + epsilon)
  double* gradient_sum;       // [width] of dy
  double* product_sum;        // [width] of dy * (x - mean)
  float* center;              // [width] mean in float
  float* scale;               // [width] gamma / deviation
  float* gradient_mean;       // [width] mean of dy
  float* slope;               // [width] mean of dy * (x - mean) / variance

  BatchNormStatistics(const Stage& stage, const Memory& memory) {
    const std::size_t width = (stage.in_width + 15) / 16 * 16;
    mean = memory.statistics + stage.statistics;
    squares = mean + width;
    inverse_deviation = squares + width;
    gradient_sum = inverse_deviation + width;
    product_sum = gradient_sum + width;
    center = memory.constants + stage.constants;
    scale = center + width;
    gradient_mean = scale + width;
    slope = gradient_mean + width;
  }
};

// Sums of one tile for up to kFeatureGroup features.
inline constexpr std::size_t kFeatureGroup = 16;
struct TileSums {
  HWY_ALIGN float shift[kFeatureGroup], sum[kFeatureGroup], squares[kFeatureGroup];
};

// Sums the distances of a feature's samples from the first one, and their squares. Since that is one of the samples, it
// is within sqrt(kTile) deviations of their mean: the squares lose at most six bits to the shift.
HWY_INLINE void SumFeature(const Tile& tile, M alive, const float* x, std::size_t i, TileSums& sums) {
  const D d;
  const V shift = hn::Set(d, x[0]);
  const std::size_t last = tile.vectors - 1;
  V sum = hn::IfThenElseZero(alive, hn::Sub(hn::Load(d, x + last * kLanes), shift));
  V square = hn::Mul(sum, sum);
  for (std::size_t v = 0; v < last; ++v) {
    const V distance = hn::Sub(hn::Load(d, x + v * kLanes), shift);
    sum = hn::Add(sum, distance);
    square = hn::MulAdd(distance, distance, square);
  }
  sums.shift[i] = x[0];
  sums.sum[i] = Sum(sum);
  sums.squares[i] = Sum(square);
}

// Adds a tile's sums to the statistics of features [first, first + kFeatureGroup) (Chan's combination in double).
HWY_INLINE void AddTileSums(const BatchNormStatistics& s, const Tile& tile, std::size_t first, const TileSums& sums) {
  const DD dd;
  const auto seen = static_cast<double>(tile.first), count = static_cast<double>(tile.count);
  const double share = count / (seen + count);
  const VD inverse = hn::Set(dd, 1.0 / count), weight = hn::Set(dd, share), cross = hn::Set(dd, seen * share);
  for (std::size_t i = 0; i < kFeatureGroup; i += kDoubleLanes) {
    const VD sum = LoadDoubles(sums.sum + i), shift = LoadDoubles(sums.shift + i);
    VD mean = hn::MulAdd(sum, inverse, shift);
    VD squares = hn::NegMulAdd(hn::Mul(sum, sum), inverse, LoadDoubles(sums.squares + i));
    squares = hn::Max(squares, hn::Zero(dd));
    if (tile.index > 0) {
      const VD before = hn::Load(dd, s.mean + first + i);
      const VD delta = hn::Sub(mean, before);
      mean = hn::MulAdd(delta, weight, before);
      squares = hn::Add(hn::MulAdd(hn::Mul(delta, delta), cross, squares), hn::Load(dd, s.squares + first + i));
    }
    hn::Store(mean, dd, s.mean + first + i);
    hn::Store(squares, dd, s.squares + first + i);
  }
}

// Adds one tile's rows to mean and squares.
HWY_NOINLINE void CollectStatistics(const Stage& stage, const Memory& memory, const Tile& tile, const float* x) {
  const BatchNormStatistics s(stage, memory);
  const M alive = Alive(tile, tile.vectors - 1);
  TileSums sums = {};
  for (std::size_t first = 0; first < stage.in_width; first += kFeatureGroup) {
    for (std::size_t i = 0; i < kFeatureGroup && first + i < stage.in_width; ++i)
      SumFeature(tile, alive, x + (first + i) * kTile, i, sums);
    AddTileSums(s, tile, first, sums);
  }
}

// Mixes new values into running ones.
HWY_INLINE void UpdateRunning(float* running, std::size_t f, VD value, double momentum) {
  const DD dd;
  const VD kept = hn::Mul(hn::Set(dd, 1.0 - momentum), LoadDoubles(running + f));
  StoreFloats(hn::MulAdd(hn::Set(dd, momentum), value, kept), running + f);
}

// Turns the sums into the constants of the forward pass and updates the running statistics as PyTorch does (unbiased
// variance; a batch of one row counts as unbiased already).
HWY_NOINLINE void FinishStatistics(const Stage& stage, const Memory& memory, std::size_t rows) {
  const DD dd;
  const BatchNormStatistics s(stage, memory);
  const auto n = static_cast<double>(rows);
  const VD one = hn::Set(dd, 1.0), inverse = hn::Set(dd, 1.0 / n), epsilon = hn::Set(dd, stage.epsilon);
  const VD unbiased = hn::Set(dd, rows > 1 ? 1.0 / (n - 1.0) : 1.0);
  for (std::size_t f = 0; f < stage.in_width; f += kDoubleLanes) {
    const VD mean = hn::Load(dd, s.mean + f), squares = hn::Load(dd, s.squares + f);
    const VD deviation = hn::Div(one, hn::Sqrt(hn::MulAdd(squares, inverse, epsilon)));
    const VD gamma = stage.gamma == kNone ? one : LoadDoubles(memory.effective + stage.gamma + f);
    hn::Store(deviation, dd, s.inverse_deviation + f);
    StoreFloats(mean, s.center + f);
    StoreFloats(hn::Mul(gamma, deviation), s.scale + f);
    hn::Store(hn::Zero(dd), dd, s.gradient_sum + f);
    hn::Store(hn::Zero(dd), dd, s.product_sum + f);
    UpdateRunning(memory.buffers + stage.running_mean, f, mean, stage.momentum);
    UpdateRunning(memory.buffers + stage.running_variance, f, hn::Mul(squares, unbiased), stage.momentum);
  }
}

// Fills the constants of the forward pass from the running statistics.
HWY_NOINLINE void UseRunningStatistics(const Stage& stage, const Memory& memory) {
  const BatchNormStatistics s(stage, memory);
  for (std::size_t f = 0; f < stage.in_width; ++f) {
    const double variance = memory.buffers[stage.running_variance + f];
    const double gamma = stage.gamma == kNone ? 1.0 : memory.effective[stage.gamma + f];
    s.center[f] = memory.buffers[stage.running_mean + f];
    s.scale[f] = static_cast<float>(gamma / std::sqrt(variance + stage.epsilon));
  }
}

// y = (x - mean) * scale + beta, through the ReLU and the quantiser behind it where there are such.
template <bool kRelu, bool kQuantize>
HWY_NOINLINE void Normalize(const Stage& stage, const Memory& memory, const Tile& tile, const float* x, float* y) {
  const D d;
  const BatchNormStatistics s(stage, memory);
  const quant::IntegerScale quantizer = stage.quantizer;
  const float* beta = stage.beta == kNone ? memory.zeros : memory.effective + stage.beta;
  for (std::size_t f = 0; f < stage.in_width; ++f) {
    const V center = hn::Set(d, s.center[f]), scale = hn::Set(d, s.scale[f]), shift = hn::Set(d, beta[f]);
    for (std::size_t v = 0; v < tile.vectors; ++v) {
      const std::size_t at = f * kTile + v * kLanes;
      V out = hn::MulAdd(hn::Sub(hn::Load(d, x + at), center), scale, shift);
      if constexpr (kRelu) out = Relu(out);
      if constexpr (kQuantize) out = Quantize(out, quantizer);
      hn::Store(out, d, y + at);
    }
  }
}

HWY_INLINE void BatchNormForward(const Stage& stage, const Memory& memory, const Tile& tile, const float* x, float* y) {
  const auto plain = stage.relu ? Normalize<true, false> : Normalize<false, false>;
  const auto quantized = stage.relu ? Normalize<true, true> : Normalize<false, true>;
  (stage.quantizes ? quantized : plain)(stage, memory, tile, x, y);
}

// Adds a tile's sums of dy and of dy * (x - mean) to those of features [first, first + kFeatureGroup).
HWY_INLINE void AddGradientSums(const BatchNormStatistics& s, std::size_t first, const TileSums& sums) {
  const DD dd;
  for (std::size_t i = 0; i < kFeatureGroup; i += kDoubleLanes) {
    double* gradient = s.gradient_sum + first + i;
    double* product = s.product_sum + first + i;
    hn::Store(hn::Add(hn::Load(dd, gradient), LoadDoubles(sums.sum + i)), dd, gradient);
    hn::Store(hn::Add(hn::Load(dd, product), LoadDoubles(sums.squares + i)), dd, product);
  }
}

// Adds the tile to the sums of the backward pass. `y` is the stage's output, whose ReLU masks dy where kMask is set;
// the masked dy is kept in `kept` where there are trainable stages before (else null).
template <bool kMask>
HWY_NOINLINE void CollectGradients(const Stage& stage, const Memory& memory, const Tile& tile, const float* x,
                                   const float* y, const float* dy, float* kept) {
  const D d;
  const BatchNormStatistics s(stage, memory);
  TileSums sums = {};
  for (std::size_t f = 0; f < stage.in_width; ++f) {
    const V center = hn::Set(d, s.center[f]);
    V sum = hn::Zero(d), product = hn::Zero(d);
    for (std::size_t v = 0; v < tile.vectors; ++v) {
      const std::size_t at = f * kTile + v * kLanes;
      V gradient = hn::Load(d, dy + at);
      if constexpr (kMask) gradient = PassWhereOpen(hn::Load(d, y + at), gradient);
      if (kept != nullptr) hn::Store(gradient, d, kept + at);
      sum = hn::Add(sum, gradient);
      product = hn::MulAdd(gradient, hn::Sub(hn::Load(d, x + at), center), product);
    }
    const std::size_t i = f % kFeatureGroup;
    sums.sum[i] = Sum(sum);
    sums.squares[i] = Sum(product);
    if (i + 1 == kFeatureGroup || f + 1 == stage.in_width) AddGradientSums(s, f - i, sums);
  }
}

// Adds the gradients of gamma and beta, and prepares the gradient of the input.
HWY_NOINLINE void FinishGradients(const Stage& stage, const Memory& memory, std::size_t rows) {
  const DD dd;
  const BatchNormStatistics s(stage, memory);
  const VD inverse = hn::Set(dd, 1.0 / static_cast<double>(rows));
  for (std::size_t f = 0; f < stage.in_width; f += kDoubleLanes) {
    const VD deviation = hn::Load(dd, s.inverse_deviation + f);
    const VD sum = hn::Load(dd, s.gradient_sum + f), product = hn::Load(dd, s.product_sum + f);
    StoreFloats(hn::Mul(sum, inverse), s.gradient_mean + f);
    StoreFloats(hn::Mul(hn::Mul(product, inverse), hn::Mul(deviation, deviation)), s.slope + f);
  }
  for (std::size_t f = 0; f < stage.in_width; ++f) {
    if (stage.gamma != kNone)
      memory.gradients[stage.gamma + f] += static_cast<float>(s.product_sum[f] * s.inverse_deviation[f]);
    if (stage.beta != kNone) memory.gradients[stage.beta + f] += static_cast<float>(s.gradient_sum[f]);
  }
}

// dx = scale * (dy - mean(dy) - (x - mean) * slope); 0 in the lanes that hold no sample.
HWY_NOINLINE void BatchNormBackward(const Stage& stage, const Memory& memory, const Tile& tile, const float* x,
                                    const float* dy, float* dx) {
  const D d;
  const BatchNormStatistics s(stage, memory);
  for (std::size_t f = 0; f < stage.in_width; ++f) {
    const V center = hn::Set(d, s.center[f]), scale = hn::Set(d, s.scale[f]);
    const V mean = hn::Set(d, s.gradient_mean[f]), slope = hn::Set(d, s.slope[f]);
    for (std::size_t v = 0; v < tile.vectors; ++v) {
      const std::size_t at = f * kTile + v * kLanes;
      const V distance = hn::Sub(hn::Load(d, x + at), center);
      const V rest = hn::NegMulAdd(distance, slope, hn::Sub(hn::Load(d, dy + at), mean));
      hn::Store(hn::IfThenElseZero(Alive(tile, v), hn::Mul(scale, rest)), d, dx + at);
    }
  }
}

}  // namespace lathe::backend::dense::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
