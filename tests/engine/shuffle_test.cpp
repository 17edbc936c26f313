#include "lathe/engine/shuffle.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "lathe/data/dataset.h"

namespace lathe::engine {
namespace {

std::vector<std::uint32_t> shuffled(std::size_t rows, std::int64_t batch_size, std::uint64_t epoch = 0) {
  RandomStream stream(1, {epoch}, "shuffle");
  std::vector<std::uint32_t> order(rows);
  shuffle_rows(stream, batch_size, order);
  return order;
}

bool is_permutation_of_rows(std::vector<std::uint32_t> order) {
  std::sort(order.begin(), order.end());
  std::vector<std::uint32_t> rows(order.size());
  std::iota(rows.begin(), rows.end(), 0u);
  return order == rows;
}

bool made_of_blocks(const std::vector<std::uint32_t>& order) {
  for (std::size_t i = 0; i + data::kBlockRows <= order.size(); i += data::kBlockRows) {
    if (order[i] % data::kBlockRows != 0) return false;
    for (std::size_t k = 0; k < data::kBlockRows; ++k)
      if (order[i + k] != order[i] + k) return false;
  }
  return true;
}

TEST(ShuffleRows, TakesEveryRowOnce) {
  for (const std::size_t rows : {1u, 15u, 16u, 17u, 1000u, 4096u})
    for (const std::int64_t batch : {1, 8, 100, 127, 128, 512, 4096})
      EXPECT_TRUE(is_permutation_of_rows(shuffled(rows, batch))) << rows << " rows, batch " << batch;
}

TEST(ShuffleRows, MakesLargeBatchesOfBlocks) {
  for (const std::int64_t batch : {128, 144, 512}) EXPECT_TRUE(made_of_blocks(shuffled(1008, batch))) << batch;
  for (const std::int64_t batch : {8, 64, 112, 130}) EXPECT_FALSE(made_of_blocks(shuffled(1008, batch))) << batch;
}

TEST(ShuffleRows, GivesRowsOfNoWholeBlockAnyPlace) {
  constexpr std::size_t kRows = 1003, kRest = 11, kEpochs = 2000;
  std::size_t last = 0;  // how often row 1002 is among the last 11
  for (std::size_t epoch = 0; epoch < kEpochs; ++epoch) {
    const std::vector<std::uint32_t> order = shuffled(kRows, 128, epoch);
    last += std::find(order.end() - kRest, order.end(), kRows - 1) != order.end() ? 1 : 0;
  }
  EXPECT_LT(last, kEpochs / 20);  // at random 22; 2000 where it never moved
}

TEST(ShuffleRows, LeavesMostBlocksWhole) {
  const std::vector<std::uint32_t> order = shuffled(1003, 128);
  std::size_t whole = 0;
  for (std::size_t i = 0; i + data::kBlockRows <= order.size(); i += data::kBlockRows) {
    const std::vector<std::uint32_t> block(order.begin() + static_cast<std::ptrdiff_t>(i),
                                           order.begin() + static_cast<std::ptrdiff_t>(i + data::kBlockRows));
    whole += made_of_blocks(block) ? 1 : 0;
  }
  EXPECT_GE(whole, 62U - 22U);
}

TEST(ShuffleRows, OrdersEveryEpochAnew) {
  EXPECT_EQ(shuffled(1000, 128), shuffled(1000, 128));
  EXPECT_NE(shuffled(1000, 128, 0), shuffled(1000, 128, 1));
}

TEST(ShuffleRows, GivesEveryBlockEveryPlace) {
  constexpr std::size_t kBlocks = 4, kEpochs = 4000;
  std::vector<std::size_t> first(kBlocks);
  for (std::size_t epoch = 0; epoch < kEpochs; ++epoch)
    ++first[shuffled(kBlocks * data::kBlockRows, 128, epoch).front() / data::kBlockRows];
  // Standard deviation of a count: sqrt(4000 * 3 / 16) = 27.
  for (const std::size_t count : first) EXPECT_NEAR(static_cast<double>(count), 1000.0, 5 * 27.4);
}

}  // namespace
}  // namespace lathe::engine
