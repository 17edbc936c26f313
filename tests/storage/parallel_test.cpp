#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include <chrono>
#include <thread>

#include "lathe/base/error.h"
#include "lathe/storage/sqlite/sqlite_storage.h"
#include "storage/sample.h"
#include "storage/temporary_folder.h"

namespace lathe::storage {
namespace {

void run_trials(Storage& storage, std::int64_t study, int count) {
  const std::vector<Parameter> parameters{categorical("width", {std::int64_t{1}, std::int64_t{2}}, 1),
                                          categorical("bits", {4.0, 8.0}, 0)};
  for (int i = 0; i < count; ++i) {
    Trial trial = start(storage, study, parameters, std::chrono::system_clock::now());
    trial.state = TrialState::kComplete;
    trial.values = {static_cast<double>(trial.number)};
    trial.user_attributes = {{"software_metrics", "{\"accuracy\": 0.5}"}};
    storage.finish_trial(trial);
  }
}

void expect_numbers_without_gaps(const std::vector<Trial>& trials, std::size_t count) {
  ASSERT_EQ(trials.size(), count);
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_EQ(trials[i].number, static_cast<std::int64_t>(i));
    ASSERT_EQ(trials[i].state, TrialState::kComplete);
    ASSERT_EQ(trials[i].values, std::vector{static_cast<double>(i)});
    if (i > 0) {
      ASSERT_GT(trials[i].trial_id, trials[i - 1].trial_id);
    }
  }
}

TEST(SqliteParallel, ThreadsShareOneStorage) {
  const TemporaryFolder folder;
  const auto storage = open_sqlite(folder.file("study.db"));
  const auto study = storage->create_study("jets", {Direction::kMaximize}, {}, {});
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) threads.emplace_back([&] { run_trials(*storage, study, 25); });
  for (std::thread& thread : threads) thread.join();
  expect_numbers_without_gaps(storage->trials(study), 200);
}

TEST(SqliteParallel, ManyOpenOneNewFileAtOnce) {
  const TemporaryFolder folder;
  const auto path = folder.file("study.db");
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&path, t] {
      try {
        open_sqlite(path)->create_study("study " + std::to_string(t), {Direction::kMaximize}, {}, {});
      } catch (const Error& error) {
        ADD_FAILURE() << error.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(open_sqlite(path)->studies().size(), 16U);
}

TEST(SqliteParallel, ProcessesShareOneFile) {
  const TemporaryFolder folder;
  const auto path = folder.file("study.db");
  const auto study = open_sqlite(path)->create_study("jets", {Direction::kMaximize}, {}, {});
  std::vector<pid_t> workers;
  for (int w = 0; w < 4; ++w) {
    const pid_t worker = ::fork();
    ASSERT_GE(worker, 0);
    if (worker == 0) {
      try {
        run_trials(*open_sqlite(path), study, 25);
        std::_Exit(0);
      } catch (const Error&) {
        std::_Exit(1);
      }
    }
    workers.push_back(worker);
  }
  for (const pid_t worker : workers) {
    int status = 0;
    ASSERT_EQ(::waitpid(worker, &status, 0), worker);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  expect_numbers_without_gaps(open_sqlite(path)->trials(study), 100);
}

/// A worker is killed at a random moment: nothing that was stored is lost and the file opens.
TEST(SqliteParallel, AKilledWorkerLosesAtMostItsRunningTrial) {
  const TemporaryFolder folder;
  const auto path = folder.file("study.db");
  const auto study = open_sqlite(path)->create_study("jets", {Direction::kMaximize}, {}, {});
  std::size_t stored = 0;
  for (int round = 0; round < 10; ++round) {
    const pid_t worker = ::fork();
    ASSERT_GE(worker, 0);
    if (worker == 0) {
      run_trials(*open_sqlite(path), study, 1'000'000);
      std::_Exit(0);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(30 + 7 * round));
    ::kill(worker, SIGKILL);
    ::waitpid(worker, nullptr, 0);
    const auto trials = open_sqlite(path)->trials(study);
    ASSERT_GE(trials.size(), stored);
    stored = trials.size();
    std::size_t running = 0;
    for (std::size_t i = 0; i < trials.size(); ++i) {
      ASSERT_EQ(trials[i].number, static_cast<std::int64_t>(i));
      running += trials[i].state == TrialState::kRunning ? 1U : 0U;
      if (trials[i].state == TrialState::kComplete) {
        ASSERT_EQ(trials[i].values.size(), 1U);
      }
    }
    ASSERT_LE(running, static_cast<std::size_t>(round) + 1);
  }
  EXPECT_GT(stored, 0U);
}

constexpr int kStoredTrials = 1'000;
constexpr int kCopies = 10;

void run_sql(const std::filesystem::path& path, const std::string& sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
  sqlite3_close(database);
}

/// Stores trials of 12 parameters with 6 choices; returns the milliseconds that one takes, start and end.
double store_trials(Storage& storage) {
  const auto study = storage.create_study("jets", {Direction::kMaximize}, {}, {});
  std::vector<parameter::Choice> choices;
  for (std::int64_t k = 1; k <= 6; ++k) choices.emplace_back(k);
  std::vector<Parameter> parameters;
  for (int i = 0; i < 12; ++i) {
    parameters.push_back(categorical("seq_blocks_" + std::to_string(i) + "/config/channel_multiplier", choices, i % 6));
  }
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < kStoredTrials; ++i) {
    Trial trial = start(storage, study, parameters, std::chrono::system_clock::now());
    trial.state = TrialState::kComplete;
    trial.values = {0.5};
    trial.user_attributes = {{"software_metrics", "{\"accuracy\": 0.5, \"loss\": 1.25}"}};
    storage.finish_trial(trial);
  }
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  return took.count() / kStoredTrials;
}

/// Repeats the rows of all trials kCopies - 1 times, with ids and numbers that follow.
void multiply_trials(const std::filesystem::path& path) {
  const std::string counter =
      fmt::format("WITH RECURSIVE copy(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM copy WHERE k < {}) ", kCopies - 1);
  const std::string id = fmt::format("trial_id + k * {}", kStoredTrials);
  run_sql(path, "BEGIN;" + counter +
                    fmt::format("INSERT INTO trials SELECT {0}, number + k * {1}, study_id, state, datetime_start, "
                                "datetime_complete FROM copy, trials;",
                                id, kStoredTrials) +
                    counter +
                    fmt::format("INSERT INTO trial_params SELECT NULL, {}, param_name, param_value, distribution_json "
                                "FROM copy, trial_params;",
                                id) +
                    counter +
                    fmt::format("INSERT INTO trial_values SELECT NULL, {}, objective, value, value_type FROM copy, "
                                "trial_values;",
                                id) +
                    counter +
                    fmt::format("INSERT INTO trial_user_attributes SELECT NULL, {}, \"key\", value_json FROM copy, "
                                "trial_user_attributes; COMMIT",
                                id));
}

TEST(SqliteSpeed, TenThousandTrialsLoadQuickly) {
  const TemporaryFolder folder;
  const auto path = folder.file("study.db");
  std::printf("start + end: %.3f ms per trial of 12 parameters\n", store_trials(*open_sqlite(path)));
  multiply_trials(path);
  const auto begin = std::chrono::steady_clock::now();
  const auto trials = open_sqlite(path)->trials(1);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("open and load: %.3f s for %zu trials\n", took.count(), trials.size());
  ASSERT_EQ(trials.size(), static_cast<std::size_t>(kStoredTrials * kCopies));
  for (std::size_t i = 0; i < trials.size(); ++i) {
    ASSERT_EQ(trials[i].number, static_cast<std::int64_t>(i));
    ASSERT_EQ(trials[i].parameters.size(), 12U);
    ASSERT_EQ(trials[i].values.size(), 1U);
  }
  // The aim is 0.3 s; a machine that is shared with other tests gets more time.
  EXPECT_LT(took.count(), 3.0);
}

}  // namespace
}  // namespace lathe::storage
