// Register-blocked products of the three kinds that a linear layer needs, and the transpositions between them.
#if defined(LATHE_DENSE_LINEAR_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LATHE_DENSE_LINEAR_INL_H
#undef LATHE_DENSE_LINEAR_INL_H
#else
#define LATHE_DENSE_LINEAR_INL_H
#endif

#include <type_traits>

#include "lathe/backend/dense/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::backend::dense::HWY_NAMESPACE {

// The constants of what is done to sums on their way out. They lie in memory, where stores through float pointers may
// change them for all the compiler knows: kept in registers across the loops, they would push sums out of the
// registers.
struct FinishConstants {
  HWY_ALIGN float zero[kLanes], closed[kLanes], scale[kLanes], inverse[kLanes], low[kLanes], high[kLanes];

  HWY_INLINE explicit FinishConstants(const quant::IntegerScale& q) {
    const D d;
    hn::Store(hn::Zero(d), d, zero);
    hn::Store(hn::Set(d, -0.0f), d, closed);
    hn::Store(hn::Set(d, q.scale), d, scale);
    hn::Store(hn::Set(d, q.inverse), d, inverse);
    hn::Store(hn::Set(d, q.low), d, low);
    hn::Store(hn::Set(d, q.high), d, high);
  }

  // As math-inl.h has them.
  HWY_INLINE V Relu(V x) const {
    const D d;
    return hn::IfThenElse(hn::Le(x, hn::Load(d, zero)), hn::Load(d, closed), x);
  }
  HWY_INLINE V Quantize(V x) const {
    const D d;
    return FixedPoint(x, hn::Load(d, scale), hn::Load(d, inverse), hn::Load(d, low), hn::Load(d, high));
  }
  HWY_INLINE V PassWhereOpen(V y, V gradient) const { return hn::IfNegativeThenElse(y, hn::Load(D(), zero), gradient); }
};

// y[r] = bias[r] + sum over k of w[r * row_stride + k * depth_stride] * x[k], for feature-major tiles x and y. The sum
// runs over k in order whatever the blocking is. On its way out y passes the ReLU, then the quantiser, then the mask:
// it is 0 where the ReLU whose output `mask` is (laid out as y) was closed.
struct Product {
  const float* w;
  std::size_t row_stride, depth_stride;
  const float* bias;  // null: none
  const float* x;
  std::size_t depth;
  float* y;
  bool relu, quantizes;
  const float* mask;  // null: none
  const FinishConstants* finish;
};

template <std::size_t R, std::size_t C, class Change>
HWY_INLINE void ChangeSums(V (&sum)[R][C], const Change& change) {
  HWY_UNROLL(8)
  for (std::size_t r = 0; r < R; ++r) {
    HWY_UNROLL(8)
    for (std::size_t c = 0; c < C; ++c) sum[r][c] = change(sum[r][c], r * kTile + c * kLanes);
  }
}

template <std::size_t R, std::size_t C>
HWY_INLINE void FinishBlock(const Product& p, std::size_t offset, V (&sum)[R][C]) {
  const D d;
  const FinishConstants& finish = *p.finish;
  if (p.relu) ChangeSums(sum, [&](V v, std::size_t) HWY_ATTR { return finish.Relu(v); });
  if (p.quantizes) ChangeSums(sum, [&](V v, std::size_t) HWY_ATTR { return finish.Quantize(v); });
  if (p.mask != nullptr) {
    const float* mask = p.mask + offset;
    ChangeSums(sum, [&](V v, std::size_t at) HWY_ATTR { return finish.PassWhereOpen(hn::Load(d, mask + at), v); });
  }
  float* y = p.y + offset;
  HWY_UNROLL(8)
  for (std::size_t r = 0; r < R; ++r) {
    HWY_UNROLL(8)
    for (std::size_t c = 0; c < C; ++c) hn::Store(sum[r][c], d, y + r * kTile + c * kLanes);
  }
}

template <std::size_t R, std::size_t C>
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
  FinishBlock(p, row * kTile + column * kLanes, sum);
}

// Rows of a block of C columns: enough sums to hide the latency of a multiply-add, few enough to stay in 16 registers.
template <std::size_t C>
inline constexpr std::size_t kBlockRows = C == 1   ? 8
                                          : C == 2 ? 6
                                                   : 4;

// Calls block(std::integral_constant<R>, row) for blocks that cover `rows` rows. The blocks differ by one row at most:
// a block of one or two rows would wait for its own multiply-adds.
template <std::size_t kMost, class Block>
HWY_INLINE void ForBlocks(std::size_t rows, const Block& block) {
  std::size_t left = (rows + kMost - 1) / kMost;
  for (std::size_t row = 0; row < rows; --left) {
    const std::size_t size = (rows - row + left - 1) / left;
    switch (size) {
      case 1: block(std::integral_constant<std::size_t, 1>(), row); break;
      case 2: block(std::integral_constant<std::size_t, 2>(), row); break;
      case 3: block(std::integral_constant<std::size_t, 3>(), row); break;
      case 4: block(std::integral_constant<std::size_t, 4>(), row); break;
      default:
        if constexpr (kMost >= 5) {
          if (size == 5) block(std::integral_constant<std::size_t, 5>(), row);
        }
        if constexpr (kMost >= 6) {
          if (size == 6) block(std::integral_constant<std::size_t, 6>(), row);
        }
        if constexpr (kMost >= 8) {
          if (size == 7) block(std::integral_constant<std::size_t, 7>(), row);
          if (size == 8) block(std::integral_constant<std::size_t, 8>(), row);
        }
    }
    row += size;
  }
}

template <std::size_t C>
HWY_INLINE void ProductColumns(const Product& p, std::size_t rows, std::size_t column) {
  ForBlocks<kBlockRows<C>>(rows, [&](auto size, std::size_t row) HWY_ATTR { ProductBlock<size(), C>(p, row, column); });
}

HWY_NOINLINE void Multiply(const Product& p, std::size_t rows, std::size_t vectors) {
  std::size_t column = 0;
  for (; column + 2 <= vectors; column += 2) ProductColumns<2>(p, rows, column);
  if (column < vectors) ProductColumns<1>(p, rows, column);
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
  ForBlocks<kBlockRows<C>>(rows, [&](auto size, std::size_t row) HWY_ATTR { OuterBlock<size(), C>(p, row, column); });
}

// Three vectors in one go rather than two and a lone one, which loads almost a vector per multiply-add.
HWY_NOINLINE void AddOuterSums(const OuterSum& p, std::size_t rows) {
  const std::size_t vectors = p.stride / kLanes;
  std::size_t column = 0;
  for (; column + 2 <= vectors && column + 3 != vectors; column += 2) OuterColumns<2>(p, rows, column);
  if (column + 3 == vectors)
    OuterColumns<3>(p, rows, column);
  else if (column < vectors)
    OuterColumns<1>(p, rows, column);
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
