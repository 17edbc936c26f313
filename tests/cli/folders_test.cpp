#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "lathe/base/file.h"
#include "program_folder.h"

// A run never touches what another one wrote, with the built program: searches and trainings of one project.
namespace lathe::cli {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

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
[search.strategy]
eval_mode = false
[search.strategy.sw_runner.basic_train]
max_epochs = 2
optimizer = "adam"
learning_rate = 1e-2
[search.strategy.setup]
n_trials = 3
sampler = "brute_force"
[search.strategy.metrics]
accuracy = { scale = 1.0, direction = "maximize" }
)";

using testing::Files;
using testing::files_below;

class Folders : public testing::ProgramFolder {
 protected:
  Folders() { write("study.toml", kStudy); }
  fs::path study(const std::string& name) const { return folder() / "p" / "studies" / name; }
  testing::ProgramResult search(const std::string& more = {}) const {
    return done("search --config study.toml " + more);
  }
  json best(const std::string& name) const { return json::parse(read_text_file(study(name) / "best.json"))["0"]; }
};

TEST_F(Folders, ASecondSearchLeavesTheFirstAsItIs) {
  const auto first = search();
  EXPECT_NE(first.output.find("Written to ./p/studies/p/: best.json"), std::string::npos) << first.output;
  write_text_file_atomically(study("p") / "trials" / "mine.txt", "mine");
  write_text_file_atomically(study("p") / "trials" / "trial_999.safetensors", "mine");
  const Files before = files_below(study("p"));
  for (const char* file : {"best.json", "log.json", "study.json", "trials.csv", "settings.toml", "origin.json"})
    EXPECT_TRUE(before.contains(file)) << file;

  const auto second = search("--seed 5");
  EXPECT_NE(second.output.find("Written to ./p/studies/p-2/"), std::string::npos) << second.output;
  EXPECT_EQ(files_below(study("p")), before);
  EXPECT_EQ(json::parse(read_text_file(study("p-2") / "study.json"))["study"], "p-2");
  for (const char* file : {"best.json", "log.json"})  // copies of the newest
    EXPECT_EQ(read(fs::path("p/search_ckpts") / file), read_text_file(study("p-2") / file));

  run("search --config study.toml --timeout 0.000001 --seed 6");  // one that ends at once
  EXPECT_EQ(files_below(study("p")), before);
}

TEST_F(Folders, WeightsAreFoundFromEveryCopyOfTheResults) {
  search();
  search("--seed 5");
  const auto scored = [&](const std::string& results, const json& entry) {
    const json scores = json::parse(done(fmt::format("test jets --json --from {} --trial {} --max-train-rows 2000",
                                                     results, entry["number"].dump()))
                                        .output);
    return scores["weights"].get<std::string>();
  };
  EXPECT_TRUE(scored("p/studies/p/best.json", best("p")).starts_with("p/studies/p/trials/"));
  EXPECT_TRUE(scored("p/search_ckpts/best.json", best("p-2")).starts_with("p/studies/p-2/trials/"));
  EXPECT_TRUE(scored("p/search_ckpts/log.json", best("p-2")).starts_with("p/studies/p-2/trials/"));
  fs::copy(study("p"), folder() / "elsewhere", fs::copy_options::recursive);
  EXPECT_TRUE(scored("elsewhere/best.json", best("p")).starts_with("elsewhere/trials/"));

  fs::remove_all(study("p-2") / "trials");
  const auto absent =
      run(fmt::format("test jets --from p/search_ckpts/best.json --trial {}", best("p-2")["number"].dump()));
  EXPECT_EQ(absent.exit_code, 3);
  EXPECT_NE(absent.errors.find("lathe study restore"), std::string::npos) << absent.errors;
}

TEST_F(Folders, StudiesOfOneNameInTwoDatabasesAreTwo) {
  search("--storage one.db");
  const Files before = files_below(study("p"));
  search("--storage two.db --seed 5");
  search("--storage memory");
  EXPECT_EQ(files_below(study("p")), before);
  EXPECT_TRUE(fs::exists(study("p-2") / "best.json"));
  EXPECT_TRUE(fs::exists(study("p-3") / "best.json"));
  search("--storage one.db --study p --n-trials 2");  // joins: the folder is that of the study
  EXPECT_EQ(files_below(study("p")).size(), before.size());
  EXPECT_FALSE(fs::exists(study("p-4")));
}

TEST_F(Folders, AStudyThatIsMadeAgainAfterItsDatabaseWentIsAnother) {
  search();
  const Files before = files_below(study("p"));
  fs::remove(folder() / "p/search_ckpts/study.db");
  search("--seed 5");
  EXPECT_EQ(files_below(study("p")), before);
  EXPECT_TRUE(fs::exists(study("p-2") / "best.json"));
}

TEST_F(Folders, NamesOfStudiesNeverLeaveTheProject) {
  const std::string long_name(400, 'n');
  for (const std::string& name : {std::string("../../x"), std::string(".."), std::string("a/b"), long_name}) {
    search(fmt::format("--study '{}' --n-trials 1", name));
  }
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder() / "p/studies")) names.push_back(entry.path().filename());
  EXPECT_EQ(names.size(), 4u);
  EXPECT_EQ(std::count(names.begin(), names.end(), "_._.._x") + std::count(names.begin(), names.end(), "_.") +
                std::count(names.begin(), names.end(), "a_b"),
            3);
  EXPECT_FALSE(fs::exists(folder() / "x"));
}

TEST_F(Folders, TwoSearchesThatBeginAtOnceAreTwo) {
  const std::string line = fmt::format("{} search --config study.toml --quiet", std::getenv("LATHE_PROGRAM"));
  const auto both = testing::run_program(
      fmt::format("sh -c 'cd {} && {{ {} & {} --seed 5 & wait; }}'", folder().string(), line, line), folder());
  EXPECT_EQ(both.exit_code, 0) << both.errors;
  EXPECT_TRUE(fs::exists(study("p") / "best.json"));
  EXPECT_TRUE(fs::exists(study("p-2") / "best.json"));
  EXPECT_FALSE(fs::exists(study("p-3")));
  EXPECT_NE(json::parse(read_text_file(study("p") / "study.json"))["seed"],
            json::parse(read_text_file(study("p-2") / "study.json"))["seed"]);
}

TEST_F(Folders, AResumedStudyStaysInItsFolderAndLosesTheStatesOfItsTrainings) {
  search("--n-trials 1");
  const fs::path running = study("p") / "running";
  fs::create_directories(running);
  write_text_file_atomically(running / (std::string(32, 'a') + "_0.safetensors"), "of a trial that was given up");
  write_text_file_atomically(running / "mine.txt", "mine");
  search("--resume");
  EXPECT_FALSE(fs::exists(study("p-2")));
  EXPECT_EQ(json::parse(read_text_file(study("p") / "log.json")).size(), 3u);
  EXPECT_EQ(files_below(running), (Files{{"mine.txt", "mine"}}));
}

TEST_F(Folders, WhatAnEarlierVersionLeftGetsAFolder) {
  fs::copy(fs::path(LATHE_SOURCE_DIR) / "tests/compatibility/files/study/old", folder() / "p",
           fs::copy_options::recursive);
  const Files before = files_below(folder() / "p/search_ckpts");
  write_text_file_atomically(folder() / "p/search_ckpts/trials/mine.txt", "mine");
  search();
  const Files kept = files_below(study("old"));
  for (const auto& [name, text] : before) {
    if (name == "study.db") continue;
    EXPECT_EQ(kept.contains(name) ? kept.at(name) : "absent", text) << name;
  }
  EXPECT_EQ(read("p/search_ckpts/trials/mine.txt"), "mine");
  EXPECT_EQ(read("p/search_ckpts/best.json"), read_text_file(study("p") / "best.json"));
  const auto found = run("info --from p/studies/old/best.json --trial 3");
  EXPECT_EQ(found.exit_code, 0) << found.errors;
}

constexpr const char* kTrain =
    "train jsc-toy jets --learning-rate 1e-2 --batch-size 256 --max-train-rows 2000 --project-dir . --project p "
    "--max-epochs 2 ";

TEST_F(Folders, ASecondTrainingLeavesTheFirstAsItIs) {
  const auto first = done(kTrain);
  EXPECT_NE(first.output.find("Written to ./p/trainings/jsc-toy/: best.safetensors"), std::string::npos)
      << first.output;
  const Files before = files_below(folder() / "p/trainings/jsc-toy");
  for (const char* file : {"best.safetensors", "last.safetensors", "history.csv", "settings.toml"})
    EXPECT_TRUE(before.contains(file)) << file;
  done(std::string(kTrain) + "--seed 5");
  EXPECT_EQ(files_below(folder() / "p/trainings/jsc-toy"), before);
  const Files second = files_below(folder() / "p/trainings/jsc-toy-2");
  EXPECT_NE(second.at("best.safetensors"), before.at("best.safetensors"));
  EXPECT_EQ(read("p/training_ckpts/best.safetensors"), second.at("best.safetensors"));
  EXPECT_EQ(read("p/history.csv"), second.at("history.csv"));

  // --resume finds the run of these settings, be it the newest or not.
  const json resumed = json::parse(done(std::string(kTrain) + "--resume --json").output);
  EXPECT_EQ(resumed["paths"]["folder"], "./p/trainings/jsc-toy");

  // A run that diverges has no weights, and does not lend itself those of another one.
  EXPECT_EQ(run(std::string(kTrain) + "--training-optimizer sgd --learning-rate 1e30").exit_code, 6);
  EXPECT_FALSE(fs::exists(folder() / "p/training_ckpts/best.safetensors"));
  EXPECT_EQ(files_below(folder() / "p/trainings/jsc-toy-2"), second);
}

TEST_F(Folders, ATrainingKeepsWhatLiesInThePlaceOfItsCopies) {
  fs::create_directories(folder() / "p/training_ckpts");
  write_text_file_atomically(folder() / "p/training_ckpts/best.safetensors", "somebody else's");
  done(kTrain);
  EXPECT_EQ(read("p/trainings/earlier/best.safetensors"), "somebody else's");
  EXPECT_EQ(read("p/training_ckpts/best.safetensors"), read("p/trainings/jsc-toy/best.safetensors"));
}

TEST_F(Folders, ACopyThatCannotBeWrittenIsAWarning) {
  fs::create_directories(folder() / "p/search_ckpts/best.json/mine");
  const auto result = search("--n-trials 1");
  EXPECT_NE(result.errors.find("no copy of ./p/studies/p/best.json"), std::string::npos) << result.errors;
  for (const char* file : {"best.json", "log.json", "study.json", "trials.csv", "trials/trial_0.safetensors"})
    EXPECT_TRUE(fs::exists(study("p") / file)) << file;
  EXPECT_EQ(read("p/search_ckpts/log.json"), read_text_file(study("p") / "log.json"));
}

TEST_F(Folders, ASearchKeepsWhatLiesInThePlaceOfItsCopies) {
  const std::string mine = "title = \"mine\"\n";
  fs::create_directories(folder() / "p");
  write_text_file_atomically(folder() / "p/settings.toml", mine);
  for (const char* file : {"best.json", "log.json"}) {
    fs::remove_all(folder() / "p/studies");
    fs::remove_all(folder() / "p/search_ckpts");
    fs::create_directories(folder() / "p/search_ckpts");
    write_text_file_atomically(folder() / "p/search_ckpts" / file, "{\"notes\": \"mine\"}");
    const auto result = search("--n-trials 1");
    EXPECT_NE(result.errors.find("p/settings.toml is not of lathe and stays as it is"), std::string::npos)
        << result.errors;
    EXPECT_EQ(read(fs::path("p/studies/earlier") / file), "{\"notes\": \"mine\"}");
    EXPECT_EQ(read(fs::path("p/search_ckpts") / file), read_text_file(study("p") / file));
    search("--n-trials 1 --seed 5");
    EXPECT_FALSE(fs::exists(study("earlier-2")));
  }
  done("train jsc-toy jets --max-epochs 1 --max-train-rows 2000 --project-dir . --project p");
  EXPECT_EQ(read("p/settings.toml"), mine);
}

TEST_F(Folders, NamesOfProjectsNeverLeaveTheFolderOfProjects) {
  for (const char* name : {"/", "../x", "a/../../x", ".."}) {
    for (const char* command : {"search --config study.toml", "train jsc-toy jets --max-epochs 1"}) {
      const auto refused = run(fmt::format("{} --project-dir . --project {}", command, name));
      EXPECT_EQ(refused.exit_code, 2) << refused.errors;
      EXPECT_NE(refused.errors.find(fmt::format("project: \"{}\" leads out of project_dir", name)), std::string::npos)
          << refused.errors;
    }
  }
}

}  // namespace
}  // namespace lathe::cli
