#pragma once

#include <string>
#include <vector>

#include "lathe/data/dataset.h"

namespace lathe::data {

/// Decides whether the channels of rows of shape `row` (two extents: a sequence; three or more: an image) come last.
/// Without a layout that was asked for, the shape decides where it leaves no doubt:
/// - images: channels come first where there are at most 4 or the other extents are equal, and last where there are 1,
///   3 or 4 or the other extents are equal; where exactly one of the two holds, that one is it.
/// - sequences: channels are the extent that is 1, or at most 16 and at most a quarter of the other one.
/// Throws DataError with `path`, which asks for `layout`, where both or none would do.
bool channels_come_last(const Shape& row, Layout asked, const std::string& path);

/// Puts the channels of rows of shape `row`, which come last, in front of the other extents; returns the new shape.
Shape move_channels_first(const Shape& row, std::vector<float>& values);

/// Says what rows of that shape are: `3 channels of 32 x 32`, `6 channels of length 100`.
std::string layout_text(const Shape& row, bool last);

}  // namespace lathe::data
