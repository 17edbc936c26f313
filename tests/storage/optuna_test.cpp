#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cmath>
#include <cstdio>
#include <limits>

#include "lathe/storage/sqlite/sqlite_storage.h"
#include "lathe/storage/text.h"
#include "storage/sample.h"
#include "storage/temporary_folder.h"

/// The real python3-optuna opens, reads and continues files that lathe wrote.
namespace lathe::storage {
namespace {

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

std::vector<Parameter> parameters(double multiplier, double mixed) {
  return {categorical("multiplier", {std::int64_t{1}, std::int64_t{2}, std::int64_t{4}}, multiplier),
          categorical("mixed", {std::monostate{}, 0.5, 1.0, true, std::string("both é")}, mixed)};
}

/// Four trials of one objective: two complete, one failed, one pruned.
void write_single(Storage& storage) {
  const auto study = storage.create_study("jets", {Direction::kMaximize}, {{"dataset", "{\"rows\": 3}"}},
                                          {{"study:metric_names", "[\"accuracy\"]"}});
  Trial first = start(storage, study, parameters(2, 0));
  first.user_attributes = {{"software_metrics", "{\"accuracy\": 0.5, \"note\": \"\\u00e9\"}"}};
  first.system_attributes = {{"constraints", "[-1.5]"}};
  first.intermediate_values = {{1, 0.25}, {2, std::nan("")}, {3, std::numeric_limits<double>::infinity()}};
  storage.finish_trial(ended(first, TrialState::kComplete, {0.5}));
  const Trial second = start(storage, study, parameters(0, 4));
  storage.finish_trial(ended(second, TrialState::kComplete, {0.625}));
  Trial third = start(storage, study, parameters(1, 3));
  third.user_attributes = {{"reason", "\"diverged\""}};
  storage.finish_trial(ended(third, TrialState::kFail, {}));
  Trial fourth = start(storage, study, parameters(1, 2));
  fourth.intermediate_values = {{1, 0.125}};
  storage.finish_trial(ended(fourth, TrialState::kPruned, {0.125}));
}

constexpr const char* kSingle = R"(directions ['MAXIMIZE']
user_attrs {'dataset': {'rows': 3}}
names {'study:metric_names': ['accuracy']}
0 COMPLETE [0.5] {'mixed': None, 'multiplier': 4} {'software_metrics': {'accuracy': 0.5, 'note': 'é'}} {'constraints': [-1.5]}
  intermediate {1: 0.25, 2: nan, 3: inf}
  choices {'mixed': (None, 0.5, 1.0, True, 'both é'), 'multiplier': (1, 2, 4)}
  duration 0:00:01
1 COMPLETE [0.625] {'mixed': 'both é', 'multiplier': 1} {} {}
  intermediate {}
  choices {'mixed': (None, 0.5, 1.0, True, 'both é'), 'multiplier': (1, 2, 4)}
  duration 0:00:01
2 FAIL None {'mixed': True, 'multiplier': 2} {'reason': 'diverged'} {}
  intermediate {}
  choices {'mixed': (None, 0.5, 1.0, True, 'both é'), 'multiplier': (1, 2, 4)}
  duration 0:00:01
3 PRUNED [0.125] {'mixed': 1.0, 'multiplier': 2} {} {}
  intermediate {1: 0.125}
  choices {'mixed': (None, 0.5, 1.0, True, 'both é'), 'multiplier': (1, 2, 4)}
  duration 0:00:01
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
  EXPECT_EQ(*trials[4].parameters[0].distribution, *trials[0].parameters[0].distribution);
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
    storage->finish_trial(ended(start(*storage, study, parameters(0, 0)), TrialState::kComplete, pair));
  }
  const Output output = run_optuna(path, "front", false);
  if (optuna_is_absent(output)) GTEST_SKIP() << "python3-optuna is not installed";
  EXPECT_NE(output.text.find("directions ['MAXIMIZE', 'MINIMIZE']"), std::string::npos) << output.text;
  EXPECT_NE(output.text.find("best [0, 1]\ntold 3\n"), std::string::npos) << output.text;
  EXPECT_EQ(start(*storage, study, parameters(0, 0)).number, 4);
}

}  // namespace
}  // namespace lathe::storage
