// Forward and backward passes of a linear layer over one tile.
#if defined(LATHE_DENSE_LINEAR_STAGE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LATHE_DENSE_LINEAR_STAGE_INL_H
#undef LATHE_DENSE_LINEAR_STAGE_INL_H
#else
#define LATHE_DENSE_LINEAR_STAGE_INL_H
#endif

#include "lathe/backend/dense/linear-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::backend::dense::HWY_NAMESPACE {

HWY_INLINE void LinearForward(const Stage& stage, const Memory& memory, const Tile& tile, const float* x, float* y) {
  const FinishConstants finish(stage.quantizer);
  const Product product{.w = memory.effective + stage.weight,
                        .row_stride = stage.weight_stride,
                        .depth_stride = 1,
                        .bias = stage.bias == kNone ? nullptr : memory.effective + stage.bias,
                        .x = x,
                        .depth = stage.in_width,
                        .y = y,
                        .relu = stage.relu,
                        .quantizes = stage.quantizes,
                        .mask = nullptr,
                        .finish = &finish};
  Multiply(product, stage.out_width, tile.vectors);
}

// Adds the gradients of weight and bias. `x` is the layer's input, `dy` the gradient of its output.
HWY_INLINE void LinearAddGradients(const Stage& stage, const Memory& memory, const Tile& tile, const float* x,
                                   const float* dy) {
  const D d;
  const float* feature_rows[kTile];
  for (std::size_t column = 0; column < stage.weight_stride; column += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      feature_rows[lane] = column + lane < stage.in_width ? x + (column + lane) * kTile : memory.zeros;
    Transpose(feature_rows, kLanes, (tile.count + 3) / 4 * 4, memory.sample_rows + column, stage.weight_stride);
  }
  AddOuterSums({.dy = dy,
                .x = memory.sample_rows,
                .stride = stage.weight_stride,
                .samples = tile.count,
                .gradient = memory.gradients + stage.weight},
               stage.out_width);
  if (stage.bias == kNone) return;
  for (std::size_t row = 0; row < stage.out_width; ++row) {
    V sum = hn::Load(d, dy + row * kTile);
    for (std::size_t v = 1; v < tile.vectors; ++v) sum = hn::Add(sum, hn::Load(d, dy + row * kTile + v * kLanes));
    memory.gradients[stage.bias + row] += Sum(sum);
  }
}

// Writes the gradient of the layer's input.
HWY_INLINE void LinearBackward(const Stage& stage, const Memory& memory, const Tile& tile, const float* x,
                               const float* dy, float* dx) {
  const bool strided = stage.transposed == kNone;
  const FinishConstants finish(stage.quantizer);
  const Product product{.w = strided ? memory.effective + stage.weight : memory.transposed + stage.transposed,
                        .row_stride = strided ? 1 : stage.transposed_stride,
                        .depth_stride = strided ? stage.weight_stride : 1,
                        .bias = nullptr,
                        .x = dy,
                        .depth = stage.out_width,
                        .y = dx,
                        .relu = false,
                        .quantizes = false,
                        .mask = stage.masks_input ? x : nullptr,
                        .finish = &finish};
  Multiply(product, stage.in_width, tile.vectors);
}

}  // namespace lathe::backend::dense::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
