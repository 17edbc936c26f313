#include "lathe/backend/onednn/rows.h"

#include <algorithm>

#include "lathe/backend/onednn/threads.h"

namespace lathe::backend::onednn {

void sum_rows(const float* values, std::size_t rows, std::size_t width, bool fresh, float* sums) {
  in_parallel(width, 64, [=](std::size_t begin, std::size_t end) {
    if (fresh) std::fill(sums + begin, sums + end, 0.0f);
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t i = begin; i < end; ++i) sums[i] += values[row * width + i];
  });
}

}  // namespace lathe::backend::onednn
