#include "lathe/data/split.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "data/scratch_folder.h"
#include "lathe/data/scaling.h"

namespace lathe::data {
namespace {

using testing::error_text;

DatasetRequest request(std::uint64_t seed = 1) { return {.name = "x", .data_dir = {}, .seed = seed}; }

std::vector<std::uint32_t> sorted(Rows rows) {
  std::sort(rows.begin(), rows.end());
  return rows;
}

TEST(SplitTrainingRows, IsDisjointAndComplete) {
  const TrainValidationRows rows = split_training_rows(1000, request(), false);
  EXPECT_EQ(rows.validation.size(), 100u);
  EXPECT_EQ(rows.train.size(), 900u);
  std::set<std::uint32_t> all(rows.train.begin(), rows.train.end());
  all.insert(rows.validation.begin(), rows.validation.end());
  EXPECT_EQ(all.size(), 1000u);
  EXPECT_EQ(*all.rbegin(), 999u);
}

TEST(SplitTrainingRows, DependsOnTheSeedAlone) {
  EXPECT_EQ(split_training_rows(1000, request(7), false).train, split_training_rows(1000, request(7), false).train);
  EXPECT_NE(split_training_rows(1000, request(7), false).validation,
            split_training_rows(1000, request(8), false).validation);
}

TEST(SplitTrainingRows, TakesExactlyTheRowsAskedFor) {
  DatasetRequest exact = request();
  exact.validation_rows = 123;
  exact.max_train_rows = 50;
  const TrainValidationRows rows = split_training_rows(1000, exact, false);
  EXPECT_EQ(rows.validation.size(), 123u);
  EXPECT_EQ(rows.train.size(), 50u);
  exact.max_train_rows = std::nullopt;
  const TrainValidationRows uncut = split_training_rows(1000, exact, false);
  EXPECT_EQ(rows.validation, uncut.validation);
  EXPECT_TRUE(std::equal(rows.train.begin(), rows.train.end(), uncut.train.begin()));
}

TEST(SplitTrainingRows, SplitsNothingOffBesideAnOwnValidationPart) {
  const TrainValidationRows rows = split_training_rows(10, request(), true);
  EXPECT_TRUE(rows.validation.empty());
  EXPECT_EQ(sorted(rows.train), (Rows{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST(SplitTrainingRows, RefusesNumbersThatLeaveNothing) {
  const auto text = [](const DatasetRequest& wanted) {
    return error_text<UserError>([&] { split_training_rows(100, wanted, false); });
  };
  DatasetRequest wanted = request();
  wanted.validation_rows = 100;
  EXPECT_EQ(text(wanted), "validation_rows: must be between 1 and 99 (there are 100 training rows); got 100");
  wanted.validation_rows = 0;
  EXPECT_EQ(text(wanted), "validation_rows: must be between 1 and 99 (there are 100 training rows); got 0");
  wanted = request();
  wanted.validation_fraction = 1.0;
  EXPECT_EQ(text(wanted), "validation_fraction: must be in (0, 1); got 1");
  wanted = request();
  wanted.max_train_rows = -3;
  EXPECT_EQ(text(wanted), "max_train_rows: must be at least 1; got -3");
}

TEST(SplitTestRows, TakesAFixedFifth) {
  const auto [train, test] = split_test_rows(101);
  EXPECT_EQ(test.size(), 21u);
  EXPECT_EQ(train.size(), 80u);
  std::set<std::uint32_t> all(train.begin(), train.end());
  all.insert(test.begin(), test.end());
  EXPECT_EQ(all.size(), 101u);
  EXPECT_EQ(split_test_rows(101).second, test);
}

TEST(Scaling, IsMeanAndPopulationDeviation) {
  Samples samples{.width = 2, .features = {1, 5, 2, 5, 6, 5}, .labels = {0, 0, 0}};
  const Scaling scaling = measure_scaling(samples.features, samples.width);
  EXPECT_DOUBLE_EQ(scaling.mean[0], 3.0);
  EXPECT_DOUBLE_EQ(scaling.deviation[0], std::sqrt(14.0 / 3.0));
  EXPECT_EQ(scaling.deviation[1], 1.0) << "a constant column is not divided by 0";
  apply_scaling(scaling, samples.features);
  EXPECT_FLOAT_EQ(samples.features[0], static_cast<float>(-2.0 / std::sqrt(14.0 / 3.0)));
  EXPECT_EQ(samples.features[1], 0.0f);
}

TEST(Scaling, TakesRoundingForConstant) {
  Samples samples{.width = 1, .features = std::vector<float>(1001, 0.1f), .labels = std::vector<std::int32_t>(1001)};
  EXPECT_EQ(measure_scaling(samples.features, samples.width).deviation[0], 1.0);
}

TEST(TakeRows, CopiesInThatOrder) {
  const Samples samples{.width = 2, .features = {1, 2, 3, 4, 5, 6}, .labels = {7, 8, 9}};
  const Samples taken = take_rows(samples, {2, 0});
  EXPECT_EQ(taken.features, (std::vector<float>{5, 6, 1, 2}));
  EXPECT_EQ(taken.labels, (std::vector<std::int32_t>{9, 7}));
}

}  // namespace
}  // namespace lathe::data
