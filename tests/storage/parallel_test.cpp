#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <thread>

#include "lathe/base/error.h"
#include "peers.h"
#include "storage/place.h"
#include "storage/sample.h"

/// Many workers on one database, killed workers, and large studies. The figures that are printed are those of
/// docs/decisions; the bounds are loose, since a machine may be shared with other tests.
namespace lathe::storage {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

/// Twelve parameters of six choices, as the JSC studies have them.
std::vector<Parameter> twelve_parameters() {
  std::vector<parameter::Choice> choices;
  for (std::int64_t k = 1; k <= 6; ++k) choices.emplace_back(k);
  std::vector<Parameter> parameters;
  for (int i = 0; i < 12; ++i) {
    parameters.push_back(categorical(fmt::format("seq_blocks_{}/config/channel_multiplier", i), choices, i % 6));
  }
  return parameters;
}

Trial evaluated(Trial trial) {
  trial.state = TrialState::kComplete;
  trial.values = {static_cast<double>(trial.number)};
  trial.user_attributes = {{"software_metrics", "{\"accuracy\": 0.5, \"loss\": 1.25}"}};
  return trial;
}

/// What workers report to the test, in memory that processes share.
struct Report {
  double worst_seconds = 0;  ///< of one call
  bool failed = false;
};

void run_trials(Storage& storage, std::int64_t study, int count, Report& report) {
  const std::vector<Parameter> parameters = twelve_parameters();
  const auto timed = [&](const auto& call) {
    const auto begin = Clock::now();
    auto result = call();
    report.worst_seconds = std::max(report.worst_seconds, seconds_since(begin));
    return result;
  };
  for (int i = 0; i < count; ++i) {
    const Trial trial = timed([&] { return start(storage, study, parameters, std::chrono::system_clock::now()); });
    if (!timed([&] { return storage.finish_trial(evaluated(trial)); })) report.failed = true;
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

class StorageParallel : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    place_ = make_place(GetParam());
    if (!place_) LATHE_PEER_IS_ABSENT("no PostgreSQL server is installed");
  }
  std::int64_t make_study() { return place_->open()->create_study("jets", {Direction::kMaximize}, {}, {}); }

  /// Runs workers, prints what they reached, and returns their trials per second.
  template <typename Run>
  double measure(const char* what, int workers, int trials_each, const Run& run) {
    const auto begin = Clock::now();
    const std::vector<Report> reports = run();
    const double rate = workers * trials_each / seconds_since(begin);
    double worst = 0;
    for (const Report& report : reports) {
      EXPECT_FALSE(report.failed);
      worst = std::max(worst, report.worst_seconds);
    }
    std::printf("%s, %d %s: %.0f trials/s together, longest call %.3f s\n", GetParam().c_str(), workers, what, rate,
                worst);
    EXPECT_LT(worst, 20.0);
    return rate;
  }

  std::unique_ptr<Place> place_;
};

INSTANTIATE_TEST_SUITE_P(Databases, StorageParallel, testing::Values("sqlite", "postgresql"),
                         [](const auto& kind) { return kind.param; });

constexpr int kWorkers = 16;
constexpr int kTrialsEach = 50;

TEST_P(StorageParallel, ThreadsWithConnectionsOfTheirOwn) {
  const std::int64_t study = make_study();
  const double rate = measure("threads", kWorkers, kTrialsEach, [&] {
    std::vector<Report> reports(kWorkers);
    std::vector<std::thread> threads;
    for (Report& report : reports) {
      threads.emplace_back([&] { run_trials(*place_->open(), study, kTrialsEach, report); });
    }
    for (std::thread& thread : threads) thread.join();
    return reports;
  });
  EXPECT_GT(rate, 50);
  expect_numbers_without_gaps(place_->open()->trials(study), kWorkers * kTrialsEach);
}

/// Calls `work` in a child process, which must not run the destructors of the parent's objects.
pid_t fork_worker(const std::function<void()>& work) {
  const pid_t worker = ::fork();
  if (worker != 0) return worker;
  try {
    work();
    std::_Exit(0);
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    std::_Exit(1);
  }
}

TEST_P(StorageParallel, Processes) {
  const std::int64_t study = make_study();
  void* shared = ::mmap(nullptr, kWorkers * sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  auto* reports = static_cast<Report*>(shared);
  const double rate = measure("processes", kWorkers, kTrialsEach, [&] {
    std::vector<pid_t> workers;
    for (int w = 0; w < kWorkers; ++w) {
      workers.push_back(fork_worker([&] { run_trials(*place_->open(), study, kTrialsEach, reports[w]); }));
    }
    for (const pid_t worker : workers) {
      int status = 0;
      EXPECT_EQ(::waitpid(worker, &status, 0), worker);
      EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    return std::vector<Report>(reports, reports + kWorkers);
  });
  ::munmap(shared, kWorkers * sizeof(Report));
  EXPECT_GT(rate, 50);
  expect_numbers_without_gaps(place_->open()->trials(study), kWorkers * kTrialsEach);
}

TEST_P(StorageParallel, ManyOpenOneNewDatabaseAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < kWorkers; ++t) {
    threads.emplace_back([&, t] {
      const std::string name = fmt::format("study {}", t);
      EXPECT_EQ(message_of([&] { place_->open()->create_study(name, {Direction::kMaximize}, {}, {}); }), "no error");
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(place_->open()->studies().size(), static_cast<std::size_t>(kWorkers));
}

/// A worker is killed at a random moment: nothing that was stored is lost and the database opens.
TEST_P(StorageParallel, AKilledWorkerLosesAtMostItsRunningTrial) {
  const std::int64_t study = make_study();
  std::size_t stored = 0;
  for (int round = 0; round < 10; ++round) {
    Report report;
    const pid_t worker = fork_worker([&] { run_trials(*place_->open(), study, 1'000'000, report); });
    while (place_->open()->trials(study).size() <= stored) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::this_thread::sleep_for(std::chrono::milliseconds(7 * round));
    ::kill(worker, SIGKILL);
    ::waitpid(worker, nullptr, 0);
    const auto trials = place_->open()->trials(study);
    ASSERT_GE(trials.size(), stored);
    stored = trials.size();
    std::size_t running = 0;
    for (std::size_t i = 0; i < trials.size(); ++i) {
      ASSERT_EQ(trials[i].number, static_cast<std::int64_t>(i));
      running += trials[i].state == TrialState::kRunning ? 1U : 0U;
      ASSERT_EQ(trials[i].parameters.size(), 12U);
      ASSERT_EQ(trials[i].values.size(), trials[i].state == TrialState::kComplete ? 1U : 0U);
    }
    ASSERT_LE(running, static_cast<std::size_t>(round) + 1);
  }
  EXPECT_GT(stored, 0U);
}

class StorageSpeed : public StorageParallel {};
INSTANTIATE_TEST_SUITE_P(All, StorageSpeed, testing::Values("memory", "sqlite", "postgresql"),
                         [](const auto& kind) { return kind.param; });

TEST_P(StorageSpeed, TenThousandTrials) {
  constexpr int kTrials = 10'000;
  const std::vector<Trial> trials(kTrials, evaluated({.parameters = twelve_parameters(), .started = kStart}));
  auto begin = Clock::now();
  const std::int64_t study =
      place_->open()->import_study({.name = "jets", .directions = {Direction::kMaximize}}, trials);
  const double import_seconds = seconds_since(begin);
  begin = Clock::now();
  const auto storage = place_->open();
  EXPECT_TRUE(storage->find_study("jets").has_value());
  const auto read = storage->trials(study);
  const double open_seconds = seconds_since(begin);
  ASSERT_EQ(read.size(), trials.size());
  EXPECT_EQ(read.back().parameters.size(), 12U);

  constexpr int kMore = 500;
  const std::vector<Parameter> parameters = twelve_parameters();
  double start_seconds = 0, finish_seconds = 0, changed_seconds = 0;
  std::int64_t last = read.back().trial_id;
  for (int i = 0; i < kMore; ++i) {
    begin = Clock::now();
    const Trial trial = start(*storage, study, parameters, std::chrono::system_clock::now());
    start_seconds += seconds_since(begin);
    begin = Clock::now();
    storage->finish_trial(evaluated(trial));
    finish_seconds += seconds_since(begin);
    begin = Clock::now();
    EXPECT_EQ(storage->changed_trials(study, last, {last}).size(), 2U);
    changed_seconds += seconds_since(begin);
    last = trial.trial_id;
  }
  std::printf(
      "%s: import %.2f s, open and load %.3f s for %d trials of 12 parameters; then start %.3f ms, finish %.3f "
      "ms, changed_trials %.3f ms\n",
      GetParam().c_str(), import_seconds, open_seconds, kTrials, start_seconds / kMore * 1e3,
      finish_seconds / kMore * 1e3, changed_seconds / kMore * 1e3);
}

}  // namespace
}  // namespace lathe::storage
