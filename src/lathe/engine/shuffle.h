#pragma once

#include <cstdint>
#include <span>

#include "lathe/base/random.h"

namespace lathe::engine {

/// Tells whether batches are made of blocks: a multiple of data::kBlockRows rows and at least eight blocks.
bool shuffles_blocks(std::int64_t batch_size);

/// Fills `order` with the rows of an epoch, 0 .. order.size() - 1, at random. Where shuffles_blocks: whole blocks in
/// random order, so that a back end loads a batch block by block instead of row by row; the up to 15 rows that fill no
/// block change places with random others. Expects rows in random order, as data sets hold them: then a batch is a
/// random set of rows either way; most rows of a block stay together from epoch to epoch. Other batch sizes: a
/// uniformly random permutation of the rows.
void shuffle_rows(RandomStream& stream, std::int64_t batch_size, std::span<std::uint32_t> order);

}  // namespace lathe::engine
