#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <thread>

#include "lathe/base/file.h"
#include "lathe/base/random.h"
#include "lathe/storage/sqlite/sqlite_storage.h"
#include "peers.h"
#include "program.h"

// Workers that are killed at random moments: nothing is lost, and the study is the one that an undisturbed run makes.
namespace lathe::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kWorkers = 4;
constexpr const char* kPython = "/usr/bin/python3";

// Six decisions; a trial takes some ten milliseconds.
std::string study_file(int trials) {
  return fmt::format(R"(
model = "jsc-three-linear-layers-logits"
dataset = "jets"
batch_size = 256
project = "killed"
[search.search_space]
name = "graph/quantize/mixed_precision_qat"
[search.search_space.seed.default.config]
name = ["NA"]
[search.search_space.seed.seq_blocks_2.config]
name = ["integer"]
channel_multiplier = [0.5, 1, 2, 4]
data_in_width = {{ low = 3, high = 10 }}
data_in_frac_width = [2]
weight_width = {{ low = 3, high = 10 }}
weight_frac_width = [2]
bias_width = [8]
bias_frac_width = [4]
[search.search_space.seed.seq_blocks_4.config]
name = ["integer"]
channel_multiplier = [0.5, 1, 2, 4]
data_in_width = {{ low = 3, high = 10 }}
data_in_frac_width = [2]
weight_width = {{ low = 3, high = 10 }}
weight_frac_width = [2]
bias_width = [8]
bias_frac_width = [4]
[search.strategy]
eval_mode = false
[search.strategy.sw_runner.basic_train]
num_samples = 150000
max_epochs = 1000
optimizer = "adam"
learning_rate = 1e-2
[search.strategy.setup]
n_trials = {}
sampler = "tpe"
heartbeat = 0.25
heartbeat_grace = 1.0
max_attempts = 1000
[search.strategy.metrics]
accuracy = {{ scale = 1.0, direction = "maximize" }}
average_bitwidth = {{ scale = 1.0, direction = "minimize" }}
)",
                     trials);
}

// What must not depend on kills: parameters, state and values of each trial by number.
using Outcome = std::map<std::int64_t, std::string>;

Outcome outcome_of(const fs::path& database) {
  const auto storage = storage::open_sqlite(database);
  const auto study = storage->find_study("jets");
  Outcome outcome;
  if (!study) return outcome;
  for (const storage::Trial& trial : storage->trials(study->study_id)) {
    std::string text = to_string(trial.state);
    for (const storage::Parameter& parameter : trial.parameters) text += fmt::format(" {}", parameter.value);
    for (const double value : trial.values) text += fmt::format(" {:a}", value);
    EXPECT_TRUE(outcome.emplace(trial.number, text).second) << "number " << trial.number << " twice";
  }
  return outcome;
}

Outcome finished_of(const Outcome& outcome) {
  Outcome finished;
  for (const auto& [number, text] : outcome) {
    if (!text.starts_with("RUNNING")) finished.emplace(number, text);
  }
  return finished;
}

class Killed : public ::testing::Test {
 protected:
  fs::path folder() const { return folder_.path(); }

  std::vector<std::string> worker_arguments(const fs::path& database, int place) const {
    return {std::getenv("LATHE_PROGRAM"),
            "search",
            "--config",
            (folder() / "study.toml").string(),
            "--storage",
            database.string(),
            "--study",
            "jets",
            "--project-dir",
            folder().string(),
            "--project",
            fmt::format("worker{}", place),
            "--quiet"};
  }

  pid_t start_worker(const fs::path& database, int place) const {
    std::vector<std::string> arguments = worker_arguments(database, place);
    std::vector<char*> words;
    for (std::string& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    const pid_t process = fork();
    if (process == 0) {
      const std::string log = (folder() / fmt::format("worker{}.log", place)).string();
      if (std::freopen(log.c_str(), "a", stdout) == nullptr || std::freopen(log.c_str(), "a", stderr) == nullptr)
        _exit(98);
      execv(words.front(), words.data());
      _exit(99);
    }
    return process;
  }

  // Runs four workers and kills one of them, at random moments, so many times; returns how many kills there were.
  int run_and_kill(const fs::path& database, int kills) {
    RandomStream stream(20261121, {static_cast<std::uint64_t>(kills)}, "kill test");
    std::array<pid_t, kWorkers> workers{};
    for (int place = 0; place < kWorkers; ++place)
      workers[static_cast<std::size_t>(place)] = start_worker(database, place);
    Outcome before;
    int killed = 0;
    for (; killed < kills; ++killed) {
      std::this_thread::sleep_for(std::chrono::milliseconds(30 + stream.below(100)));
      const auto place = static_cast<std::size_t>(stream.below(kWorkers));
      int status = 0;
      if (waitpid(workers[place], &status, WNOHANG) != 0) {  // the study ended before the kills did
        expect_success(status);
        workers[place] = 0;
        break;
      }
      kill(workers[place], SIGKILL);
      waitpid(workers[place], nullptr, 0);
      if (killed % 10 == 0) expect_nothing_lost(database, before);
      workers[place] = start_worker(database, static_cast<int>(place));
    }
    for (const pid_t worker : workers) {
      if (worker == 0) continue;
      int status = 0;
      waitpid(worker, &status, 0);
      expect_success(status);
    }
    expect_nothing_lost(database, before);
    return killed;
  }

  void expect_success(int status) const { EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << logs(); }

  // Every trial that had ended is still there, unchanged.
  static void expect_nothing_lost(const fs::path& database, Outcome& before) {
    if (!fs::exists(database)) return;
    const Outcome now = outcome_of(database);
    for (const auto& [number, text] : before) {
      ASSERT_TRUE(now.contains(number)) << number;
      EXPECT_EQ(now.at(number), text) << number;
    }
    before = finished_of(now);
  }

  std::string logs() const {
    std::string text;
    for (int place = 0; place < kWorkers; ++place)
      text += testing::file_text(folder() / fmt::format("worker{}.log", place));
    return text;
  }

  void expect_undisturbed(int trials, int kills) {
    write_text_file_atomically(folder() / "study.toml", study_file(trials));
    const fs::path calm = folder() / "calm.db", rough = folder() / "rough.db";
    const auto alone = testing::run_program(
        fmt::format(
            "{} search --config {} --storage {} --study jets --project-dir {} --project alone --quiet --n-jobs 2",
            std::getenv("LATHE_PROGRAM"), (folder() / "study.toml").string(), calm.string(), folder().string()),
        folder());
    ASSERT_EQ(alone.exit_code, 0) << alone.errors;
    EXPECT_EQ(run_and_kill(rough, kills), kills) << "the study ended too early: give it more trials";

    const Outcome expected = outcome_of(calm), got = outcome_of(rough);
    EXPECT_EQ(expected.size(), static_cast<std::size_t>(trials));
    EXPECT_EQ(got.size(), static_cast<std::size_t>(trials));
    ASSERT_FALSE(got.empty());
    EXPECT_EQ(got.rbegin()->first, trials - 1);  // numbers without gaps
    EXPECT_EQ(got, expected);
    const auto best = [&](const std::string& project) {
      return read_text_file(folder() / project / "search_ckpts" / "best.json");
    };
    for (int place = 0; place < kWorkers; ++place) {
      EXPECT_EQ(best(fmt::format("worker{}", place)), best("alone")) << place;
    }
    expect_optuna_reads(rough, trials);
  }

  void expect_optuna_reads(const fs::path& database, int trials) {
    if (testing::run_program(fmt::format("{} -c 'import optuna'", kPython), folder()).exit_code != 0) {
      LATHE_PEER_IS_ABSENT("python3-optuna is not installed");
    }
    const auto read = testing::run_program(
        fmt::format(
            "{} -c \"import optuna; s = optuna.load_study(study_name='jets', storage=optuna.storages.RDBStorage("
            "'sqlite:///{}', skip_compatibility_check=True)); print(len([t for t in s.trials if t.state.name == "
            "'COMPLETE']))\"",
            kPython, database.string()),
        folder());
    EXPECT_EQ(read.output, fmt::format("{}\n", trials)) << read.errors;
  }

 private:
  testing::TemporaryFolder folder_;
};

TEST_F(Killed, LosesNothingInTwentyKills) { expect_undisturbed(300, 20); }

TEST_F(Killed, LosesNothingInTwoHundredKills) { expect_undisturbed(2500, 200); }

}  // namespace
}  // namespace lathe::cli
