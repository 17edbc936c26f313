#include "lathe/recipe/checks.h"

#include <gtest/gtest.h>

namespace lathe::recipe {
namespace {

Settings settings_of(const std::string& text) { return read_settings(config::parse_text(text, "study.toml")); }

TEST(Checks, TheUsualLossOfATask) {
  EXPECT_TRUE(read_loss(settings_of("")).plain());
  EXPECT_EQ(read_loss(settings_of("task = \"reg\"")).name, "mean_squared_error");
  EXPECT_EQ(read_loss(settings_of("task = \"reg\"\nloss = \"mae\"")).name, "mean_absolute_error");
  EXPECT_THROW(read_loss(settings_of("task = \"reg\"\nloss = \"cross_entropy\"")), UserError);
}

TEST(Checks, WhatTheOptimizerDoesNotReadIsLeftOut) {
  const engine::TrainSettings adam = training_of(settings_of("momentum = 0.5"));
  EXPECT_EQ(adam.optimizer.name, "adam");
  EXPECT_EQ(adam.optimizer.momentum, 0);
  EXPECT_FALSE(adam.optimizer.nesterov);
  const engine::TrainSettings sgd = training_of(settings_of("training_optimizer = \"sgd\""));
  EXPECT_EQ(sgd.optimizer.momentum, 0.9);
  EXPECT_TRUE(sgd.optimizer.nesterov);
  EXPECT_FALSE(training_of(settings_of("training_optimizer = \"sgd\"\nmomentum = 0")).optimizer.nesterov);
}

TEST(Checks, ACourseNeverRises) {
  const engine::TrainSettings training = training_of(settings_of("learning_rate = 1e-7"));
  EXPECT_EQ(training.minimum_learning_rate, 1e-7);
}

}  // namespace
}  // namespace lathe::recipe
