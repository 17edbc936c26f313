// Register-blocked products of the three kinds that a linear layer needs, and the transpositions between them.
#if defined(LATHE_DENSE_LINEAR_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LATHE_DENSE_LINEAR_INL_H
#undef LATHE_DENSE_LINEAR_INL_H
#else
#define LATHE_DENSE_LINEAR_INL_H
#endif

#include "lathe/backend/dense/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::backend::dense::HWY_NAMESPACE {

// What happens to a product on its way out.
enum class Finish { kNone, kRelu, kMask };

// y[r] = bias[r] + sum over k of w[r * row_stride + k * depth_stride] * x[k], for feature-major tiles x and y. The sum
// runs over k in order whatever the blocking is. kMask: y is 0 where `mask` (laid out as y) is not above 0.
struct Product {
  const float* w;
  std::size_t row_stride, depth_stride;
  const float* bias;  // null: none
  const float* x;
  std::size_t depth;
  float* y;
  const float* mask;
};

template <std::size_t R, std::size_t C, Finish kFinish>
HWY_INLINE void ProductBlock(const Product& p, std::size_t row, std::size_t column) {
  const D d;
  V sum[R][C];
  HWY_UNROLL(8)
  for (std::size_t r = 0; r < R; ++r) {
    const V start = p.bias == nullptr ? hn::Zero(d) : hn::Set(d, p.bias[row + r]);
    HWY_UNROLL(8)
    for (std::size_t c = 0; c < C; ++c) sum[r][c] = start;
  }
  const float* w = p.w + row * p.row_stride;
  const float* x = p.x + column * kLanes;
  for (std::size_t k = 0; k < p.depth; ++k, w += p.depth_stride, x += kTile) {
    V in[C];
    HWY_UNROLL(8)
    for (std::size_t c = 0; c < C; ++c) in[c] = hn::Load(d, x + c * kLanes);
    HWY_UNROLL(8)
    for (std::size_t r = 0; r < R; ++r) {
      const V factor = hn::Set(d, w[r * p.row_stride]);
      HWY_UNROLL(8)
      for (std::size_t c = 0; c < C; ++c) sum[r][c] = hn::MulAdd(factor, in[c], sum[r][c]);
    }
  }
  HWY_UNROLL(8)
  for (std::size_t r = 0; r < R; ++r) {
    const std::size_t offset = (row + r) * kTile + column * kLanes;
    HWY_UNROLL(8)
    for (std::size_t c = 0; c < C; ++c) {
      V y = sum[r][c];
      if constexpr (kFinish == Finish::kRelu) y = AtLeast(hn::Zero(d), y);
      if constexpr (kFinish == Finish::kMask)
        y = hn::IfThenElseZero(hn::Gt(hn::Load(d, p.mask + offset + c * kLanes), hn::Zero(d)), y);
      hn::Store(y, d, p.y + offset + c * kLanes);
    }
  }
}

// Rows of a block: enough sums to hide the latency of a multiply-add, few enough to stay in 16 registers.
template <std::size_t C>
inline constexpr std::size_t kBlockRows = C == 1 ? 8 : 6;

template <std::size_t C, Finish kFinish>
HWY_INLINE void ProductColumns(const Product& p, std::size_t rows, std::size_t column) {
  std::size_t row = 0;
  for (; row + kBlockRows<C> <= rows; row += kBlockRows<C>) ProductBlock<kBlockRows<C>, C, kFinish>(p, row, column);
  const std::size_t rest = rows - row;
  if constexpr (kBlockRows < C >> 6) {
    if (rest == 7) return ProductBlock<7, C, kFinish>(p, row, column);
    if (rest == 6) return ProductBlock<6, C, kFinish>(p, row, column);
  }
  switch (rest) {
    case 5: return ProductBlock<5, C, kFinish>(p, row, column);
    case 4: return ProductBlock<4, C, kFinish>(p, row, column);
    case 3: return ProductBlock<3, C, kFinish>(p, row, column);
    case 2: return ProductBlock<2, C, kFinish>(p, row, column);
    case 1: return ProductBlock<1, C, kFinish>(p, row, column);
    default: return;
  }
}

template <Finish kFinish>
HWY_NOINLINE void Multiply(const Product& p, std::size_t rows, std::size_t vectors) {
  std::size_t column = 0;
  for (; column + 2 <= vectors; column += 2) ProductColumns<2, kFinish>(p, rows, column);
  if (column < vectors) ProductColumns<1, kFinish>(p, rows, column);
}

// gradient[r][c] += sum over samples of dy[r][s] * x[s][c]: dy feature-major, x sample-major with `stride` floats a
// sample.
struct OuterSum {
  const float* dy;
  const float* x;
  std::size_t stride, samples;
  float* gradient;  // row stride `stride` too
};

template <std::size_t R, std::size_t C>
HWY_INLINE void OuterBlock(const OuterSum& p, std::size_t row, std::size_t column) {
  const D d;
  V sum[R][C];
  HWY_UNROLL(8)
  for (std::size_t r = 0; r < R; ++r) {
    HWY_UNROLL(8)
    for (std::size_t c = 0; c < C; ++c) sum[r][c] = hn::Zero(d);
  }
  const float* dy = p.dy + row * kTile;
  const float* x = p.x + column * kLanes;
  for (std::size_t s = 0; s < p.samples; ++s, ++dy, x += p.stride) {
    V in[C];
    HWY_UNROLL(8)
    for (std::size_t c = 0; c < C; ++c) in[c] = hn::Load(d, x + c * kLanes);
    HWY_UNROLL(8)
    for (std::size_t r = 0; r < R; ++r) {
      const V factor = hn::Set(d, dy[r * kTile]);
      HWY_UNROLL(8)
      for (std::size_t c = 0; c < C; ++c) sum[r][c] = hn::MulAdd(factor, in[c], sum[r][c]);
    }
  }
  HWY_UNROLL(8)
  for (std::size_t r = 0; r < R; ++r) {
    float* out = p.gradient + (row + r) * p.stride + column * kLanes;
    HWY_UNROLL(8)
    for (std::size_t c = 0; c < C; ++c)
      hn::Store(hn::Add(hn::Load(d, out + c * kLanes), sum[r][c]), d, out + c * kLanes);
  }
}

template <std::size_t C>
HWY_INLINE void OuterColumns(const OuterSum& p, std::size_t rows, std::size_t column) {
  std::size_t row = 0;
  for (; row + 6 <= rows; row += 6) OuterBlock<6, C>(p, row, column);
  switch (rows - row) {
    case 5: OuterBlock<5, C>(p, row, column); break;
    case 4: OuterBlock<4, C>(p, row, column); break;
    case 3: OuterBlock<3, C>(p, row, column); break;
    case 2: OuterBlock<2, C>(p, row, column); break;
    case 1: OuterBlock<1, C>(p, row, column); break;
    default: break;
  }
}

HWY_NOINLINE void AddOuterSums(const OuterSum& p, std::size_t rows) {
  const std::size_t vectors = p.stride / kLanes;
  std::size_t column = 0;
  for (; column + 2 <= vectors; column += 2) OuterColumns<2>(p, rows, column);
  if (column < vectors) OuterColumns<1>(p, rows, column);
}

// Loads four floats from each of kLanes / 4 rows, row q of every fourth, as the 128-bit blocks of one vector.
HWY_INLINE V LoadBlocks(const float* const* rows, std::size_t q, std::size_t column) {
  const D d;
#if HWY_TARGET == HWY_AVX2
  const hn::Half<D> h;
  return hn::Combine(d, hn::LoadU(h, rows[q + 4] + column), hn::LoadU(h, rows[q] + column));
#elif HWY_MAX_BYTES == 64
  const hn::Half<D> h;
  const hn::Half<decltype(h)> q4;
  return hn::Combine(d, hn::Combine(h, hn::LoadU(q4, rows[q + 12] + column), hn::LoadU(q4, rows[q + 8] + column)),
                     hn::Combine(h, hn::LoadU(q4, rows[q + 4] + column), hn::LoadU(q4, rows[q] + column)));
#else
  static_assert(kLanes == 4);
  return hn::LoadU(d, rows[q] + column);
#endif
}

// Interleaves 64-bit pairs of two vectors within 128-bit blocks.
HWY_INLINE V PairsLower(V a, V b) {
  const hn::ScalableTag<std::uint64_t> d64;
  return hn::BitCast(D(), hn::InterleaveLower(d64, hn::BitCast(d64, a), hn::BitCast(d64, b)));
}
HWY_INLINE V PairsUpper(V a, V b) {
  const hn::ScalableTag<std::uint64_t> d64;
  return hn::BitCast(D(), hn::InterleaveUpper(d64, hn::BitCast(d64, a), hn::BitCast(d64, b)));
}

// out[c][r] = rows[r][c] for r < row_count (a multiple of kLanes) and c < columns. Writes whole vectors at
// out + c * stride (aligned); reads exactly `columns` floats of each row.
HWY_INLINE void Transpose(const float* const* rows, std::size_t row_count, std::size_t columns, float* out,
                          std::size_t stride) {
  const D d;
  for (std::size_t r = 0; r < row_count; r += kLanes, out += kLanes) {
    const float* const* group = rows + r;
    std::size_t c = 0;
    for (; c + 4 <= columns; c += 4) {
      const V a = LoadBlocks(group, 0, c), b = LoadBlocks(group, 1, c);
      const V e = LoadBlocks(group, 2, c), f = LoadBlocks(group, 3, c);
      const V ab_lower = hn::InterleaveLower(d, a, b), ab_upper = hn::InterleaveUpper(d, a, b);
      const V ef_lower = hn::InterleaveLower(d, e, f), ef_upper = hn::InterleaveUpper(d, e, f);
      hn::Store(PairsLower(ab_lower, ef_lower), d, out + (c + 0) * stride);
      hn::Store(PairsUpper(ab_lower, ef_lower), d, out + (c + 1) * stride);
      hn::Store(PairsLower(ab_upper, ef_upper), d, out + (c + 2) * stride);
      hn::Store(PairsUpper(ab_upper, ef_upper), d, out + (c + 3) * stride);
    }
    for (; c < columns; ++c)
      for (std::size_t lane = 0; lane < kLanes; ++lane) out[c * stride + lane] = group[lane][c];
  }
}

}  // namespace lathe::backend::dense::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
