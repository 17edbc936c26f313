#pragma once

#include <span>
#include <vector>

#include "lathe/onnx/constant.h"

/// What computed constants are made of, for fold.cpp (which rearranges values) and fold_elementwise.cpp (which computes
/// with them).
namespace lathe::onnx {

using Inputs = std::span<const ConstantPtr>;

inline constexpr std::size_t kMaximumFolded = std::size_t{1} << 24;  ///< values that no input had
inline constexpr std::size_t kMaximumExtent = std::size_t{1} << 40;  ///< of all dimensions together

[[noreturn]] void refuse_size(const Shape& shape);

/// Multiplies the extents; refuses negative ones, what is larger than `most` values, and what would be without an
/// extent of 0. Throws DataError.
std::size_t checked_count(const Shape& shape, std::size_t most);
/// The same; as many values as `source` has are never too many.
std::size_t checked_count(const Shape& shape, const Constant& source);

/// Makes a constant without values of the kind of `source`; `same_values`: it will hold those, rearranged.
Constant like(const Constant& source, Shape shape, bool same_values);
ConstantPtr share(Constant constant);
/// Makes a constant of `source`'s values at flat positions, [element_count(shape)].
Constant picked(const Constant& source, Shape shape, const std::vector<std::size_t>& positions, bool same_values);
/// Makes a constant of the same values in another shape.
ConstantPtr reshaped(const ConstantPtr& source, Shape shape);

/// Returns the strides of a row-major shape.
std::vector<std::size_t> strides_of(const Shape& shape);
std::vector<std::int64_t> signed_strides(const Shape& shape);
/// Lists, for every position of `shape` in row-major order, offset + sum of coordinate x stride.
std::vector<std::size_t> strided_positions(const Shape& shape, const std::vector<std::int64_t>& strides,
                                           std::int64_t offset, std::size_t count);
/// Lists where the values of a broadcast constant come from.
std::vector<std::size_t> broadcast_positions(const Shape& from, const Shape& to, std::size_t count);

/// Rounds towards zero. Throws DataError beyond 64 bits.
std::int64_t whole_number(double value);
double value_at(const Constant& constant, std::size_t index);
[[noreturn]] void refuse_batch();

/// Returns how many operands the formula of an op has; 0 where the op has none.
std::size_t formula_operands(const std::string& op);
/// Computes a node whose op has a formula, operands broadcast.
ConstantPtr fold_formula(const OnnxNode& node, Inputs inputs);
ConstantPtr fold_cast(const OnnxNode& node, Inputs inputs);
ConstantPtr fold_where(const OnnxNode& node, Inputs inputs);

}  // namespace lathe::onnx
