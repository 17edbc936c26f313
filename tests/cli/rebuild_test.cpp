#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "lathe/base/file.h"
#include "program_folder.h"

// Stored studies made again with the built program: their files (`study restore`) and their trials (`train --from`).
namespace lathe::cli {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

// Widths, and how they are trained; two seeds of the best on the test rows.
constexpr const char* kStudy = R"(
model = "jsc-toy"
dataset = "jets"
batch_size = 256
project = "p"
project_dir = "."
max_train_rows = 2000
[search.search_space]
name = "graph/quantize/channel_size_modifier"
[search.search_space.seed.default.config]
name = ["NA"]
[search.search_space.seed.seq_blocks_2.config]
name = ["output_only"]
channel_multiplier = [0.5, 1, 2]
[search.search_space.training]
learning_rate = [1e-2, 3e-3]
batch_size = [64, 128]
[search.strategy]
eval_mode = false
[search.strategy.sw_runner.basic_train]
max_epochs = 2
optimizer = "adam"
[search.strategy.setup]
n_trials = 6
sampler = "random"
keep_best = 2
[search.strategy.metrics]
accuracy = { scale = 1.0, direction = "maximize" }
loss = { scale = 1.0, direction = "minimize" }
[search.final]
seeds = 2
top = 1
)";

using testing::Files;
using testing::files_below;
using testing::tensor_bytes;

class Rebuild : public testing::ProgramFolder {
 protected:
  Rebuild() { write("study.toml", kStudy); }
  fs::path study() const { return folder() / "p/studies/p"; }
  std::string refusal(const std::string& arguments) const {
    const testing::ProgramResult result = run(arguments);
    EXPECT_NE(result.exit_code, 0) << arguments << '\n' << result.output;
    return result.errors;
  }
  void search(const std::string& more = {}) const { done("search --config study.toml --quiet " + more); }

  void expect_restored(const Files& before) const {
    const Files after = files_below(study());
    EXPECT_EQ(after.size(), before.size());
    for (const auto& [name, text] : before) EXPECT_EQ(after.contains(name) ? after.at(name) : "absent", text) << name;
  }
};

TEST_F(Rebuild, AStudyIsRestoredByteForByte) {
  search();
  const Files before = files_below(study());
  EXPECT_TRUE(before.contains("front.svg"));
  EXPECT_NE(before.at("study.json").find("\"accuracies\""), std::string::npos);
  for (const char* name : {"p", "p/search_ckpts/study.db", "p@p/search_ckpts/study.db", "p/"}) {
    fs::remove_all(study());
    const auto restored = done(fmt::format("study restore {} --project-dir .", name));
    EXPECT_NE(restored.output.find("p/studies/p/: best.json"), std::string::npos) << restored.output;
    expect_restored(before);
  }
  fs::remove(study() / "best.json");  // only what is absent is made anew, and nothing else is touched
  fs::remove_all(study() / "trials");
  write("p/studies/p/mine.txt", "mine");
  done("study restore p/studies/p");
  EXPECT_EQ(read_text_file(study() / "mine.txt"), "mine");
  fs::remove(study() / "mine.txt");
  expect_restored(before);
}

TEST_F(Rebuild, AStudyIsRestoredFromAnywhere) {
  fs::create_directories(folder() / "data");
  done("search --config study.toml --quiet --set search.strategy.setup.repeats=2");
  const Files before = files_below(study());
  fs::remove_all(study());
  done("study restore p --storage ../p/search_ckpts/study.db", "data");
  expect_restored(before);
}

TEST_F(Rebuild, AnExhaustiveSearchWithItsRaceIsRestored) {
  done(
      "search --config study.toml --quiet --set search.strategy.setup.sampler='\"brute_force\"' "
      "--set search.strategy.racing='{max_repeats=3}' --n-trials 12");
  const Files before = files_below(study());
  fs::remove_all(study());
  done("study restore p --project-dir .");
  expect_restored(before);
}

TEST_F(Rebuild, WhatWouldBeAnotherStudyIsRefused) {
  search();
  fs::remove_all(study());
  EXPECT_NE(
      refusal("study restore p --project-dir . --seed 9").find("differs in seed: 0 there, 9 now; it cannot be made"),
      std::string::npos);
  EXPECT_NE(refusal("study restore p --project-dir . --max-train-rows 1999").find("differs in data set"),
            std::string::npos);
  EXPECT_NE(refusal("study restore p --project-dir . --backend onednn").find("differs in back end: dense"),
            std::string::npos);
  EXPECT_NE(refusal("study restore q --project-dir .").find("there is no study \"q\""), std::string::npos);
  EXPECT_FALSE(fs::exists(study()));

  // Figures that nobody can have got from these seeds.
  std::string text = done("study export p --project-dir . --format json").output;
  const std::string name = "macro_accuracy";  // no objective: the values of the trials stay those of their metrics
  for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
    const std::size_t number = text.find(":0.", at);
    if (number == std::string::npos || number > at + name.size() + 4) continue;
    char& digit = text[number + 5];
    digit = digit == '7' ? '8' : '7';
  }
  write("changed.json", text);
  done("study import changed.json --storage changed.db");
  const std::string errors = refusal("study restore p --storage changed.db");
  EXPECT_NE(errors.find("cannot be made again bit for bit: its macro_accuracy was 0."), std::string::npos) << errors;
}

TEST_F(Rebuild, ATrialIsTrainedAgainBitForBit) {
  search();
  const json log = json::parse(read_text_file(study() / "log.json"));
  for (int number = 0; number < 6; ++number) {
    const json trained = done_json(fmt::format("train --from p/studies/p/log.json --trial {}", number));
    EXPECT_EQ(trained["last_validation_accuracy"], trained["trial_metrics"]["accuracy"]) << number;
    EXPECT_EQ(trained["last_validation_loss"], trained["trial_metrics"]["loss"]) << number;
    EXPECT_EQ(trained["recipe"]["learning_rate"]["source"], fmt::format("trial {}", number));
    EXPECT_EQ(trained["recipe"]["max_epochs"]["source"], "study");
    EXPECT_EQ(trained["paths"]["folder"], fmt::format("p/trainings/p-trial-{}", number));
  }
  const json best = json::parse(read_text_file(study() / "best.json"))["0"];
  EXPECT_EQ(tensor_bytes(study() / best["weights"].get<std::string>()),
            tensor_bytes(folder() / fmt::format("p/trainings/p-trial-{}/last.safetensors", best["number"].dump())));
  EXPECT_FALSE(fs::exists(study() / "trainings"));
}

TEST_F(Rebuild, TypedSettingsReplaceThoseOfATrialInSight) {
  search();
  const json best = json::parse(read_text_file(study() / "best.json"))["0"];
  const auto shown =
      done(fmt::format("train --from p --project-dir . --trial {} --weights trial --learning-rate 1e-4 "
                       "--max-epochs 1",
                       best["number"].dump()));
  EXPECT_NE(shown.output.find("learning_rate"), std::string::npos) << shown.output;
  EXPECT_NE(shown.output.find("command line"), std::string::npos) << shown.output;
  EXPECT_NE(shown.output.find("| study"), std::string::npos) << shown.output;

  const json fresh = done_json("train --from p --project-dir . --trial 0 --max-epochs 3");
  EXPECT_EQ(fresh["recipe"]["max_epochs"]["value"], "3");
  EXPECT_EQ(fresh["recipe"]["max_epochs"]["source"], "command line");
  EXPECT_EQ(fresh["planned_steps"].get<int>() % 3, 0);
  // From the trial's weights one epoch more ends below the loss of one from fresh weights.
  const std::string one =
      fmt::format("train --from p --project-dir . --trial {} --max-epochs 1 ", best["number"].dump());
  EXPECT_LT(done_json(one + "--weights trial")["last_validation_loss"].get<double>(),
            done_json(one)["last_validation_loss"].get<double>());
}

TEST_F(Rebuild, SeveralSeedsAreThoseOfTheFinal) {
  search();
  const json final = json::parse(read_text_file(study() / "study.json"))["final"][0];
  const json trained =
      done_json(fmt::format("train --from p/studies/p --trial {} --seeds 2 --test", final["number"].dump()));
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(trained["seeds"][i]["test_accuracy"].get<double>(), final["accuracies"][i].get<double>(), 1e-10);
  }
  EXPECT_NEAR(trained["mean"]["test_accuracy"].get<double>(), final["mean_accuracy"].get<double>(), 1e-10);
  EXPECT_NEAR(trained["standard_error"]["test_accuracy"].get<double>(), final["standard_error"].get<double>(), 1e-10);
  EXPECT_TRUE(fs::exists(folder() / trained["folder"].get<std::string>() / "seeds.json"));
  EXPECT_TRUE(fs::exists(folder() / "p/training_ckpts/best.safetensors"));
}

TEST_F(Rebuild, TrialsAndStudiesThatAreNotThereAreErrors) {
  search();
  EXPECT_NE(refusal("train --from p --project-dir . --trial 77").find("has no trial 77: it has 0 to 5"),
            std::string::npos);
  EXPECT_NE(refusal("train --from nothing/best.json --trial 1").find("nothing/best.json is not there"),
            std::string::npos);
  EXPECT_NE(refusal("train jsc-toy jets --trial 1").find("needs --from"), std::string::npos);
  EXPECT_NE(refusal("train jsc-toy jets --seeds 2").find("--seeds: needs --from STUDY"), std::string::npos);
  EXPECT_NE(refusal("train jsc-toy jets --weights trial").find("needs --from STUDY"), std::string::npos);
  EXPECT_NE(refusal("search --config study.toml --weights trial").find("lathe train --from"), std::string::npos);
  fs::remove_all(study() / "trials");
  EXPECT_NE(refusal("train --from p --project-dir . --trial 0 --weights trial").find("lathe study restore"),
            std::string::npos);
}

TEST_F(Rebuild, ATrialOfAnEarlierVersionIsTrainedAgain) {
  fs::copy(fs::path(LATHE_SOURCE_DIR) / "tests/compatibility/files/study", folder() / "s", fs::copy_options::recursive);
  const json trained = done_json("train --from s/old/search_ckpts/best.json --trial 3 --project-dir . --project q");
  EXPECT_EQ(trained["study"], "old");
  EXPECT_GT(trained["last_validation_accuracy"].get<double>(), 0.3);
  if (trained["same_candidate"].get<bool>()) {
    EXPECT_EQ(trained["last_validation_accuracy"], trained["trial_metrics"]["accuracy"]);
  }
  done(
      "train --from s/old/search_ckpts/best.json --trial 3 --project-dir . --project q --weights trial --max-epochs 1");
}

TEST_F(Rebuild, TheRateOfTheTrialBoundsTheEndOfItsCourse) {
  search("--n-trials 2");
  for (const char* eta_min : {"0.001", "0.01"}) {
    const json recipe = done_json(
        fmt::format("train --from p --trial 1 --lr-scheduler cosine --eta-min {} --project-dir . --project q --quiet",
                    eta_min))["recipe"];
    const double rate = std::stod(recipe["learning_rate"]["value"].get<std::string>());
    EXPECT_EQ(std::stod(recipe["eta_min"]["value"].get<std::string>()), std::min(rate, std::stod(eta_min)));
  }
}

TEST_F(Rebuild, DamagedFilesAreNamedAsWhatTheyAre) {
  search("--n-trials 1");
  fs::create_directories(folder() / "elsewhere");
  write("b1.json", "{\"0\": {");
  write("elsewhere/best.json", "{\"0\": {");
  write("two.json", "{}");
  for (const char* command : {"study restore {}", "train --from {} --trial 0", "info --from {} --trial 0"}) {
    for (const char* file : {"b1.json", "elsewhere/best.json"}) {
      const auto refused = run(fmt::format(fmt::runtime(command), file) + " --project-dir .");
      EXPECT_EQ(refused.exit_code, 3) << refused.errors;
      EXPECT_NE(refused.errors.find(fmt::format("{}: is no JSON (it breaks off", file)), std::string::npos)
          << command << refused.errors;
    }
  }
  EXPECT_NE(refusal("study restore two.json --project-dir .").find("the study that it is of is not known"),
            std::string::npos);
  EXPECT_NE(refusal("study restore \"$(printf 'a\\nb')\" --project-dir .").find("there is no study \"a\\nb\""),
            std::string::npos);
}

}  // namespace
}  // namespace lathe::cli
