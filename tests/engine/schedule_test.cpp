#include "lathe/engine/schedule.h"

#include <gtest/gtest.h>

#include "lathe/base/error.h"
#include "lathe/engine/train.h"

namespace lathe::engine {
namespace {

TrainSettings scheduled(const char* schedule, std::int64_t warmup, double minimum = 0) {
  TrainSettings settings;
  settings.learning_rate = 0.5;
  settings.schedule = schedule;
  settings.options.set("num_warmup_steps", static_cast<double>(warmup));
  settings.minimum_learning_rate = minimum;
  return settings;
}

TEST(Schedule, ConstantStaysAfterWarmUp) {
  const TrainSettings settings = scheduled("constant", 4);
  EXPECT_DOUBLE_EQ(learning_rate_at(settings, 0, 100), 0);
  EXPECT_DOUBLE_EQ(learning_rate_at(settings, 2, 100), 0.25);
  EXPECT_DOUBLE_EQ(learning_rate_at(settings, 4, 100), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate_at(settings, 99, 100), 0.5);
}

TEST(Schedule, LinearReachesTheMinimumAtTheEnd) {
  const TrainSettings settings = scheduled("linear", 10, 0.1);
  EXPECT_DOUBLE_EQ(learning_rate_at(settings, 10, 20), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate_at(settings, 15, 20), 0.3);
  EXPECT_DOUBLE_EQ(learning_rate_at(settings, 20, 20), 0.1);
}

TEST(Schedule, CosineIsHalfWayInTheMiddle) {
  const TrainSettings settings = scheduled("cosine", 0, 0.1);
  EXPECT_DOUBLE_EQ(learning_rate_at(settings, 0, 8), 0.5);
  EXPECT_NEAR(learning_rate_at(settings, 4, 8), 0.3, 1e-15);
  EXPECT_DOUBLE_EQ(learning_rate_at(settings, 8, 8), 0.1);
}

TEST(Schedule, AWarmUpLongerThanTheRunIsAllThereIs) {
  const TrainSettings settings = scheduled("linear", 100);
  EXPECT_DOUBLE_EQ(learning_rate_at(settings, 9, 10), 0.045);
}

TEST(Names, AreReadBack) {
  EXPECT_EQ(schedule_named("constant_with_warmup").name, "constant");
  for (const std::string& name : schedules().names()) EXPECT_EQ(schedule_named(name).name, name);
  for (const std::string& name : optimizers().names()) EXPECT_EQ(optimizer_named(name).name, name);
  EXPECT_EQ(to_string(TrainOutcome::kCompleted), "completed");
  EXPECT_EQ(to_string(TrainOutcome::kDiverged), "diverged");
  EXPECT_EQ(to_string(TrainOutcome::kStopped), "stopped");
  EXPECT_EQ(to_string(TrainOutcome::kTimedOut), "timed_out");
  try {
    optimizer_named("adan");
    FAIL();
  } catch (const UserError& error) {
    EXPECT_STREQ(error.what(),
                 "optimizer: unknown optimizer \"adan\"; did you mean \"adam\"? (known: adam, adamw, sgd, rmsprop)");
  }
}

TEST(TrainSettings, TextHoldsWhatResultsDependOn) {
  TrainSettings first, second;
  second.log_every_n_steps = 7;
  EXPECT_EQ(first.to_text(), second.to_text());
  second.optimizer.weight_decay = 1e-4;
  EXPECT_NE(first.to_text(), second.to_text());
  EXPECT_EQ(first.to_text(),
            "optimizer=adam(weight_decay=0, beta1=0.9, beta2=0.999, epsilon=1e-08) learning_rate=0.001 "
            "schedule=constant minimum_learning_rate=0 warmup_steps=0 batch_size=128 max_epochs=20 max_steps=none "
            "num_samples=none accumulate_grad_batches=1 shuffle=blocks validate_each_epoch=true");
  first.batch_size = 120;
  EXPECT_NE(first.to_text().find("shuffle=true"), std::string::npos);  // by rows
}

TEST(TrainingOptions, AreInTheTextWhereTheyAreNotUsual) {
  for (const TrainingOption& option : training_options()) {
    TrainSettings settings;
    EXPECT_EQ(settings.options.get(option.name), option.usual);
    settings.options.set(option.name, option.usual + 1);
    EXPECT_NE(settings.to_text(), TrainSettings().to_text()) << option.name;
    EXPECT_FALSE(option.description.empty()) << option.name;
    EXPECT_TRUE(option.low <= option.usual && option.usual <= option.high) << option.name;
  }
}

TEST(TrainingOptions, LeaveTheLearningRateBetweenZeroAndItsPeak) {
  for (const TrainingOption& option : training_options())
    for (const std::string& schedule : schedules().names()) {
      TrainSettings settings = scheduled(schedule.c_str(), 0);
      settings.options.set(option.name, option.usual + 1);
      double highest = 0;
      for (std::int64_t step = 0; step < 20; ++step) {
        const double rate = learning_rate_at(settings, step, 20);
        EXPECT_TRUE(rate >= 0 && rate <= settings.learning_rate) << option.name << " " << schedule << " " << step;
        highest = std::max(highest, rate);
      }
      EXPECT_EQ(highest, settings.learning_rate) << option.name << " " << schedule;
    }
}

}  // namespace
}  // namespace lathe::engine
