#include <gtest/gtest.h>

#include "lathe/data/dataset.h"

namespace lathe::data {
namespace {

Samples numbered(std::int64_t rows, std::int64_t width) {
  Samples samples;
  samples.width = width;
  for (std::int64_t i = 0; i < rows * width; ++i) samples.features.push_back(static_cast<float>(i));
  samples.labels.assign(static_cast<std::size_t>(rows), 0);
  return samples;
}

TEST(ArrangeBlocks, KeepsWholeBlocksFeatureByFeature) {
  Samples samples = numbered(37, 3);
  arrange_blocks(samples);
  ASSERT_EQ(samples.blocks.size(), 2u * 3u);
  for (std::size_t row = 0; row < 32; ++row)
    for (std::size_t f = 0; f < 3; ++f)
      EXPECT_EQ(samples.blocks[row / kBlockRows * 3 + f].values[row % kBlockRows], samples.features[row * 3 + f]);
}

TEST(ArrangeBlocks, LeavesFewAndWideRowsAlone) {
  Samples few = numbered(15, 3);
  arrange_blocks(few);
  EXPECT_TRUE(few.blocks.empty());
  Samples wide = numbered(16, 513);
  arrange_blocks(wide);
  EXPECT_TRUE(wide.blocks.empty());
}

TEST(ArrangeBlocks, ReplacesWhatWasThere) {
  Samples samples = numbered(16, 1);
  arrange_blocks(samples);
  samples.features[5] = -1;
  arrange_blocks(samples);
  ASSERT_EQ(samples.blocks.size(), 1u);
  EXPECT_EQ(samples.blocks.front().values[5], -1);
}

TEST(LoadedDataSets, HaveTheirBlocks) {
  const auto jets = load_dataset({.name = "jets"});
  EXPECT_EQ(jets->train.blocks.size(),
            jets->train.labels.size() / kBlockRows * static_cast<std::size_t>(jets->train.width));
  EXPECT_EQ(jets->train.blocks.front().values[1], jets->train.features[static_cast<std::size_t>(jets->train.width)]);
}

}  // namespace
}  // namespace lathe::data
