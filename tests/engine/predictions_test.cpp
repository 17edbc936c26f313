// What all sessions share of an evaluation, added up by hand.
#include "lathe/engine/predictions.h"

#include <gtest/gtest.h>

#include "engine/fake_session.h"
#include "lathe/base/error.h"

namespace lathe::engine {
namespace {

const LossSettings kRegression{.name = "mean_squared_error"};

data::Samples targets_of_three() {
  data::Samples samples = small_samples(3);
  samples.labels.clear();
  samples.outputs = 3;
  samples.targets = {1, 2, 3, 1, 4, 3, 1, 6, 6};
  return samples;
}

TEST(Predictions, KnowTheirShapeAndWhatTheyAreComparedWith) {
  const Predictions classes(small_graph(false), {});
  EXPECT_FALSE(classes.regression());
  EXPECT_EQ(classes.outputs(), 3u);
  EXPECT_EQ(classes.positions(), 1u);
  EXPECT_EQ(classes.truth(small_samples(5), 4, 0).label, 1u);  // labels 0 1 2 0 1
  const data::Samples samples = targets_of_three();
  const Predictions values(small_graph(false), kRegression);
  EXPECT_TRUE(values.regression());
  const std::span<const float> targets = values.truth(samples, 1, 0).targets;
  EXPECT_EQ(std::vector<float>(targets.begin(), targets.end()), (std::vector<float>{1, 4, 3}));
}

TEST(Predictions, RefuseRowsOfAnotherTaskAndLabelsOfNoClass) {
  const Predictions classes(small_graph(false), {}), values(small_graph(false), kRegression);
  EXPECT_NO_THROW(classes.check(small_samples(3)));
  EXPECT_NO_THROW(values.check(targets_of_three()));
  EXPECT_THROW(classes.check(targets_of_three()), InternalError);
  EXPECT_THROW(values.check(small_samples(3)), InternalError);
  EXPECT_THROW(Predictions(small_graph(false), {.class_weights = {1, 2}}).check(small_samples(3)), InternalError);
  data::Samples samples = small_samples(3);
  samples.positions = 3;
  EXPECT_THROW(classes.check(samples), InternalError);
  samples = small_samples(3);
  for (const std::int32_t label : {-1, 3}) {
    samples.labels[2] = label;
    EXPECT_THROW(classes.truth(samples, 2, 0), DataError) << label;
  }
  EXPECT_NO_THROW(check_range(samples, 1, 2));
  for (const auto& [first, count] : std::vector<std::pair<std::int64_t, std::int64_t>>{{-1, 2}, {1, 3}, {1, -1}})
    EXPECT_THROW(check_range(samples, first, count), InternalError) << first << " + " << count;
}

TEST(Predictions, ABatchCountsTheFirstOfEqualOutputs) {
  const Predictions classes(small_graph(false), {});
  BatchResult result;
  const std::vector<float> outputs = {1, 2, 2};
  classes.add({.label = 1}, std::span(outputs), 0.5, result);
  classes.add({.label = 2}, std::span(outputs), 0.25, result);
  EXPECT_EQ(result.loss_sum, 0.75);
  EXPECT_EQ(result.correct, 1);
}

TEST(EvaluationTally, CountsClasses) {
  const data::Samples samples = small_samples(4);
  const Predictions classes(small_graph(false), {.class_weights = {1, 10, 100}});
  EvaluationTally tally(classes, samples, 0, 3);
  const std::vector<std::vector<double>> outputs = {{5, 1, 1}, {3, 1, 2}, {0, 0, 1}};  // labels 0 1 2
  for (std::size_t row = 0; row < outputs.size(); ++row)
    tally.add(classes.truth(samples, row, 0), std::span<const double>(outputs[row]), 2.0);
  const EvaluationResult result = tally.finish();
  EXPECT_EQ(result.loss_sum, 6);
  EXPECT_EQ(result.rows, 3);
  EXPECT_EQ(result.correct, 2);
  EXPECT_EQ(result.class_rows, (std::vector<std::int64_t>{1, 1, 1}));
  EXPECT_EQ(result.class_correct, (std::vector<std::int64_t>{1, 0, 1}));
  EXPECT_EQ(result.class_predicted, (std::vector<std::int64_t>{2, 0, 1}));
  EXPECT_EQ(result.weight, 111);
  EXPECT_FALSE(result.regression());
}

TEST(EvaluationTally, SumsErrorsPerOutput) {
  const data::Samples samples = targets_of_three();
  const Predictions values(small_graph(false), kRegression);
  EvaluationTally tally(values, samples, 1, 2);
  const std::vector<float> outputs = {0, 4, 5};
  for (const std::size_t row : {1u, 2u}) tally.add(values.truth(samples, row, 0), std::span(outputs), 1.0);
  const EvaluationResult result = tally.finish();
  EXPECT_EQ(result.loss_sum, 2);
  EXPECT_EQ(result.rows, 2);
  EXPECT_EQ(result.squared_errors, (std::vector<double>{2, 4, 5}));
  EXPECT_EQ(result.absolute_errors, (std::vector<double>{2, 2, 3}));
  EXPECT_EQ(result.target_squares, (std::vector<double>{0, 2, 4.5}));
  EXPECT_TRUE(result.class_rows.empty());
  EXPECT_EQ(result.weight, std::nullopt);
}

}  // namespace
}  // namespace lathe::engine
