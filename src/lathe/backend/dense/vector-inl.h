// Vector types of the target being compiled. Included once per target.
#if defined(LATHE_DENSE_VECTOR_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LATHE_DENSE_VECTOR_INL_H
#undef LATHE_DENSE_VECTOR_INL_H
#else
#define LATHE_DENSE_VECTOR_INL_H
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "lathe/backend/dense/program.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::backend::dense::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using DI = hn::ScalableTag<std::int32_t>;
using V = hn::Vec<D>;
using VI = hn::Vec<DI>;
using M = hn::Mask<D>;

// Floats in a vector: at least 4 (emulated where there is no SIMD), a power of two, at most kTile.
inline constexpr std::size_t kLanes = HWY_LANES(float);
static_assert(kLanes >= 4 && kLanes <= kTile);

// One tile of a call.
struct Tile {
  std::size_t index = 0;
  std::size_t first = 0;    // position of its first sample in the call
  std::size_t count = 0;    // samples
  std::size_t vectors = 0;  // vectors that hold them
};

HWY_INLINE Tile MakeTile(std::size_t index, std::size_t rows) {
  Tile tile;
  tile.index = index;
  tile.first = index * kTile;
  tile.count = rows - tile.first < kTile ? rows - tile.first : kTile;
  tile.vectors = (tile.count + kLanes - 1) / kLanes;
  return tile;
}

HWY_INLINE std::size_t TileCount(std::size_t rows) { return (rows + kTile - 1) / kTile; }

// The lanes of vector `v` that hold samples.
HWY_INLINE M Alive(const Tile& tile, std::size_t v) {
  const D d;
  const std::size_t begin = v * kLanes;
  const std::size_t left = tile.count > begin ? tile.count - begin : 0;
  return hn::FirstN(d, left < kLanes ? left : kLanes);
}

// The larger and the smaller of a bound and x; NaN in x stays NaN, and of two zeros x is returned: the sign of x is the
// mask of a ReLU. (x86 returns the second operand for NaN and for two zeros.)
HWY_INLINE V AtLeast(V bound, V x) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128
  return hn::Max(bound, x);
#else
  return hn::IfThenElse(hn::Lt(x, bound), bound, x);
#endif
}
HWY_INLINE V AtMost(V bound, V x) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128
  return hn::Min(bound, x);
#else
  return hn::IfThenElse(hn::Lt(bound, x), bound, x);
#endif
}

HWY_INLINE float Sum(V v) {
  const D d;
  return hn::GetLane(hn::SumOfLanes(d, v));
}

HWY_INLINE float* At(const Program& program, const Memory& memory, const Slot& slot, std::size_t tile) {
  return slot.per_tile ? memory.tiles + tile * program.tile_floats + slot.offset : memory.scratch + slot.offset;
}

HWY_INLINE float* GradientAt(const Program& program, const Memory& memory, const Slot& slot, std::size_t tile) {
  return slot.per_tile ? memory.tiles + tile * program.tile_floats + slot.offset : memory.gradient + slot.offset;
}

}  // namespace lathe::backend::dense::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
