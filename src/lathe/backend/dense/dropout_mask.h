#pragma once

#include <cstddef>
#include <cstdint>

#include "lathe/backend/dense/program.h"

namespace lathe::backend::dense {

/// Writes the dropout factors of samples [first, first + count) of a batch: `mask` is [width, kTile] feature-major; the
/// places of absent samples become 0. The formula is that of engine/dropout.h.
void fill_dropout_mask(const Stage& stage, std::uint64_t seed, std::size_t first, std::size_t count, float* mask);

}  // namespace lathe::backend::dense
