#pragma once

#include <cstddef>

namespace lathe::backend::onednn {

/// Adds up the rows of row-major values [rows, width] into `sums` [width], from the first to the last; `fresh`: the
/// sums begin at 0. Columns are shared out among the threads: the result does not depend on their number.
void sum_rows(const float* values, std::size_t rows, std::size_t width, bool fresh, float* sums);

}  // namespace lathe::backend::onednn
