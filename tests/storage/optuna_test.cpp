#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cmath>
#include <cstdio>
#include <limits>

#include "lathe/storage/sqlite/sqlite_storage.h"
#include "lathe/storage/text.h"
#include "storage/temporary_folder.h"

/// The real python3-optuna opens, reads and continues files that lathe wrote.
namespace lathe::storage {
namespace {

const Time kStart = time_from_text("2026-11-21 02:09:41.500000");

struct Output {
  int exit_code = 0;
  std::string text;
};

Output run_optuna(const std::filesystem::path& path, const std::string& study, bool skip_check) {
  std::string command = "/usr/bin/python3 " LATHE_SOURCE_DIR "/tests/storage/read_with_optuna.py ";
  command.append(path.string()).append(" ").append(study);
  command += skip_check ? " --skip-compatibility-check 2>&1" : " 2>&1";
  FILE* pipe = ::popen(command.c_str(), "r");
  Output output;
  char buffer[4096];
  while (std::size_t count = std::fread(buffer, 1, sizeof buffer, pipe)) output.text.append(buffer, count);
  const int status = ::pclose(pipe);
  output.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return output;
}

bool optuna_is_absent(const Output& output) { return output.exit_code == 77 || output.exit_code == 127; }

Trial ended(Trial trial, TrialState state, std::vector<double> values) {
  trial.state = state;
  trial.values = std::move(values);
  trial.completed = kStart + std::chrono::milliseconds(2250);
  return trial;
}

std::vector<Parameter> parameters(std::int64_t multiplier, std::int64_t mixed) {
  return {{"multiplier", {std::int64_t{1}, std::int64_t{2}, std::int64_t{4}}, multiplier},
          {"mixed", {std::monostate{}, 0.5, 1.0, true, std::string("both é")}, mixed}};
}

/// Four trials of one objective: two complete, one failed, one pruned.
void write_single(Storage& storage) {
  const auto study = storage.create_study("jets", {Direction::kMaximize}, {{"dataset", "{\"rows\": 3}"}},
                                          {{"study:metric_names", "[\"accuracy\"]"}});
  Trial first = storage.start_trial(study, parameters(2, 0), kStart);
  first.user_attributes = {{"software_metrics", "{\"accuracy\": 0.5, \"note\": \"\\u00e9\"}"}};
  first.system_attributes = {{"constraints", "[-1.5]"}};
  first.intermediate_values = {{1, 0.25}, {2, std::nan("")}, {3, std::numeric_limits<double>::infinity()}};
  storage.finish_trial(ended(first, TrialState::kComplete, {0.5}));
  const Trial second = storage.start_trial(study, parameters(0, 4), kStart);
  storage.finish_trial(ended(second, TrialState::kComplete, {0.625}));
  Trial third = storage.start_trial(study, parameters(1, 3), kStart);
  third.user_attributes = {{"reason", "\"diverged\""}};
  storage.finish_trial(ended(third, TrialState::kFail, {}));
  Trial fourth = storage.start_trial(study, parameters(1, 2), kStart);
  fourth.intermediate_values = {{1, 0.125}};
  storage.finish_trial(ended(fourth, TrialState::kPruned, {0.125}));
}

constexpr const char* kSingle = R"(directions ['MAXIMIZE']
user_attrs {'dataset': {'rows': 3}}
names {'study:metric_names': ['accuracy']}
0 COMPLETE [0.5] {'mixed': None, 'multiplier': 4} {'software_metrics': {'accuracy': 0.5, 'note': 'é'}} {'constraints': [-1.5]}
  intermediate {1: 0.25, 2: nan, 3: inf}
  choices {'mixed': (None, 0.5, 1.0, True, 'both é'), 'multiplier': (1, 2, 4)}
  duration 0:00:02.250000
1 COMPLETE [0.625] {'mixed': 'both é', 'multiplier': 1} {} {}
  intermediate {}
  choices {'mixed': (None, 0.5, 1.0, True, 'both é'), 'multiplier': (1, 2, 4)}
  duration 0:00:02.250000
2 FAIL None {'mixed': True, 'multiplier': 2} {'reason': 'diverged'} {}
  intermediate {}
  choices {'mixed': (None, 0.5, 1.0, True, 'both é'), 'multiplier': (1, 2, 4)}
  duration 0:00:02.250000
3 PRUNED [0.125] {'mixed': 1.0, 'multiplier': 2} {} {}
  intermediate {1: 0.125}
  choices {'mixed': (None, 0.5, 1.0, True, 'both é'), 'multiplier': (1, 2, 4)}
  duration 0:00:02.250000
best 1 0.625
told 4
)";

TEST(Optuna, LoadsAndContinuesAStudyStampedForIt) {
  const TemporaryFolder folder;
  const auto path = folder.file("study.db");
  write_single(*open_sqlite(path, {.optuna_compat = "3.1"}));
  const Output output = run_optuna(path, "jets", false);
  if (optuna_is_absent(output)) GTEST_SKIP() << "python3-optuna is not installed";
  EXPECT_EQ(output.exit_code, 0);
  EXPECT_EQ(output.text, kSingle);
  const auto trials = open_sqlite(path)->trials(1);
  ASSERT_EQ(trials.size(), 5U);
  EXPECT_EQ(trials[4].values, std::vector{0.75});
  EXPECT_EQ(trials[4].parameters[0].choices, trials[0].parameters[0].choices);
}

TEST(Optuna, LoadsADefaultFileWithoutTheVersionCheck) {
  const TemporaryFolder folder;
  const auto path = folder.file("study.db");
  write_single(*open_sqlite(path));
  const Output output = run_optuna(path, "jets", true);
  if (optuna_is_absent(output)) GTEST_SKIP() << "python3-optuna is not installed";
  EXPECT_EQ(output.text, kSingle);
}

TEST(Optuna, ReadsSeveralObjectivesWhileLatheHasTheFileOpen) {
  const TemporaryFolder folder;
  const auto path = folder.file("study.db");
  const auto storage = open_sqlite(path, {.optuna_compat = "3.1"});
  const auto study = storage->create_study("front", {Direction::kMaximize, Direction::kMinimize}, {}, {});
  const std::vector<std::vector<double>> values{{0.5, 100}, {0.75, 300}, {0.5, 200}};
  for (const auto& pair : values) {
    storage->finish_trial(ended(storage->start_trial(study, parameters(0, 0), kStart), TrialState::kComplete, pair));
  }
  const Output output = run_optuna(path, "front", false);
  if (optuna_is_absent(output)) GTEST_SKIP() << "python3-optuna is not installed";
  EXPECT_NE(output.text.find("directions ['MAXIMIZE', 'MINIMIZE']"), std::string::npos) << output.text;
  EXPECT_NE(output.text.find("best [0, 1]\ntold 3\n"), std::string::npos) << output.text;
  EXPECT_EQ(storage->start_trial(study, parameters(0, 0), kStart).number, 4);
}

}  // namespace
}  // namespace lathe::storage
