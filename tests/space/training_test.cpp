#include "lathe/space/training.h"

#include <gtest/gtest.h>

#include <set>

#include "lathe/base/error.h"
#include "lathe/space/pipeline.h"
#include "lathe/space/space.h"
#include "space/networks.h"

namespace lathe::space {
namespace {

using parameter::kInactive;

SearchSpace space_of(const std::string& text) {
  return parse_space(config::parse_text(text, "study.toml"), tiny_network());
}

/// Returns the message for lines of `[search.search_space.training]`.
std::string message_of(const std::string& lines) {
  try {
    space_of("[search.search_space.training]\n" + lines);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

const std::string kSgdOnly =
    "[search.search_space.training]\n"
    "learning_rate = { low = 1e-4, high = 1e-1, log = true }\n"
    "optimizer = [\"adam\", \"sgd\"]\n"
    "momentum = { choices = [0.0, 0.9], when = { key = \"optimizer\", is = \"sgd\" } }\n"
    "nesterov = [false]\n";

const std::string kWhole = R"([search.search_space.training]
learning_rate = { low = 1e-4, high = 1e-1, log = true }
optimizer = ["adam", "sgd"]
batch_size = { low = 32, high = 256, log = true }
num_warmup_steps = { low = 0, high = 20, step = 10 }
lr_scheduler = ["cosine"]
max_epochs = { choices = [2, 4], when = { key = "optimizer", is = "sgd" } }
momentum = { low = 0.5, high = 0.9, when = { key = "training/optimizer", is = ["sgd"] } }
weight_decay = { low = 0, high = 1 }
gradient_accumulation_steps = [1]
[search.search_space.seed.seq_blocks_2.config]
name = ["NA"]
)";

TEST(Training, DecidesHyperparameters) {
  const SearchSpace space = space_of(kWhole);
  std::vector<std::string> names;
  for (const Dimension& dimension : space.dimensions()) names.push_back(dimension.name);
  EXPECT_EQ(names, (std::vector<std::string>{"training/optimizer", "training/learning_rate", "training/batch_size",
                                             "training/num_warmup_steps", "training/max_epochs", "training/momentum",
                                             "training/weight_decay"}));
  EXPECT_EQ(space.parameters().parameters()[6].distribution,
            parameter::Distribution(parameter::Float{.low = 0, .high = 1}))
      << "real numbers, however they are written";
  EXPECT_EQ(space.size_text(), "infinitely many");
}

TEST(Training, ReachesTheSettings) {
  const SearchSpace space = space_of(kWhole);
  engine::TrainSettings settings;
  settings.max_epochs = 7;
  const Candidate adam = space.decode({0, 0.01, 32, 2, kInactive, kInactive, 0.5});
  apply_training(adam.training, settings);
  EXPECT_EQ(settings.optimizer.name, "adam");
  EXPECT_EQ(settings.learning_rate, 0.01);
  EXPECT_EQ(settings.batch_size, 64);
  EXPECT_EQ(settings.options.get("num_warmup_steps"), 20);
  EXPECT_EQ(settings.max_epochs, 7) << "inactive: as the runner has it";
  EXPECT_EQ(settings.optimizer.weight_decay, 0.5);
  EXPECT_EQ(settings.schedule, "cosine");
  EXPECT_EQ(settings.accumulate_grad_batches, 1);
  apply_training(space.decode({1, 0.01, 32, 2, 1, 0.75, 0}).training, settings);
  EXPECT_EQ(settings.optimizer.name, "sgd");
  EXPECT_EQ(settings.optimizer.momentum, 0.75);
  EXPECT_EQ(settings.max_epochs, 4);
}

TEST(Training, StandsInTheSampledConfig) {
  const SearchSpace space = space_of(kWhole);
  const Assignment assignment{1, 0.0123456789012345, 32, 2, 1, 0.75, 0};
  const Candidate candidate = space.decode(assignment);
  ASSERT_EQ(candidate.config.size(), 2u);
  EXPECT_EQ(candidate.config[1].first, "training");
  EXPECT_EQ(candidate.config[1].second, candidate.training);
  EXPECT_EQ(space.find(candidate.config), assignment);
  EXPECT_EQ(read_node_configs(candidate.config).size(), 1u) << "the passes do not see it";
  SampledConfig without = candidate.config;
  without.pop_back();
  EXPECT_EQ(space.find(without), std::nullopt);
}

TEST(Training, NeedsNoSeed) {
  const SearchSpace space = space_of("[search.search_space.training]\nbatch_size = [32, 64]\n");
  EXPECT_EQ(space.size(), 2);
  EXPECT_EQ(ir::to_text(space.decode({1}).graph), ir::to_text(tiny_network()));
}

TEST(Training, ZipJoinsLists) {
  const SearchSpace space = space_of(
      "[search.search_space.setup]\nzip = [[\"training/batch_size\", \"training/learning_rate\"]]\n"
      "[search.search_space.training]\nbatch_size = [32, 64]\nlearning_rate = [1e-3, 2e-3]\n");
  EXPECT_EQ(space.size(), 2);
  EXPECT_EQ(space.dimensions()[0].choice(1), Scalar(std::string("64/0.002")));
}

TEST(Training, KeysMayDependOnNodes) {
  const SearchSpace space = space_of(
      "[search.search_space.seed.seq_blocks_2.config]\nname = [\"NA\", \"integer\"]\ndata_in_width = [8]\n"
      "weight_width = [8]\nbias_width = [8]\n[search.search_space.training]\n"
      "max_epochs = { choices = [5, 9], when = { key = \"seq_blocks_2/config/name\", is = \"integer\" } }\n");
  EXPECT_EQ(space.size(), 3);
}

TEST(Training, KnowsEachOfItsKeys) {
  EXPECT_EQ(std::set<std::string>(training_keys().begin(), training_keys().end()),
            (std::set<std::string>{"optimizer", "learning_rate", "weight_decay", "momentum", "nesterov", "lr_scheduler",
                                   "num_warmup_steps", "batch_size", "gradient_accumulation_steps", "max_epochs",
                                   "num_samples", "l1", "l2", "label_smoothing"}));
}

TEST(TrainingErrors, NesterovNeedsMomentum) {
  engine::TrainSettings settings;
  EXPECT_THROW(apply_training({{"optimizer", std::string("sgd")}, {"nesterov", true}}, settings), UserError);
}

TEST(TrainingErrors, UnknownKey) {
  EXPECT_EQ(message_of("learning_rat = [1e-3]\n")
                .rfind("study.toml:2:1: search.search_space.training.learning_rat: unknown key; did you mean "
                       "\"learning_rate\"?",
                       0),
            0u);
}

TEST(TrainingErrors, Values) {
  EXPECT_EQ(message_of("learning_rate = [1e-3, 0]\n"),
            "study.toml:2:24: search.search_space.training.learning_rate[1]: must be above 0; got 0");
  EXPECT_EQ(message_of("learning_rate = { low = 0.0, high = 1.0 }\n"),
            "study.toml:2:25: search.search_space.training.learning_rate.low: must be above 0; got 0.0");
  EXPECT_EQ(message_of("momentum = { low = 0, high = 1 }\n"),
            "study.toml:2:30: search.search_space.training.momentum.high: must be in [0, 1); got 1");
  EXPECT_EQ(message_of("batch_size = { low = 32, high = 64.0 }\n"),
            "study.toml:2:33: search.search_space.training.batch_size.high: must be an integer, as the values of this "
            "key are; got 64.0");
  EXPECT_EQ(message_of("batch_size = [32.5]\n"),
            "study.toml:2:15: search.search_space.training.batch_size[0]: expected an integer; got 32.5");
  EXPECT_EQ(message_of("optimizer = [\"adam\", \"adamm\"]\n"),
            "study.toml:2:22: search.search_space.training.optimizer[1]: must be \"adam\", \"adamw\", \"sgd\" or "
            "\"rmsprop\"; got "
            "\"adamm\"; did you mean \"adam\"?");
  EXPECT_EQ(message_of("nesterov = [1]\n"),
            "study.toml:2:13: search.search_space.training.nesterov[0]: expected true or false; got 1");
}

TEST(TrainingErrors, MomentumBelongsToSgd) {
  EXPECT_EQ(
      message_of("optimizer = [\"adam\", \"sgd\"]\nmomentum = [0.5, 0.9]\n"),
      "study.toml:3:12: search.search_space.training.momentum: belongs to sgd, and the optimizer is one of [adam, "
      "sgd]: add when = { key = \"optimizer\", is = \"sgd\" }");
  EXPECT_EQ(message_of("optimizer = [\"sgd\"]\nmomentum = [0.5, 0.9]\n"), "");
  EXPECT_NE(message_of(kSgdOnly.substr(kSgdOnly.find('\n') + 1)).find("training.nesterov: belongs to sgd"),
            std::string::npos);
}

}  // namespace
}  // namespace lathe::space
