#pragma once

#include <span>
#include <string>

#include "lathe/ir/op.h"

/// What the ops that slide a window over positions share: convolutions and pools over one or two dimensions.
namespace lathe::ir::ops {

/// Says how a window moves along every dimension of the positions.
struct Window {
  Shape kernel, stride, padding, dilation;
  bool ceil_mode = false;
};

/// Checks that a value is `[channels, positions...]` with `dimensions` positions. Throws UserError naming the op.
void check_channels_first(const std::string& op, std::size_t dimensions, const Shape& input);

/// Checks an attribute's integers against the least that makes sense. Throws UserError.
void check_at_least(const char* attribute, const Shape& values, std::int64_t least);

/// Returns `[channels, positions...]` of what the window gives: PyTorch's rule, with ceil_mode also its rule that no
/// window starts in the padding behind the last value. Throws UserError when the window fits nowhere.
Shape window_shape(const Window& window, std::int64_t channels, const Shape& input);

/// Prints a tuple as Python does: `(3, 3)`, `(3,)`.
std::string python_tuple(const Shape& values);
/// Prints `3` when all values are equal, a tuple otherwise.
std::string python_size(const Shape& values);

}  // namespace lathe::ir::ops
