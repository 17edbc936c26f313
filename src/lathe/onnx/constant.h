#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lathe/base/shape.h"
#include "lathe/onnx/document.h"
#include "lathe/quant/format.h"

namespace lathe::onnx {

struct Constant;
using ConstantPtr = std::shared_ptr<const Constant>;

/// Holds a value of an ONNX graph that is known before any data: an initializer, or what nodes make of constants.
/// Integers may be multiples of the batch size, as in the shapes that PyTorch computes.
struct Constant {
  std::string name;    ///< of the initializer that it is or rearranges; empty: computed
  std::string source;  ///< the value of the file that the numbers come from: a matrix and its transposition have one
  Shape shape;
  ElementType type = ElementType::kFloat;  ///< as stored, for zero points
  bool floating = true;
  std::vector<float> floats;           ///< when floating
  std::vector<std::int64_t> integers;  ///< otherwise; booleans are 0 and 1
  std::vector<bool> times_batch;       ///< [integers] true: a multiple of the batch size; empty: none is
  std::optional<quant::Format> format = std::nullopt;  ///< the number format that a Quant node gave it
  ConstantPtr table = nullptr;                         ///< the table whose first rows these are (position embedding)

  std::size_t size() const { return floating ? floats.size() : integers.size(); }
  bool depends_on_batch(std::size_t index) const { return !times_batch.empty() && times_batch[index]; }
};

/// Makes a constant of a tensor of the file; its values are moved.
ConstantPtr make_constant(Tensor tensor);
/// Makes a list of integers, `[values.size()]`.
ConstantPtr make_integers(std::vector<std::int64_t> values, std::vector<bool> times_batch = {});

/// Returns the only value of a constant; nullopt for null, for longer ones and for multiples of the batch size.
std::optional<double> scalar(const ConstantPtr& constant);
/// Returns the integers of a constant. Throws DataError naming `what` when it holds floats or multiples of the batch.
std::vector<std::int64_t> integer_list(const Constant& constant, const std::string& what);

/// Returns the shape that two shapes broadcast to by ONNX's rule. Throws DataError.
Shape broadcast(const Shape& a, const Shape& b);
/// Returns the dimension that `axis` (negative: from the end) names. Throws DataError.
std::size_t axis_index(std::int64_t axis, std::size_t rank);

/// Marks the dimensions that `axes` name, [rank]. Throws DataError for impossible ones and those named twice.
std::vector<bool> marked_axes(const std::vector<std::int64_t>& axes, std::size_t rank);

/// Computes a node of which all inputs are constants (null where left out). Null for ops that are not computed here.
/// Throws DataError for impossible nodes and for results above 2^24 values that are larger than their inputs, before
/// memory is taken.
ConstantPtr fold(const OnnxNode& node, std::span<const ConstantPtr> inputs);

}  // namespace lathe::onnx
