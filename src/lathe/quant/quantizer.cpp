#include "lathe/quant/quantizer.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <type_traits>

#include "lathe/base/check.h"

namespace lathe::quant {
namespace {

constexpr std::size_t kLanes = 16;
constexpr std::size_t kLast = kMostDimensions - 1;
constexpr double kLowestExponent = -127;

/// Holds values that are computed side by side.
template <typename T>
struct Lanes {
  std::array<T, kLanes> values;
};

template <typename T, class Function>
Lanes<T> map(const Function& function) {
  Lanes<T> result;
  for (std::size_t i = 0; i < kLanes; ++i) result.values[i] = function(i);
  return result;
}

template <typename T>
T exponent_of(T value) {
  if (value == T(0)) return T(kLowestExponent);
  return std::max(std::logb(value), T(kLowestExponent));
}

template <typename T>
T power_of_two(T exponent) {
  return std::ldexp(T(1), static_cast<int>(exponent));
}

/// Computes formulas on CPUs without vector instructions of their own.
template <typename T>
struct LaneOperations {
  using Value = Lanes<T>;
  using V = const Value&;

  Value constant(double number, float single) const {
    return map<T>([&](std::size_t) { return std::is_same_v<T, float> ? T(single) : T(number); });
  }
  Value add(V a, V b) const {
    return map<T>([&](std::size_t i) { return a.values[i] + b.values[i]; });
  }
  Value subtract(V a, V b) const {
    return map<T>([&](std::size_t i) { return a.values[i] - b.values[i]; });
  }
  Value multiply(V a, V b) const {
    return map<T>([&](std::size_t i) { return a.values[i] * b.values[i]; });
  }
  Value divide(V a, V b) const {
    return map<T>([&](std::size_t i) { return a.values[i] / b.values[i]; });
  }
  Value absolute(V a) const {
    return map<T>([&](std::size_t i) { return std::fabs(a.values[i]); });
  }
  Value round(V a) const {
    return map<T>([&](std::size_t i) { return std::nearbyint(a.values[i]); });
  }
  Value floor(V a) const {
    return map<T>([&](std::size_t i) { return std::floor(a.values[i]); });
  }
  Value exponent(V a) const {
    return map<T>([&](std::size_t i) { return exponent_of(a.values[i]); });
  }
  /// In two halves, whose powers of two are numbers: as vectors and tensors do it.
  Value scale(V a, V b) const {
    return map<T>([&](std::size_t i) {
      const T half = std::floor(b.values[i] * T(0.5));
      return a.values[i] * power_of_two(half) * power_of_two(b.values[i] - half);
    });
  }
  Value select_less(V a, V b, V c, V d) const {
    return map<T>([&](std::size_t i) { return a.values[i] < b.values[i] ? c.values[i] : d.values[i]; });
  }
};

using Index = std::array<std::int64_t, kMostDimensions>;

/// Moves on to the next index in row-major order, in steps; false behind the last. The last dimension stands still
/// where `rows_only`.
bool advance(Index& index, const Index& first, const Index& end, const Index& step, bool rows_only) {
  for (std::size_t i = rows_only ? kLast : kMostDimensions; i-- > 0;) {
    if ((index[i] += step[i]) < end[i]) return true;
    index[i] = first[i];
  }
  return false;
}

template <typename T>
std::int64_t offset_of(const TensorView<T>& view, const Index& index) {
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < kMostDimensions; ++i) offset += index[i] * view.strides[i];
  return offset;
}

constexpr Index kOnes = {1, 1, 1, 1, 1, 1};

/// Returns the extents of a block, batch dimensions included.
template <typename T>
Index block_extents(const TensorView<T>& view, const Granularity& granularity) {
  Index extents = kOnes;
  for (std::size_t i = kMostDimensions - view.rank; i < kMostDimensions; ++i) extents[i] = view.shape[i];
  if (granularity.kind != Granularity::Kind::kBlock) return extents;
  const Shape& block = granularity.block;
  for (std::size_t i = 0; i < kMostDimensions; ++i) {
    const std::size_t from_end = kMostDimensions - 1 - i;
    extents[i] = from_end < block.size() ? std::min(block[block.size() - 1 - from_end], view.shape[i]) : 1;
  }
  return extents;
}

/// Calls `visit(first, end)` for every block of a tensor.
template <typename T, class Visit>
void for_each_block(const TensorView<T>& view, const Index& extents, const Visit& visit) {
  for (const std::int64_t extent : view.shape)
    if (extent == 0) return;
  Index first{};
  do {
    Index end;
    for (std::size_t i = 0; i < kMostDimensions; ++i) end[i] = std::min(first[i] + extents[i], view.shape[i]);
    visit(first, end);
  } while (advance(first, Index{}, view.shape, extents, false));
}

/// Calls `visit(index)` for the beginning of every row of a block, along the last dimension.
template <class Visit>
void for_each_row(const Index& first, const Index& end, const Visit& visit) {
  Index index = first;
  do visit(index);
  while (advance(index, first, end, kOnes, true));
}

template <typename T>
T largest_magnitude(const TensorView<const T>& x, const Index& first, const Index& end) {
  T largest = 0;
  for_each_row(first, end, [&](const Index& row) {
    const T* values = x.data + offset_of(x, row);
    for (std::int64_t i = 0; i < end[kLast] - first[kLast]; ++i)
      largest = std::max(largest, std::fabs(values[i * x.strides[kLast]]));
  });
  return largest;
}

template <typename T>
Lanes<T> load(const T* from, std::int64_t stride, std::size_t count) {
  return map<T>([&](std::size_t i) { return i < count ? from[static_cast<std::int64_t>(i) * stride] : T(0); });
}

template <typename T>
void store(const Lanes<T>& values, T* to, std::int64_t stride, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) to[static_cast<std::int64_t>(i) * stride] = values.values[i];
}

/// Runs a formula over a tensor.
template <typename T>
class Sweep {
 public:
  Sweep(const Arithmetic& arithmetic, const Formula& formula, const TensorView<const T>& x)
      : arithmetic_(arithmetic), formula_(formula), x_(x), axis_(kMostDimensions - x.rank) {
    if (arithmetic.granularity.kind == Granularity::Kind::kChannel)
      axis_ += static_cast<std::size_t>(arithmetic.granularity.axis);
  }

  /// Hands the formula's results to `use(index of the first, results, how many)`.
  template <class Use>
  void run(const Use& use) {
    const bool reads_maximum = formula_.reads(Operation::kBlockMaximum);
    for_each_block(x_, block_extents(x_, arithmetic_.granularity), [&](const Index& first, const Index& end) {
      const T maximum = reads_maximum ? largest_magnitude(x_, first, end) : T(0);
      arguments_.block_maximum = map<T>([&](std::size_t) { return maximum; });
      for_each_row(first, end, [&](const Index& row) { run_row(row, end[kLast], use); });
    });
  }

 private:
  template <class Use>
  void run_row(Index index, std::int64_t end, const Use& use) {
    for (; index[kLast] < end; index[kLast] += static_cast<std::int64_t>(kLanes)) {
      const auto count = std::min(kLanes, static_cast<std::size_t>(end - index[kLast]));
      arguments_.value = load(x_.data + offset_of(x_, index), x_.strides[kLast], count);
      load_constants(index, count);
      use(index, formula_.run(LaneOperations<T>(), arguments_), count);
    }
  }

  void load_constants(const Index& index, std::size_t count) {
    for (std::size_t k = 0; k < arithmetic_.channel_constants.size(); ++k) {
      const std::vector<double>& numbers = arithmetic_.channel_constants[k];
      arguments_.channel[k] = map<T>([&](std::size_t lane) {
        if (numbers.size() == 1) return static_cast<T>(numbers[0]);
        const auto moved = axis_ == kLast ? std::min(lane, count - 1) : 0;
        return static_cast<T>(numbers[static_cast<std::size_t>(index[axis_]) + moved]);
      });
    }
  }

  const Arithmetic& arithmetic_;
  const Formula& formula_;
  const TensorView<const T>& x_;
  std::size_t axis_;
  Arguments<Lanes<T>> arguments_{};
};

template <typename T>
void write_values(const Arithmetic& arithmetic, const TensorView<const T>& x, const TensorView<T>& y) {
  LATHE_CHECK(x.shape == y.shape && x.rank == y.rank, "a tensor is quantised into one of another shape");
  Sweep<T>(arithmetic, arithmetic.value, x).run([&](const Index& index, const Lanes<T>& values, std::size_t count) {
    store(values, y.data + offset_of(y, index), y.strides[kLast], count);
  });
}

template <typename T>
void multiply_by_slope(const Arithmetic& arithmetic, const TensorView<const T>& x, const TensorView<T>& gradient) {
  if (arithmetic.rule == GradientRule::kStraightThrough) return;
  Sweep<T>(arithmetic, arithmetic.slope, x).run([&](const Index& index, const Lanes<T>& slope, std::size_t count) {
    T* values = gradient.data + offset_of(gradient, index);
    for (std::size_t i = 0; i < count; ++i)
      values[static_cast<std::int64_t>(i) * gradient.strides[kLast]] *= slope.values[i];
  });
}

/// The slope of a quantiser that passes gradients within its range alone.
Formula within_range(const std::pair<double, double>& range) {
  return record([&](const auto& op, const auto& arguments) {
    const auto zero = op.constant(0), one = op.constant(1);
    const auto not_above = op.select_less(op.constant(range.second), arguments.value, zero, one);
    return op.select_less(arguments.value, op.constant(range.first), zero, not_above);
  });
}

}  // namespace

Quantizer::Quantizer(Arithmetic arithmetic) : arithmetic_(std::move(arithmetic)) {
  if (arithmetic_.rule == GradientRule::kWithinRange) arithmetic_.slope = within_range(arithmetic_.range);
  LATHE_CHECK(!arithmetic_.value.empty() && arithmetic_.channel_constants.size() <= kMostChannelConstants,
              "a number format without a formula, or with more than {} channel constants", kMostChannelConstants);
  LATHE_CHECK(!changes_gradients() || !arithmetic_.slope.empty(), "a number format without the slope that it names");
}

void Quantizer::quantize(const TensorView<const float>& x, const TensorView<float>& y) const {
  write_values(arithmetic_, x, y);
}
void Quantizer::quantize(const TensorView<const double>& x, const TensorView<double>& y) const {
  write_values(arithmetic_, x, y);
}
void Quantizer::pass_gradient(const TensorView<const float>& x, const TensorView<float>& gradient) const {
  multiply_by_slope(arithmetic_, x, gradient);
}
void Quantizer::pass_gradient(const TensorView<const double>& x, const TensorView<double>& gradient) const {
  multiply_by_slope(arithmetic_, x, gradient);
}

std::unique_ptr<const Quantizer> make_quantizer(const Format& format) {
  return std::make_unique<const Quantizer>(format_kind(format.kind).arithmetic(format));
}

}  // namespace lathe::quant
