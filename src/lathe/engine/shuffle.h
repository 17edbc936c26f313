#pragma once

#include <cstdint>
#include <span>

#include "lathe/base/random.h"

namespace lathe::engine {

/// Fills `order` with the rows of an epoch, 0 .. order.size() - 1, at random. Batches of at least eight whole blocks of
/// data::kBlockRows rows (batch_size a multiple of the block and at least eight of it) are made of blocks: whole blocks
/// in random order, the rows that fill no block last. A back end then loads a batch block by block instead of row by
/// row. Since data sets hold their training rows in random order, a batch is a random set of rows either way; rows of
/// one block stay together from epoch to epoch. Other batch sizes: a uniformly random permutation of the rows.
void shuffle_rows(RandomStream& stream, std::int64_t batch_size, std::span<std::uint32_t> order);

}  // namespace lathe::engine
