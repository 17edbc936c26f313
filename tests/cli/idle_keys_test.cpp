#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "lathe/base/file.h"
#include "lathe/recipe/settings.h"
#include "program.h"

// No general key of training or data does nothing without a word: it changes what a search, a table or a training
// finds, or it is refused or warned of by its name.
namespace lathe::cli {
namespace {

namespace fs = std::filesystem;

const std::set<std::string> kSections{"Training", "Augmentation of training images", "Data"};
// Keys of other sections that trainings read.
const std::set<std::string> kFurther{"batch_size", "seed", "weights", "task"};
// Where data lie is no property of a run.
const std::set<std::string> kLeftOut{"data_dir"};

// Another value than the default for every key, so that a new key needs a line here.
const std::map<std::string, std::string>& values() {
  static const std::map<std::string, std::string> all{
      {"training_optimizer", "sgd"},
      {"learning_rate", "0.02"},
      {"lr_scheduler", "linear"},
      {"num_warmup_steps", "3"},
      {"eta_min", "0.001"},
      {"loss", "mean_squared_error"},
      {"label_smoothing", "0.1"},
      {"class_weights", "[1, 2, 3]"},
      {"huber_delta", "2"},
      {"l1", "0.01"},
      {"l2", "0.01"},
      {"weight_decay", "0.1"},
      {"momentum", "0.5"},
      {"nesterov", "false"},
      {"max_epochs", "1"},
      {"max_steps", "3"},
      {"accumulate_grad_batches", "2"},
      {"log_every_n_steps", "7"},
      {"random_crop", "1"},
      {"horizontal_flip", "true"},
      {"cutout", "1"},
      {"validation_fraction", "0.3"},
      {"validation_rows", "17"},
      {"max_train_rows", "50"},
      {"standardise", "false"},
      {"max_token_len", "64"},
      {"targets", "[\"x\"]"},
      {"standardise_targets", "false"},
      {"label", "x"},
      {"layout", "channels_last"},
      {"batch_size", "16"},
      {"seed", "5"},
      {"weights", "inherit"},
      {"task", "regression"},
  };
  return all;
}

std::vector<std::string> keys() {
  std::vector<std::string> names;
  for (const recipe::Option& option : recipe::options()) {
    const bool read = kSections.contains(option.section) || kFurther.contains(option.key());
    if (read && option.effect == recipe::Effect::kHonoured && !kLeftOut.contains(option.key()))
      names.push_back(option.key());
  }
  return names;
}

class IdleKeys : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    std::string rows = "x,y,z,label\n";
    for (int i = 0; i < 240; ++i) {
      const int label = i * 7 % 3;
      rows += fmt::format("{},{},{},{}\n", label + i * 13 % 17 * 0.1, -label + i * 5 % 11 * 0.1, i * 3 % 7, label);
    }
    write_text_file_atomically(folder() / "rows.csv", rows);
    write_text_file_atomically(folder() / "study.toml", R"(
dataset = "rows.csv"
batch_size = 32
learning_rate = 0.01
max_epochs = 2
[model]
layers = [{ type = "linear", out_features = 6 }, "relu", "linear"]
[search.search_space]
name = "graph/quantize/channel_size_modifier"
[search.search_space.seed.default.config]
name = ["NA"]
[search.search_space.seed.seq_blocks_0.config]
name = ["output_only"]
channel_multiplier = [1, 2]
[search.strategy]
eval_mode = false
[search.strategy.sw_runner.basic_train]
[search.strategy.setup]
n_trials = 2
sampler = "brute_force"
[search.strategy.metrics]
loss = { scale = 1.0, direction = "minimize" }
)");
  }
  fs::path folder() const { return folder_.path(); }

  testing::ProgramResult run(const std::string& command, const std::string& key) const {
    const std::string set = key.empty() ? "" : fmt::format(" --set '{}={}'", key, values().at(key));
    const std::string project = key.empty() ? "plain" : "changed";
    const std::string place = command == "table make" ? "--output " + project : "--project-dir . --project " + project;
    return testing::run_program(fmt::format("cd {} && {} {} --config study.toml {}{} --quiet", folder().string(),
                                            std::getenv("LATHE_PROGRAM"), command, place, set),
                                folder());
  }

  // What a run found: metrics of trials, curves of a table, the history of a training.
  std::string found(const std::string& command, const std::string& project) const {
    if (command == "table make") return read_text_file(folder() / (project + ".npz"));
    std::string text;
    const std::string name = command == "train" ? "history.csv" : "log.json";
    for (const auto& entry : fs::recursive_directory_iterator(folder() / project)) {
      if (entry.path().filename() != name) continue;
      if (command == "train") return read_text_file(entry.path());
      for (const auto& row : nlohmann::json::parse(read_text_file(entry.path())))
        text += row["user_attrs_software_metrics"].dump();
      return text;
    }
    ADD_FAILURE() << "no " << name;
    return text;
  }

  testing::TemporaryFolder folder_;
};

TEST_P(IdleKeys, ChangeSomethingOrSaySo) {
  const std::string command = GetParam();
  const testing::ProgramResult plain = run(command, "");
  ASSERT_EQ(plain.exit_code, 0) << plain.errors;
  const std::string expected = found(command, "plain");
  for (const std::string& key : keys()) {
    if (command == "train" && key == "weights") continue;  // what candidates begin from: there are none
    ASSERT_TRUE(values().contains(key)) << "a new key needs a value here: " << key;
    const testing::ProgramResult changed = run(command, key);
    const bool named = changed.errors.find(key) != std::string::npos;
    if (changed.exit_code != 0) {
      EXPECT_TRUE(changed.exit_code == 2 || changed.exit_code == 3) << key << ": " << changed.errors;
    } else if (!named) {
      EXPECT_NE(found(command, "changed"), expected) << key << " does nothing, without a word";
    }
    fs::remove_all(folder() / "changed");
    fs::remove(folder() / "changed.npz");
    fs::remove(folder() / "changed.json");
  }
}

TEST(IdleDataKeys, DependOnTheDataSet) {
  const testing::TemporaryFolder folder;
  std::string lines;
  for (int i = 0; i < 60; ++i) lines += fmt::format("{}\tthe {} film\n", i % 2, i % 7);
  fs::create_directory(folder.path() / "parts");
  for (const char* name : {"train.tsv", "validation.tsv"})
    write_text_file_atomically(folder.path() / "parts" / name, lines);
  const auto said = [&](const char* flags) {
    return testing::run_program(fmt::format("cd {} && {} train transformer-tiny parts --project p "
                                            "--max-epochs 1 --max-token-len 8 {}",
                                            folder.path().string(), std::getenv("LATHE_PROGRAM"), flags),
                                folder.path())
        .errors;
  };
  EXPECT_NE(said("--validation-fraction 0.3")
                .find("validation_fraction: has no effect, because the data set brings its validation part"),
            std::string::npos);
  EXPECT_NE(said("--set standardise=false").find("standardise: has no effect, because texts have no scale"),
            std::string::npos);
  EXPECT_EQ(said("").find("has no effect"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Commands, IdleKeys, ::testing::Values("search", "table make", "train"),
                         [](const auto& command) { return command.param.substr(0, command.param.find(' ')); });

}  // namespace
}  // namespace lathe::cli
