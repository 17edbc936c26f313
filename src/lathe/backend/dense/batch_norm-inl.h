// Batch norm over tiles: statistics of the batch in double, values in float.
#if defined(LATHE_DENSE_BATCH_NORM_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LATHE_DENSE_BATCH_NORM_INL_H
#undef LATHE_DENSE_BATCH_NORM_INL_H
#else
#define LATHE_DENSE_BATCH_NORM_INL_H
#endif

#include <cmath>

#include "lathe/backend/dense/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::backend::dense::HWY_NAMESPACE {

// The statistics of one batch norm of `width` features: five times `width` doubles, four times `width` floats.
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
    const std::size_t width = stage.in_width;
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

// Adds one tile's rows to mean and squares (two passes over the tile, then Chan's combination in double).
HWY_NOINLINE void CollectStatistics(const Stage& stage, const Memory& memory, const Tile& tile, const float* x) {
  const D d;
  const BatchNormStatistics s(stage, memory);
  const auto seen = static_cast<double>(tile.first), count = static_cast<double>(tile.count);
  const double share = count / (seen + count), cross = seen * share, inverse = 1.0 / count;
  const auto inverse_count = static_cast<float>(inverse);
  const M alive = Alive(tile, tile.vectors - 1);
  for (std::size_t f = 0; f < stage.in_width; ++f, x += kTile) {
    const V last = hn::Load(d, x + (tile.vectors - 1) * kLanes);
    V total = hn::IfThenElseZero(alive, last);
    for (std::size_t v = 0; v + 1 < tile.vectors; ++v) total = hn::Add(total, hn::Load(d, x + v * kLanes));
    const float middle = Sum(total) * inverse_count;
    const V shift = hn::Set(d, middle);
    V difference = hn::IfThenElseZero(alive, hn::Sub(last, shift));
    V square = hn::Mul(difference, difference);
    for (std::size_t v = 0; v + 1 < tile.vectors; ++v) {
      const V distance = hn::Sub(hn::Load(d, x + v * kLanes), shift);
      difference = hn::Add(difference, distance);
      square = hn::MulAdd(distance, distance, square);
    }
    const double rest = Sum(difference);
    const double tile_mean = middle + rest * inverse;
    const double tile_squares = Sum(square) - rest * rest * inverse;
    if (tile.index == 0) {
      s.mean[f] = tile_mean;
      s.squares[f] = tile_squares;
    } else {
      const double delta = tile_mean - s.mean[f];
      s.mean[f] += delta * share;
      s.squares[f] += tile_squares + delta * delta * cross;
    }
  }
}

// Turns the sums into the constants of the forward pass and updates the running statistics as PyTorch does (unbiased
// variance; a batch of one row counts as unbiased already).
HWY_NOINLINE void FinishStatistics(const Stage& stage, const Memory& memory, std::size_t rows) {
  const BatchNormStatistics s(stage, memory);
  const auto n = static_cast<double>(rows);
  const double unbiased = rows > 1 ? 1.0 / (n - 1.0) : 1.0;
  const float* gamma = stage.gamma == kNone ? nullptr : memory.effective + stage.gamma;
  for (std::size_t f = 0; f < stage.in_width; ++f) {
    s.inverse_deviation[f] = 1.0 / std::sqrt(s.squares[f] / n + stage.epsilon);
    s.center[f] = static_cast<float>(s.mean[f]);
    s.scale[f] = static_cast<float>((gamma == nullptr ? 1.0 : gamma[f]) * s.inverse_deviation[f]);
    s.gradient_sum[f] = 0;
    s.product_sum[f] = 0;
  }
  if (stage.running_mean == kNone) return;
  float* mean = memory.buffers + stage.running_mean;
  float* variance = memory.buffers + stage.running_variance;
  for (std::size_t f = 0; f < stage.in_width; ++f) {
    mean[f] = static_cast<float>((1.0 - stage.momentum) * mean[f] + stage.momentum * s.mean[f]);
    variance[f] = static_cast<float>((1.0 - stage.momentum) * variance[f] + stage.momentum * s.squares[f] * unbiased);
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

// y = (x - mean) * scale + beta, through the ReLU behind it where there is one.
template <bool kRelu>
HWY_NOINLINE void Normalize(const Stage& stage, const Memory& memory, const Tile& tile, const float* x, float* y) {
  const D d;
  const BatchNormStatistics s(stage, memory);
  const float* beta = stage.beta == kNone ? memory.zeros : memory.effective + stage.beta;
  for (std::size_t f = 0; f < stage.in_width; ++f) {
    const V center = hn::Set(d, s.center[f]), scale = hn::Set(d, s.scale[f]), shift = hn::Set(d, beta[f]);
    for (std::size_t v = 0; v < tile.vectors; ++v) {
      const std::size_t at = f * kTile + v * kLanes;
      V out = hn::MulAdd(hn::Sub(hn::Load(d, x + at), center), scale, shift);
      if constexpr (kRelu) out = AtLeast(hn::Zero(d), out);
      hn::Store(out, d, y + at);
    }
  }
}

HWY_INLINE void BatchNormForward(const Stage& stage, const Memory& memory, const Tile& tile, const float* x, float* y) {
  if (stage.relu)
    Normalize<true>(stage, memory, tile, x, y);
  else
    Normalize<false>(stage, memory, tile, x, y);
}

// Adds the tile to the sums of the backward pass. `y` is the stage's output, whose ReLU masks dy where `mask` is set;
// the masked dy is kept in `kept` where there are trainable stages before (else null).
HWY_NOINLINE void CollectGradients(const Stage& stage, const Memory& memory, const Tile& tile, const float* x,
                                   const float* y, const float* dy, bool mask, float* kept) {
  const D d;
  const BatchNormStatistics s(stage, memory);
  for (std::size_t f = 0; f < stage.in_width; ++f) {
    const V center = hn::Set(d, s.center[f]);
    V sum = hn::Zero(d), product = hn::Zero(d);
    for (std::size_t v = 0; v < tile.vectors; ++v) {
      const std::size_t at = f * kTile + v * kLanes;
      V gradient = hn::Load(d, dy + at);
      if (mask) gradient = hn::IfThenElseZero(hn::Gt(hn::Load(d, y + at), hn::Zero(d)), gradient);
      if (kept != nullptr) hn::Store(gradient, d, kept + at);
      sum = hn::Add(sum, gradient);
      product = hn::MulAdd(gradient, hn::Sub(hn::Load(d, x + at), center), product);
    }
    s.gradient_sum[f] += Sum(sum);
    s.product_sum[f] += Sum(product);
  }
}

// Adds the gradients of gamma and beta, and prepares the gradient of the input.
HWY_NOINLINE void FinishGradients(const Stage& stage, const Memory& memory, std::size_t rows) {
  const BatchNormStatistics s(stage, memory);
  const double inverse = 1.0 / static_cast<double>(rows);
  for (std::size_t f = 0; f < stage.in_width; ++f) {
    const double deviation = s.inverse_deviation[f];
    if (stage.gamma != kNone) memory.gradients[stage.gamma + f] += static_cast<float>(s.product_sum[f] * deviation);
    if (stage.beta != kNone) memory.gradients[stage.beta + f] += static_cast<float>(s.gradient_sum[f]);
    s.gradient_mean[f] = static_cast<float>(s.gradient_sum[f] * inverse);
    s.slope[f] = static_cast<float>(s.product_sum[f] * inverse * deviation * deviation);
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
