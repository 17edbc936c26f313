#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "lathe/base/file.h"
#include "peers.h"
#include "program.h"

// `lathe study` with the built program: on a study that lathe searched, and on two that python3-optuna wrote.
namespace lathe::cli {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

// Two decisions of six candidates, each trained for a few steps.
constexpr const char* kSmall = R"(
model = "jsc-three-linear-layers-logits"
dataset = "jets"
batch_size = 256
project = "small"
[search.search_space]
name = "graph/quantize/channel_size_modifier"
[search.search_space.seed.default.config]
name = ["NA"]
[search.search_space.seed.seq_blocks_2.config]
name = ["output_only"]
channel_multiplier = [1, 2]
[search.search_space.seed.seq_blocks_4.config]
name = ["both"]
channel_multiplier = [0.5, 1, 2]
[search.strategy]
eval_mode = false
[search.strategy.sw_runner.basic_train]
num_samples = 1000
optimizer = "adam"
learning_rate = 1e-2
[search.strategy.setup]
n_trials = 3
sampler = "random"
sum_scaled_metrics = true
direction = "maximize"
[search.strategy.metrics]
accuracy.scale = 1.0
)";

// Runs commands in a folder of its own.
class Study : public ::testing::Test {
 protected:
  fs::path folder() const { return folder_.path(); }
  testing::ProgramResult run(const std::string& arguments) const {
    return testing::run_program(
        fmt::format("cd {} && {} {}", folder().string(), std::getenv("LATHE_PROGRAM"), arguments), folder());
  }
  std::string output_of(const std::string& arguments) const {
    const auto result = run(arguments);
    EXPECT_EQ(result.exit_code, 0) << arguments << '\n' << result.errors;
    return result.output;
  }
  json json_of(const std::string& arguments) const { return json::parse(output_of(arguments + " --json")); }
  // Expects a mistake of the user (exit code 2), and returns its text.
  std::string mistake_of(const std::string& arguments, int exit_code = 2) const {
    const auto result = run(arguments);
    EXPECT_EQ(result.exit_code, exit_code) << arguments << '\n' << result.errors;
    EXPECT_EQ(result.output, "") << arguments;
    return result.errors;
  }

 private:
  testing::TemporaryFolder folder_;
};

#define EXPECT_CONTAINS(text, part) EXPECT_NE(std::string(text).find(part), std::string::npos) << (text)

class SearchedStudy : public Study {
 protected:
  void SetUp() override {
    write_text_file_atomically(folder() / "study.toml", kSmall);
    ASSERT_EQ(run("search --config study.toml").exit_code, 0);
  }
};

TEST_F(SearchedStudy, IsListedAndShown) {
  const std::string list = output_of("study list");
  EXPECT_CONTAINS(list, "sqlite:///lathe_output/small/search_ckpts/study.db");
  EXPECT_CONTAINS(list, "maximize sum_scaled_metrics | random  |      3 |        3");
  const json entry = json_of("study list")["storages"][0]["studies"][0];
  EXPECT_EQ(entry["name"], "small");
  EXPECT_EQ(entry["trials"]["complete"], 3);

  const std::string shown = output_of("study show small");
  EXPECT_CONTAINS(shown, "sampler random, seed 0");
  EXPECT_CONTAINS(shown, "seq_blocks_4.channel_multiplier | 0.5, 1, 2");
  EXPECT_EQ(output_of("study show small --config study.toml"), shown);
  const json study = json_of("study show small")["study"];
  EXPECT_EQ(study["parameters"].size(), 2u);
  EXPECT_EQ(study["best"].size(), 1u);
}

TEST_F(SearchedStudy, ShowsTrialsAndTheBestOfThem) {
  EXPECT_CONTAINS(output_of("study trials small"), "    0 | COMPLETE |");
  const std::string newest = output_of("study trials small --limit 1 --state complete,fail");
  EXPECT_CONTAINS(newest, "    2 | COMPLETE |");
  EXPECT_EQ(newest.find("    1 | COMPLETE |"), std::string::npos);
  EXPECT_CONTAINS(newest, "the newest 1 of 3 trials; --limit 0 shows all");

  const json trials = json_of("study trials small")["trials"];
  const json best = json_of("study best small")["best"];
  ASSERT_EQ(trials.size(), 3u);
  ASSERT_EQ(best.size(), 1u);
  for (const json& trial : trials) EXPECT_LE(trial["values"][0], best[0]["values"][0]);
  EXPECT_CONTAINS(output_of("study best small"), fmt::format("Best trial: {}", best[0]["number"].get<int>()));
  const json saved = json::parse(read_text_file(folder() / "lathe_output/small/search_ckpts/best.json"));
  EXPECT_EQ(saved["0"]["number"], best[0]["number"]);
  EXPECT_EQ(json_of("study best small --limit 2")["best"].size(), 2u);
}

TEST_F(SearchedStudy, ComesBackFromAFileAndGoesOnThere) {
  output_of("study export small --output small.json");
  EXPECT_CONTAINS(output_of("study import small.json --storage copy.db"), "3 trials of \"small\" imported");
  EXPECT_EQ(output_of("study export small --storage copy.db"), read_text_file(folder() / "small.json"));
  output_of("study import small.json --storage copy.db --name other");
  EXPECT_EQ(json_of("study list --storage copy.db")["storages"][0]["studies"].size(), 2u);
  output_of("search --config study.toml --storage copy.db --study other --n-trials 4");
  EXPECT_EQ(json_of("study trials other --storage copy.db")["trials"].size(), 4u);

  const std::string csv = output_of("study export small --format csv");
  EXPECT_TRUE(csv.starts_with("number,state,value,")) << csv;
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 4);
}

TEST_F(SearchedStudy, IsDeletedOnlyWhenSaidSo) {
  EXPECT_CONTAINS(mistake_of("study delete small"), "give --yes: there is no terminal to ask on");
  EXPECT_CONTAINS(output_of("study delete small --yes"), "Deleted \"small\" with 3 trials");
  EXPECT_CONTAINS(output_of("study list"), "no studies");
}

TEST_F(SearchedStudy, RunsQueuedTrialsFirst) {
  EXPECT_CONTAINS(
      output_of("study enqueue small seq_blocks_2=1 seq_blocks_4.channel_multiplier=0.5 --user-attribute memo=guess "
                "--user-attribute rank=1"),
      "Trial 3 of \"small\" waits with seq_blocks_2.channel_multiplier=1, seq_blocks_4.channel_multiplier=0.5");
  EXPECT_EQ(json_of("study trials small --state waiting")["trials"].size(), 1u);
  ASSERT_EQ(run("search --config study.toml --resume --n-trials 4").exit_code, 0);
  const json trial = json_of("study trials small")["trials"][3];
  EXPECT_EQ(trial["state"], "COMPLETE");
  EXPECT_EQ(trial["parameters"]["seq_blocks_2/config/channel_multiplier"], 1);
  EXPECT_EQ(trial["parameters"]["seq_blocks_4/config/channel_multiplier"], 0.5);
  EXPECT_EQ(trial["user_attributes"]["memo"], "guess");
  EXPECT_EQ(trial["user_attributes"]["rank"], 1);
}

TEST_F(SearchedStudy, RefusesTrialsThatItCannotRun) {
  EXPECT_CONTAINS(mistake_of("study enqueue small channel_multiplier=1"),
                  "\"channel_multiplier\" may mean several parameters: seq_blocks_2.channel_multiplier, "
                  "seq_blocks_4.channel_multiplier");
  EXPECT_CONTAINS(mistake_of("study enqueue small seq_blocks_3=1"), "the study decides no \"seq_blocks_3\"");
  EXPECT_CONTAINS(mistake_of("study enqueue small seq_blocks_4=3"),
                  "seq_blocks_4/config/channel_multiplier: cannot be 3; the nearest is 2 (allowed: 0.5, 1, 2)");
  EXPECT_CONTAINS(mistake_of("study enqueue small seq_blocks_4=1 seq_blocks_4=2"), "is given twice");
  EXPECT_CONTAINS(mistake_of("study enqueue small seq_blocks_4"), "write a value as key=value");
  EXPECT_CONTAINS(mistake_of("study enqueue small"), "needs the value of at least one parameter");
  EXPECT_CONTAINS(mistake_of("study enqueue small seq_blocks_4=1 --user-attribute lathe:key=1"), "belongs to lathe");
  EXPECT_EQ(json_of("study list")["storages"][0]["studies"][0]["trials"]["all"], 3);
}

TEST_F(SearchedStudy, MistakesAreNamed) {
  EXPECT_CONTAINS(mistake_of("study show smal"), "there is no study \"smal\" in sqlite:///");
  EXPECT_CONTAINS(mistake_of("study show smal"), "did you mean \"small\"?");
  EXPECT_CONTAINS(mistake_of("study show"), "`lathe study show` needs the study");
  EXPECT_CONTAINS(mistake_of("study list small"), "takes no name");
  EXPECT_CONTAINS(mistake_of("study show small small"), "one word too many");
  EXPECT_CONTAINS(mistake_of("study show small --yes"), "--yes does not go with `lathe study show`");
  EXPECT_CONTAINS(mistake_of("study trials small --state DONE"), "\"DONE\" is no state of a trial");
}

TEST_F(SearchedStudy, FilesThatAreNoStudyAreRefusedWhole) {
  output_of("study export small --output small.json");
  const std::string whole = read_text_file(folder() / "small.json");
  const auto refused = [&](const std::string& text) {
    write_text_file_atomically(folder() / "bad.json", text);
    const std::string message = mistake_of("study import bad.json --storage new.db", 3);
    EXPECT_FALSE(fs::exists(folder() / "new.db"));
    return message;
  };
  const auto with = [&](const std::string& part, const std::string& other) {
    std::string text = whole;
    return text.replace(text.rfind(part), part.size(), other);
  };
  EXPECT_CONTAINS(refused(whole.substr(0, whole.size() / 2)), "bad.json: is no JSON (it breaks off");
  EXPECT_CONTAINS(refused(with("\"stored\":", "\"stored\":1e400")), "a number is beyond the range of double");
  EXPECT_CONTAINS(refused(std::string(100'000, '[')), "bad.json: is no JSON (nested deeper than 256)");
  EXPECT_CONTAINS(refused(with("\"number\":2", "\"number\":-2")), "trials[2]: a trial's number is at least 0");
  EXPECT_CONTAINS(refused(with("\"number\":2", "\"number\":\"2\"")), "number: \"2\" is no whole number");
  EXPECT_CONTAINS(refused(with("\"distribution\":1", "\"distribution\":-1")), "is no whole number from 0");
  EXPECT_CONTAINS(refused("{}"), "bad.json: no study that `lathe study export` wrote");
  EXPECT_CONTAINS(refused(with("\"schema_version\": 1", "\"schema_version\": 2")), "written in layout 2");
  EXPECT_CONTAINS(refused(with("\"state\":\"COMPLETE\"", "\"state\":\"DONE\"")), "trials[2]: \"DONE\" is no state");
  EXPECT_CONTAINS(refused(with("\"values\":[", "\"values\":[1,")), "trials[2]: 2 values in state COMPLETE");
  EXPECT_CONTAINS(refused(with("\"distribution\":1", "\"distribution\":7")), "there is no distribution 7");
  EXPECT_CONTAINS(refused(with("\"number\":2", "\"number\":0")), "trials[2]: its number is out of order");
  EXPECT_CONTAINS(mistake_of("study import small.json"), "already holds a study named \"small\"");
}

TEST_F(Study, NothingIsMadeByLookingAtIt) {
  EXPECT_CONTAINS(mistake_of("study list --storage absent.db", 5),
                  "cannot open the study file absent.db: it does not exist");
  EXPECT_FALSE(fs::exists(folder() / "absent.db"));
  write_text_file_atomically(folder() / "empty.db", "");
  EXPECT_CONTAINS(mistake_of("study list --storage empty.db", 5), "empty.db: it holds no studies yet");
  EXPECT_CONTAINS(mistake_of("study list"), "there is no study file lathe_output/*/search_ckpts/study.db");
  EXPECT_CONTAINS(mistake_of("study list --storage memory"), "a storage in memory ends with the program");
}

// Two studies of tests/storage/write_with_optuna.py: `single` with all kinds of parameters and states, `front` with two
// objectives and constraints.
class OptunasStudies : public Study {
 protected:
  void SetUp() override {
    const auto result = testing::run_program(
        fmt::format("/usr/bin/python3 {}/tests/storage/write_with_optuna.py sqlite:///{}/optuna.db", LATHE_SOURCE_DIR,
                    folder().string()),
        folder());
    if (result.exit_code == 77 || result.exit_code == 127) LATHE_PEER_IS_ABSENT("python3-optuna is not installed");
    ASSERT_EQ(result.exit_code, 0) << result.errors;
  }
};

TEST_F(OptunasStudies, AreShown) {
  const json studies = json_of("study list --storage optuna.db")["storages"][0]["studies"];
  ASSERT_EQ(studies.size(), 2u);
  EXPECT_EQ(studies[0]["trials"], json::parse(R"({"all": 6, "complete": 2, "pruned": 1, "failed": 1, "running": 1,
                                                  "waiting": 1})"));
  const std::string shown = output_of("study show single --storage optuna.db");
  EXPECT_CONTAINS(shown, "another program");
  EXPECT_CONTAINS(shown, "rate      | 1e-05 to 0.1, logarithmic");
  EXPECT_CONTAINS(shown, "width     | 8 to 64 by 8");
  EXPECT_CONTAINS(shown, "mixed     | NA, 0.5, 1, true, both é");
  const std::string trials = output_of("study trials single --storage optuna.db");
  EXPECT_CONTAINS(trials, "    3 | COMPLETE |    inf |");
  EXPECT_CONTAINS(trials, "    5 | WAITING  |      - | rate=0.001 mixed=NA");
  EXPECT_EQ(json_of("study best single --storage optuna.db")["best"][0]["values"][0], "Infinity");
}

TEST_F(OptunasStudies, LeaveOutOfTheFrontWhatBreaksAConstraint) {
  const json best = json_of("study best front --storage optuna.db")["best"];
  ASSERT_EQ(best.size(), 1u);
  EXPECT_EQ(best[0]["parameters"]["x"], 1);
  EXPECT_EQ(best[0]["values"].size(), 2u);
  EXPECT_CONTAINS(output_of("study trials front --storage optuna.db"), "breaks a constraint");
}

TEST_F(OptunasStudies, ComeBackFromAFile) {
  for (const std::string name : {"single", "front"}) {
    output_of(fmt::format("study export {0} --storage optuna.db --output {0}.json", name));
    output_of(fmt::format("study import {}.json --storage copy.db", name));
    output_of(fmt::format("study export {0} --storage copy.db --output {0}-2.json", name));
  }
  EXPECT_EQ(read_text_file(folder() / "front-2.json"), read_text_file(folder() / "front.json"));
  json before = json::parse(read_text_file(folder() / "single.json"));
  json after = json::parse(read_text_file(folder() / "single-2.json"));
  EXPECT_EQ(before["trials"][0]["intermediate_values"], json::parse(R"([[1, 0.25], [2, "NaN"], [3, "-Infinity"]])"));
  EXPECT_EQ(after["trials"][4]["state"], "WAITING");  // it ran while it was exported
  EXPECT_EQ(after["trials"][4]["system_attributes"]["fixed_params"]["width"],
            before["trials"][4]["parameters"]["width"]["value"]);
  before["trials"].erase(4);
  after["trials"].erase(4);
  EXPECT_EQ(after, before);
}

TEST_F(OptunasStudies, TakeQueuedTrials) {
  output_of("study enqueue single --storage optuna.db mixed=NA depth=3 rate=1e-3");
  const json waiting = json_of("study trials single --storage optuna.db --state waiting")["trials"][1];
  EXPECT_EQ(waiting["system_attributes"]["fixed_params"], json::parse(R"({"mixed": null, "depth": 3, "rate": 0.001})"));
  EXPECT_CONTAINS(mistake_of("study enqueue single --storage optuna.db width=9"),
                  "cannot be 9 (allowed: 8 to 64 by 8)");
  EXPECT_CONTAINS(mistake_of("study enqueue single --storage optuna.db widht=8"), "did you mean \"width\"?");
}

}  // namespace
}  // namespace lathe::cli
