#include "lathe/engine/loss.h"

#include <gtest/gtest.h>

#include "engine/fake_session.h"
#include "lathe/base/error.h"
#include "lathe/engine/loss_options.h"
#include "lathe/engine/train.h"

namespace lathe::engine {
namespace {

using data::Task;

std::string message_of(const LossSettings& loss, Task task) {
  const auto problem = find_problem(loss, task);
  return problem ? problem->key + ": " + problem->message : "";
}

TEST(Loss, DeclarationsHaveNamesOfTheirOwn) {
  std::vector<std::string> seen;
  for (const LossDeclaration& declaration : loss_declarations()) {
    std::vector<std::string> names = declaration.aliases;
    names.push_back(declaration.name);
    for (const std::string& name : names) {
      EXPECT_EQ(std::count(seen.begin(), seen.end(), name), 0) << name;
      EXPECT_EQ(find_loss(name), &declaration);
      seen.push_back(name);
    }
    EXPECT_FALSE(declaration.description.empty());
  }
  EXPECT_EQ(find_loss("hinge"), nullptr);
}

TEST(Loss, OptionsOfDeclarationsAreDeclared) {
  for (const LossDeclaration& declaration : loss_declarations())
    for (const std::string& option : declaration.options) EXPECT_EQ(loss_option(option).name, option);
  EXPECT_THROW(loss_option("margin"), InternalError);
}

TEST(Loss, PrintsTheOptionsThatDiffer) {
  EXPECT_EQ(LossSettings{}.to_text(), "cross_entropy");
  EXPECT_EQ((LossSettings{.label_smoothing = 0.1, .class_weights = {1, 2.5}}).to_text(),
            "cross_entropy(label_smoothing=0.1, class_weights=[1, 2.5])");
  EXPECT_EQ((LossSettings{.name = "huber", .delta = 0.5}).to_text(), "huber(huber_delta=0.5)");
  EXPECT_EQ((LossSettings{.name = "mean_squared_error"}).to_text(), "mean_squared_error");
}

TEST(Loss, PlainCrossEntropyLeavesTheTextOfARunAsItWas) {
  TrainSettings settings;
  EXPECT_EQ(settings.to_text().find("loss"), std::string::npos);
  settings.loss = {.name = "huber"};
  settings.optimizer.l1 = 0.5;
  settings.optimizer.l2 = 0.25;
  EXPECT_TRUE(settings.to_text().ends_with(" loss=huber l1=0.5 l2=0.25")) << settings.to_text();
}

TEST(Loss, SaysWhatIsWrong) {
  EXPECT_EQ(message_of({}, Task::kClassification), "");
  EXPECT_EQ(message_of({.name = "huber", .delta = 2}, Task::kRegression), "");
  EXPECT_EQ(message_of({}, Task::kRegression),
            "loss: cross_entropy belongs to classification; the task is regression, whose losses are "
            "mean_squared_error, mean_absolute_error, huber");
  EXPECT_EQ(message_of({.name = "huber"}, Task::kClassification),
            "loss: huber belongs to regression; the task is classification, whose losses are cross_entropy");
  EXPECT_EQ(message_of({.name = "mean_squared_error", .label_smoothing = 0.1}, Task::kRegression),
            "label_smoothing: does not belong to the loss mean_squared_error");
  EXPECT_EQ(message_of({.name = "huber", .class_weights = {1}}, Task::kRegression),
            "class_weights: does not belong to the loss huber");
  EXPECT_EQ(message_of({.delta = 2}, Task::kClassification), "huber_delta: does not belong to the loss cross_entropy");
  EXPECT_EQ(message_of({.label_smoothing = 1}, Task::kClassification), "label_smoothing: must be in [0, 1); got 1");
  EXPECT_EQ(message_of({.class_weights = {1, -2}}, Task::kClassification),
            "class_weights: must be finite numbers, at least 0; got 1, -2");
  EXPECT_EQ(message_of({.class_weights = {0, 0}}, Task::kClassification),
            "class_weights: one weight at least must be above 0");
  EXPECT_EQ(message_of({.name = "huber", .delta = 0}, Task::kRegression), "huber_delta: must be above 0; got 0");
}

TEST(Loss, NeedsAWeightForEveryClass) {
  data::Dataset dataset = small_dataset(6);
  dataset.preprocessing.class_names = {"a", "b", "c"};
  EXPECT_EQ(find_problem({.class_weights = {1, 2, 3}}, dataset), std::nullopt);
  EXPECT_EQ(find_problem({.class_weights = {1, 2}}, dataset)->message,
            "has 2 weights; data set small has 3 classes (a, b, c)");
}

TEST(Loss, WeightsOfRowsAddUpClassByClass) {
  const data::Samples samples = small_samples(7);  // labels 0 1 2 0 1 2 0
  const LossSettings loss{.class_weights = {0.5, 2, 3}};
  const std::vector<std::uint32_t> rows = {0, 1, 3, 6};
  EXPECT_EQ(loss_weight(loss, samples, rows), 3 * 0.5 + 2);
  EXPECT_EQ(loss_weight({}, samples, rows), 4);
  EXPECT_EQ(loss_weight({}, std::vector<std::int64_t>{1, 2}), std::nullopt);
}

// The step divides by the weights of its rows; the figures of the history are means over rows of the steps' means.
TEST(Loss, StepsDivideByTheWeightsOfTheirRows) {
  FakeSession session;
  const data::Dataset dataset = small_dataset(6);
  TrainSettings settings;
  settings.loss.class_weights = {1, 2, 5};
  settings.batch_size = 3;
  settings.max_epochs = 1;
  settings.shuffle = false;
  const StopToken stop;
  const TrainReport report = train(session, small_graph(false), dataset, settings, {}, stop);
  ASSERT_EQ(session.calls.size(), 2u);
  for (const auto& call : session.calls) EXPECT_DOUBLE_EQ(call.loss_scale, 1.0 / 8);  // one row of each class
  const double sums = (1.0 + 1.0 / 2 + 1.0 / 3) + (1.0 / 4 + 1.0 / 5 + 1.0 / 6);
  EXPECT_DOUBLE_EQ(*report.history.back().train_loss, sums / 16);
}

TEST(EvaluationResult, ScoresTargets) {
  EvaluationResult result;
  result.loss_sum = 8;
  result.rows = 4;
  result.squared_errors = {2, 6};
  result.absolute_errors = {1, 5};
  result.target_squares = {8, 4};
  EXPECT_TRUE(result.regression());
  EXPECT_EQ(result.loss(), 2);
  EXPECT_EQ(result.mean_squared_error(), 1);
  EXPECT_EQ(result.mean_absolute_error(), 0.75);
  EXPECT_EQ(result.r2(0), 0.75);
  EXPECT_EQ(result.r2(1), -0.5);
  EXPECT_EQ(result.r2(), 0.125);
  result.weight = 16;
  EXPECT_EQ(result.loss(), 0.5);
  result.target_squares = {0, 0};
  result.squared_errors = {0, 1};
  EXPECT_EQ(result.r2(0), 1);
  EXPECT_EQ(result.r2(1), 0);
}

TEST(TargetSquares, AreThoseOfTheRowsAlone) {
  data::Samples samples;
  samples.outputs = 2;
  samples.targets = {9, 9, 1, 10, 3, 10, 5, 10};
  EXPECT_EQ(target_squares(samples, 1, 3), (std::vector<double>{8, 0}));
  EXPECT_EQ(target_means(samples, 1, 3), (std::vector<double>{3, 10}));
}

}  // namespace
}  // namespace lathe::engine
