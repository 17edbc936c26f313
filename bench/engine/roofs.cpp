#include "engine/roofs.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/roofs.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace bench::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Twelve chains of multiply-adds hide the latency of two units with up to six cycles. They start from different values,
// so that the compiler cannot merge them; factor and addend pull all of them towards one, and their sum is kept.
double RunMultiplyAdds(std::size_t rounds, float* HWY_RESTRICT sink) {
  const hn::ScalableTag<float> d;
  const auto factor = hn::Set(d, 0.9990234375f);
  const auto addend = hn::Set(d, 0.0009765625f);
  auto a = hn::Set(d, 0.1f), b = hn::Set(d, 0.2f), c = hn::Set(d, 0.3f), e = hn::Set(d, 0.4f);
  auto f = hn::Set(d, 0.5f), g = hn::Set(d, 0.6f), h = hn::Set(d, 0.7f), i = hn::Set(d, 0.8f);
  auto j = hn::Set(d, 0.9f), k = hn::Set(d, 1.1f), l = hn::Set(d, 1.2f), m = hn::Set(d, 1.3f);
  for (std::size_t round = 0; round < rounds; ++round) {
    a = hn::MulAdd(a, factor, addend);
    b = hn::MulAdd(b, factor, addend);
    c = hn::MulAdd(c, factor, addend);
    e = hn::MulAdd(e, factor, addend);
    f = hn::MulAdd(f, factor, addend);
    g = hn::MulAdd(g, factor, addend);
    h = hn::MulAdd(h, factor, addend);
    i = hn::MulAdd(i, factor, addend);
    j = hn::MulAdd(j, factor, addend);
    k = hn::MulAdd(k, factor, addend);
    l = hn::MulAdd(l, factor, addend);
    m = hn::MulAdd(m, factor, addend);
  }
  const auto total = hn::Add(hn::Add(hn::Add(a, b), hn::Add(c, e)),
                             hn::Add(hn::Add(hn::Add(f, g), hn::Add(h, i)), hn::Add(hn::Add(j, k), hn::Add(l, m))));
  *sink += hn::GetLane(hn::SumOfLanes(d, total));
  return 2.0 * 12 * static_cast<double>(rounds * hn::Lanes(d));
}

double ReadFloats(const float* HWY_RESTRICT values, std::size_t count, float* HWY_RESTRICT sink) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  auto a = hn::Zero(d), b = a, c = a, e = a;
  std::size_t i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    a = hn::Add(a, hn::LoadU(d, values + i));
    b = hn::Add(b, hn::LoadU(d, values + i + lanes));
    c = hn::Add(c, hn::LoadU(d, values + i + 2 * lanes));
    e = hn::Add(e, hn::LoadU(d, values + i + 3 * lanes));
  }
  *sink += hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(a, b), hn::Add(c, e))));
  return static_cast<double>(i * sizeof(float));
}

const char* TargetName() { return hwy::TargetName(HWY_TARGET); }

}  // namespace bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bench {
namespace {
HWY_EXPORT(RunMultiplyAdds);
HWY_EXPORT(ReadFloats);
HWY_EXPORT(TargetName);
float sink = 0;
}  // namespace

double multiply_add(std::size_t rounds) { return HWY_DYNAMIC_DISPATCH(RunMultiplyAdds)(rounds, &sink); }

double read_floats(std::span<const float> values) {
  return HWY_DYNAMIC_DISPATCH(ReadFloats)(values.data(), values.size(), &sink);
}

std::string simd_target() { return HWY_DYNAMIC_DISPATCH(TargetName)(); }

}  // namespace bench
#endif
