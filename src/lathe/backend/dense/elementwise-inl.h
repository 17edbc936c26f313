// What works value by value over one tile: ReLU, the maps of activations-inl.h, quantisers, dropout, sums.
#if defined(LATHE_DENSE_ELEMENTWISE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LATHE_DENSE_ELEMENTWISE_INL_H
#undef LATHE_DENSE_ELEMENTWISE_INL_H
#else
#define LATHE_DENSE_ELEMENTWISE_INL_H
#endif

#include "lathe/backend/dense/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::backend::dense::HWY_NAMESPACE {

// Each map: value of x, and gradient from dy and what the backward pass keeps (`kept`: the output or the input).
struct ReluMap {
  HWY_INLINE V Value(V x) const { return Relu(x); }
  HWY_INLINE V Gradient(V y, V dy) const { return PassWhereOpen(y, dy); }
};
struct QuantizeMap {
  quant::IntegerScale scale;
  HWY_INLINE V Value(V x) const { return Quantize(x, scale); }
};

template <class Map>
HWY_NOINLINE HWY_FLATTEN void MapForward(const Map& map, std::size_t width, std::size_t vectors, const float* x,
                                         float* y) {
  const D d;
  for (std::size_t f = 0; f < width; ++f, x += kTile, y += kTile)
    for (std::size_t v = 0; v < vectors; ++v) hn::Store(map.Value(hn::Load(d, x + v * kLanes)), d, y + v * kLanes);
}

// Works in place on dy.
template <class Map>
HWY_NOINLINE HWY_FLATTEN void MapBackward(const Map& map, std::size_t width, std::size_t vectors, const float* kept,
                                          float* dy) {
  const D d;
  for (std::size_t f = 0; f < width; ++f, kept += kTile, dy += kTile)
    for (std::size_t v = 0; v < vectors; ++v)
      hn::Store(map.Gradient(hn::Load(d, kept + v * kLanes), hn::Load(d, dy + v * kLanes)), d, dy + v * kLanes);
}

HWY_NOINLINE void MultiplyByMask(std::size_t width, std::size_t vectors, const float* mask, const float* x, float* y) {
  const D d;
  for (std::size_t f = 0; f < width; ++f)
    for (std::size_t v = 0; v < vectors; ++v) {
      const std::size_t at = f * kTile + v * kLanes;
      hn::Store(hn::Mul(hn::Load(d, mask + at), hn::Load(d, x + at)), d, y + at);
    }
}

// y = a + b; y may be either.
HWY_NOINLINE void AddRows(std::size_t width, std::size_t vectors, const float* a, const float* b, float* y) {
  const D d;
  for (std::size_t f = 0; f < width; ++f)
    for (std::size_t v = 0; v < vectors; ++v) {
      const std::size_t at = f * kTile + v * kLanes;
      hn::Store(hn::Add(hn::Load(d, a + at), hn::Load(d, b + at)), d, y + at);
    }
}

HWY_NOINLINE void CopyRows(std::size_t width, std::size_t vectors, const float* x, float* y) {
  const D d;
  for (std::size_t f = 0; f < width; ++f, x += kTile, y += kTile)
    for (std::size_t v = 0; v < vectors; ++v) hn::Store(hn::Load(d, x + v * kLanes), d, y + v * kLanes);
}

}  // namespace lathe::backend::dense::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
