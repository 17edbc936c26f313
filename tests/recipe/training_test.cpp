#include "lathe/recipe/training.h"

#include <gtest/gtest.h>

#include <set>

#include "lathe/base/error.h"
#include "lathe/engine/loss_options.h"
#include "lathe/recipe/settings.h"

namespace lathe::recipe {
namespace {

config::Value number(std::int64_t value) { return config::Value(value, {}, "key"); }

std::string error_of(const TrainingSetting& setting, Place place, std::int64_t value) {
  engine::TrainSettings settings;
  try {
    setting.read(place, number(value), settings);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(TrainingSettings, HaveNamesOfTheirOwnInEachPlace) {
  std::set<std::string> names, general;
  for (const TrainingSetting& setting : training_settings()) {
    EXPECT_TRUE(names.insert(setting.name()).second) << setting.name();
    EXPECT_TRUE(setting.general.empty() || general.insert(setting.general).second) << setting.general;
    EXPECT_EQ(find_training_setting(setting.name()), &setting);
    EXPECT_TRUE(setting.in_runner || !setting.searchable) << setting.name();
  }
}

// A value that the table lets pass and the loss refuses would be told without its place in the file.
TEST(TrainingSettings, HaveTheBoundsThatLossesDeclare) {
  for (const engine::LossOption& option : engine::loss_options()) {
    const TrainingSetting* setting = find_training_setting(option.name);
    ASSERT_NE(setting, nullptr) << option.name;
    EXPECT_EQ(setting->field.allowed, option.bounds.to_string()) << option.name;
  }
}

// What is printed is read again, by the setting itself and as a top-level key, and gives the same.
TEST(TrainingSettings, ReadWhatTheyPrint) {
  const engine::TrainSettings defaults = general_training_defaults();
  for (const TrainingSetting& setting : training_settings()) {
    const std::string text = setting.field.show(defaults);
    const config::Value root = config::parse_text("key = " + text, "study.toml");
    engine::TrainSettings read;
    setting.read(Place::kRunner, *root.find("key"), read);
    EXPECT_EQ(setting.field.show(read), text) << setting.name();
    if (setting.general.empty()) continue;
    EXPECT_EQ(find_option(setting.general)->field.show(Settings{}), text) << setting.general;
    EXPECT_EQ(find_option(setting.flags.front()), find_option(setting.general));
  }
}

TEST(TrainingSettings, CopyOneMemberAndNoOther) {
  for (const TrainingSetting& setting : training_settings()) {
    engine::TrainSettings to;
    setting.copy(general_training_defaults(), to);
    EXPECT_EQ(setting.field.show(to), setting.field.show(general_training_defaults()));
    for (const TrainingSetting& other : training_settings()) {
      if (other.name() == setting.name()) continue;
      EXPECT_EQ(other.field.show(to), other.field.show(engine::TrainSettings{}));
    }
  }
}

TEST(TrainingSettings, MinusOneTakesALimitAwayWhereItMay) {
  const TrainingSetting& epochs = *find_training_setting("max_epochs");
  const TrainingSetting& steps = *find_training_setting("max_steps");
  const TrainingSetting& samples = *find_training_setting("num_samples");
  EXPECT_EQ(error_of(epochs, Place::kRunner, -1), "");
  EXPECT_EQ(error_of(epochs, Place::kGeneral, -1), "key: must be at least 1; got -1");
  EXPECT_EQ(error_of(epochs, Place::kChoice, -1), "key: must be at least 1; got -1");
  EXPECT_EQ(error_of(steps, Place::kGeneral, -1), "");
  EXPECT_EQ(error_of(steps, Place::kGeneral, 0), "key: must be at least 1, or -1 for no limit; got 0");
  EXPECT_EQ(error_of(samples, Place::kRunner, -2), "key: must be at least 1, or -1 for no limit; got -2");
  EXPECT_EQ(error_of(samples, Place::kChoice, -1), "key: must be at least 1; got -1");
  engine::TrainSettings settings;
  settings.max_steps = 5;
  epochs.read(Place::kRunner, number(-1), settings);
  steps.read(Place::kRunner, number(-1), settings);
  EXPECT_EQ(settings.max_epochs, kNoEpochLimit);
  EXPECT_FALSE(settings.max_steps);
  EXPECT_EQ(samples.field.show(settings), "-1");
  EXPECT_EQ(steps.field.show(settings), "-1");
}

// The largest numbers are numbers, and no text stands for one.
TEST(TrainingSettings, OnlyMinusOneIsNoLimit) {
  for (const char* name : {"max_epochs", "max_steps", "num_samples"}) {
    const TrainingSetting& setting = *find_training_setting(name);
    engine::TrainSettings settings;
    setting.read(Place::kRunner, number(kNoEpochLimit), settings);
    EXPECT_EQ(setting.field.show(settings), "2147483647");
    const config::Value none(std::string("NA"), {}, "key");
    EXPECT_THROW(setting.read(Place::kRunner, none, settings), UserError) << name;
  }
}

TEST(TrainingSettings, SayWhoseTheyAre) {
  EXPECT_EQ(owners("momentum"), "sgd");
  EXPECT_EQ(owners("learning_rate"), "");
  for (const engine::OptimizerDeclaration& optimizer : engine::optimizers())
    for (const std::string& option : optimizer.options)
      EXPECT_NE(find_training_setting(option), nullptr) << optimizer.name << " reads " << option;
  for (const engine::LossDeclaration& loss : engine::loss_declarations())
    for (const std::string& option : loss.options)
      EXPECT_NE(find_training_setting(option), nullptr) << loss.name << " reads " << option;
}

TEST(TrainingSettings, ACourseIsStoredByItsOwnName) {
  engine::TrainSettings settings;
  const config::Value root = config::parse_text("key = \"constant_with_warmup\"", "study.toml");
  find_training_setting("lr_scheduler")->read(Place::kGeneral, *root.find("key"), settings);
  EXPECT_EQ(settings.schedule, "constant");
}

}  // namespace
}  // namespace lathe::recipe
