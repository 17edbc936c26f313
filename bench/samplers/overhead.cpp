#include <malloc.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <new>

#include "lathe/base/random.h"
#include "lathe/config/value.h"
#include "lathe/sampler/draw.h"
#include "lathe/sampler/sampler.h"
#include "lathe/storage/sqlite/sqlite_storage.h"
#include "problems.h"

/// Measures what a sampler costs per trial when n trials have ended, on 12 parameters x 6 choices. The n trials are
/// random points. Prints one line per sampler, storage and n: sampler, storage, n, rounds, median microseconds of ask +
/// announce + tell (memory: processor time; sqlite: wall time, with start_trial and finish_trial), bytes of heap that
/// the sampler holds per trial; tabs between.
namespace {
std::atomic<std::int64_t> live_bytes{0};
}

void* operator new(std::size_t size) {
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  live_bytes += static_cast<std::int64_t>(malloc_usable_size(memory));
  return memory;
}
void operator delete(void* memory) noexcept {
  live_bytes -= static_cast<std::int64_t>(malloc_usable_size(memory));
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }

namespace lathe::bench {
namespace {

using sampler::FinishedTrial;

constexpr int kWarmUp = 3;
constexpr int kMostRounds = 120;
constexpr int kLeastRounds = 5;

struct Arguments {
  std::vector<std::string> contenders;
  std::vector<std::int64_t> sizes{100, 1000, 5000, 10000};
  std::string database;  ///< folder; empty: memory alone
  double seconds = 6;    ///< per measurement, about
};

double now_us(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::unique_ptr<sampler::Sampler> make(const std::string& contender, const Problem& problem, std::int64_t trials) {
  const std::size_t colon = contender.find(':');
  std::string text = colon == std::string::npos ? "" : contender.substr(colon + 1);
  std::replace(text.begin(), text.end(), ';', '\n');
  const config::Value options = config::parse_text(text, contender);
  return sampler::make_sampler({.name = contender.substr(0, colon),
                                .seed = 1,
                                .space = problem.space,
                                .directions = problem.directions,
                                .n_trials = trials,
                                .options = &options});
}

/// Returns the point that trial `number` of the history has, the same for every sampler.
FinishedTrial past_trial(const Problem& problem, std::int64_t number) {
  RandomStream stream(7, {static_cast<std::uint64_t>(number)}, "bench history");
  parameter::Assignment assignment = sampler::draw_assignment(problem.space, stream);
  const std::vector<double> values = problem.evaluate(assignment);
  return {number, std::move(assignment), TrialState::kComplete, values};
}

/// Writes trials to a study in a database file.
class Database {
 public:
  Database(const std::filesystem::path& folder, const Problem& problem)
      : path_(folder / "samplers_bench.db"), space_(problem.space) {
    remove();
    storage_ = storage::open_sqlite(path_);
    study_ = storage_->create_study("bench", problem.directions, {}, {});
    for (const auto& parameter : space_.parameters()) {
      distributions_.push_back(std::make_shared<parameter::Distribution>(parameter.distribution));  // trials share it
    }
  }
  ~Database() {
    storage_.reset();
    remove();
  }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void start(const parameter::Assignment& assignment) {
    trial_ = *storage_->start_trial(
        study_, {.parameters = parameters(assignment), .started = std::chrono::system_clock::now()});
  }
  void finish(const std::vector<double>& values) {
    trial_.state = TrialState::kComplete;
    trial_.completed = std::chrono::system_clock::now();
    trial_.values = values;
    storage_->finish_trial(trial_);
  }
  /// Fills the study with trials that ended, in one transaction.
  void import(const std::vector<FinishedTrial>& history) {
    std::vector<storage::Trial> trials;
    for (const FinishedTrial& past : history) {
      trials.push_back({.number = past.number,
                        .state = TrialState::kComplete,
                        .values = past.values,
                        .parameters = parameters(past.assignment),
                        .started = std::chrono::system_clock::now(),
                        .completed = std::chrono::system_clock::now()});
    }
    storage::StudyInfo info = *storage_->find_study("bench");
    info.name = "filled";
    study_ = storage_->import_study(info, trials);
  }

 private:
  std::vector<storage::Parameter> parameters(const parameter::Assignment& assignment) const {
    std::vector<storage::Parameter> list;
    for (std::size_t i = 0; i < assignment.size(); ++i) {
      list.push_back({space_.parameters()[i].name, distributions_[i], assignment[i]});
    }
    return list;
  }
  void remove() const {
    for (const char* ending : {"", "-wal", "-shm"}) std::filesystem::remove(path_.string() + ending);
  }

  std::filesystem::path path_;
  parameter::Space space_;
  std::unique_ptr<storage::Storage> storage_;
  std::int64_t study_ = 0;
  std::vector<std::shared_ptr<const parameter::Distribution>> distributions_;
  storage::Trial trial_;
};

void measure(const Arguments& arguments, const std::string& contender, const Problem& problem, std::int64_t size,
             bool with_database) {
  std::vector<FinishedTrial> history;
  for (std::int64_t number = 0; number < size; ++number) history.push_back(past_trial(problem, number));
  std::unique_ptr<Database> database;
  if (with_database) {
    database = std::make_unique<Database>(arguments.database, problem);
    database->import(history);
  }
  const std::int64_t before = live_bytes;
  const auto asked = make(contender, problem, size + kWarmUp + kMostRounds);
  for (const FinishedTrial& trial : history) {
    asked->announce(trial.number, trial.assignment);
    asked->tell(trial);
  }
  const std::int64_t held = live_bytes - before;
  const clockid_t clock = with_database ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID;
  const double deadline = now_us(CLOCK_MONOTONIC) + arguments.seconds * 1e6;
  std::vector<double> rounds;
  for (int round = 0; round < kWarmUp + kMostRounds; ++round) {
    if (static_cast<int>(rounds.size()) >= kLeastRounds && now_us(CLOCK_MONOTONIC) > deadline) break;
    const std::int64_t number = size + round;
    const double start = now_us(clock);
    const parameter::Assignment assignment = asked->ask(number).value();
    asked->announce(number, assignment);
    if (database) database->start(assignment);
    const double asked_at = now_us(clock);
    FinishedTrial trial{number, assignment, TrialState::kComplete, problem.evaluate(assignment)};
    const double evaluated_at = now_us(clock);
    asked->tell(trial);
    if (database) database->finish(trial.values);
    const double end = now_us(clock);
    if (round >= kWarmUp) rounds.push_back(end - evaluated_at + asked_at - start);
  }
  std::printf("%s\t%s\t%ld\t%zu\t%.2f\t%.0f\n", contender.c_str(), with_database ? "sqlite" : "memory",
              static_cast<long>(size), rounds.size(), median(rounds),
              static_cast<double>(held) / static_cast<double>(size));
  std::fflush(stdout);
}

void run(const Arguments& arguments) {
  const std::vector<Problem> list = problems();
  const Problem& problem =
      *std::find_if(list.begin(), list.end(), [](const Problem& one) { return one.name == "nk12"; });
  for (const std::string& contender : arguments.contenders) {
    for (const std::int64_t size : arguments.sizes) {
      measure(arguments, contender, problem, size, false);
      if (!arguments.database.empty()) measure(arguments, contender, problem, size, true);
    }
  }
}

}  // namespace
}  // namespace lathe::bench

int main(int argc, char** argv) {
  CLI::App app{"Overhead of the samplers"};
  lathe::bench::Arguments arguments;
  app.add_option("contenders", arguments.contenders, "samplers: NAME or NAME:key = value;key = value")->required();
  app.add_option("--sizes", arguments.sizes, "numbers of ended trials")->delimiter(',');
  app.add_option("--database", arguments.database, "folder for SQLite files; none: memory alone");
  app.add_option("--seconds", arguments.seconds, "per measurement, about");
  CLI11_PARSE(app, argc, argv);
  lathe::bench::run(arguments);
}
