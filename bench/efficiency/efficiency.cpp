#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "lathe/config/value.h"
#include "lathe/sampler/hypervolume.h"
#include "lathe/sampler/sampler.h"
#include "measured_tables.h"

/// Measures how good the best trial is after so many trials, over seeds. Prints one line per problem, contender and
/// number of trials: problem, contender, trials, mean, standard error, mean of distinct points, microseconds of
/// processor time per ask (median over the trials so far); tabs between. With --each-seed a line per seed in place of
/// these: problem, contender, trials, seed, value, trials that failed, microseconds.
namespace lathe::bench {
namespace {

using sampler::FinishedTrial;

struct Arguments {
  std::vector<std::string> contenders;
  std::vector<std::string> problems;
  std::string tables;
  std::vector<std::int64_t> checkpoints{50, 100, 200};
  int seeds = 50;
  std::int64_t lag = 4;
  bool failing = false;
  bool untold = false;
  bool each_seed = false;
  unsigned threads = std::max(1U, std::thread::hardware_concurrency());
};

/// Holds what one seed gave at one number of trials.
struct Reached {
  double value = 0;
  double distinct = 0;
  double ask_us = 0;
  std::int64_t failed = 0;
};

double processor_us() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Follows the best value, or the hypervolume of all points.
class Progress {
 public:
  explicit Progress(const Problem& problem) : problem_(problem) {}
  void add(const parameter::Assignment& assignment, const std::vector<double>& values) {
    distinct_.insert(assignment);
    if (values.empty()) {
      ++failed_;
      return;
    }
    points_.push_back(values);
    best_ = std::min(best_, values[0]);
  }
  std::int64_t failed() const { return failed_; }
  double value() const {
    return problem_.directions.size() == 1 ? best_ : sampler::hypervolume(points_, problem_.reference);
  }
  std::size_t distinct() const { return distinct_.size(); }

 private:
  const Problem& problem_;
  std::set<parameter::Assignment> distinct_;
  std::vector<sampler::Losses> points_;
  std::int64_t failed_ = 0;
  double best_ = std::numeric_limits<double>::infinity();
};

/// Makes the sampler of `name` or `name:key = value;key = value`.
std::unique_ptr<sampler::Sampler> make(const std::string& contender, const Problem& problem, std::uint64_t seed,
                                       std::int64_t trials) {
  const std::size_t colon = contender.find(':');
  std::string text = colon == std::string::npos ? "" : contender.substr(colon + 1);
  std::replace(text.begin(), text.end(), ';', '\n');
  const config::Value options = config::parse_text(text, contender);
  return sampler::make_sampler({.name = contender.substr(0, colon),
                                .seed = seed,
                                .space = problem.space,
                                .directions = problem.directions,
                                .n_trials = trials,
                                .options = &options});
}

/// Runs one study by the lag rule; a sampler that ends early keeps its last figures.
std::vector<Reached> run_seed(const Arguments& arguments, const std::string& contender, const Problem& problem,
                              int seed) {
  const std::int64_t trials = arguments.checkpoints.back();
  const auto asked = make(contender, problem, static_cast<std::uint64_t>(seed), trials);
  Progress progress(problem);
  std::vector<FinishedTrial> finished;
  std::vector<double> costs{0};
  std::vector<Reached> reached;
  std::int64_t told = 0;
  bool exhausted = false;
  for (std::int64_t number = 0; number < trials; ++number) {
    const double start = processor_us();
    for (; !exhausted && told < number - arguments.lag + 1; ++told)
      asked->tell(finished[static_cast<std::size_t>(told)]);
    const auto assignment = exhausted ? std::nullopt : asked->ask(number);
    if (assignment) {
      asked->announce(number, *assignment);
      costs.push_back(processor_us() - start);
      finished.push_back({.number = number, .assignment = *assignment, .values = problem.evaluate(*assignment)});
      if (finished.back().values.empty()) {
        finished.back().state = TrialState::kFail;
        finished.back().point_failed = !arguments.untold;
      }
      progress.add(*assignment, finished.back().values);
    } else {
      exhausted = true;
    }
    if (std::binary_search(arguments.checkpoints.begin(), arguments.checkpoints.end(), number + 1)) {
      reached.push_back({progress.value(), static_cast<double>(progress.distinct()), median(costs), progress.failed()});
    }
  }
  return reached;
}

void print_lines(const Arguments& arguments, const std::string& contender, const Problem& problem,
                 const std::vector<std::vector<Reached>>& seeds) {
  const auto count = static_cast<double>(seeds.size());
  for (std::size_t point = 0; point < arguments.checkpoints.size(); ++point) {
    double mean = 0, squares = 0, distinct = 0;
    std::vector<double> costs;
    for (const auto& seed : seeds) {
      mean += seed[point].value / count;
      distinct += seed[point].distinct / count;
      costs.push_back(seed[point].ask_us);
    }
    for (const auto& seed : seeds) squares += (seed[point].value - mean) * (seed[point].value - mean);
    const double error = count > 1 ? std::sqrt(squares / (count - 1) / count) : 0;
    std::printf("%s\t%s\t%ld\t%.17g\t%.17g\t%.1f\t%.1f\n", problem.name.c_str(), contender.c_str(),
                static_cast<long>(arguments.checkpoints[point]), mean, error, distinct, median(costs));
  }
  std::fflush(stdout);
}

void print_each_seed(const Arguments& arguments, const std::string& contender, const Problem& problem,
                     const std::vector<std::vector<Reached>>& seeds) {
  for (std::size_t point = 0; point < arguments.checkpoints.size(); ++point) {
    for (std::size_t seed = 0; seed < seeds.size(); ++seed) {
      const Reached& reached = seeds[seed][point];
      std::printf("%s\t%s\t%ld\t%zu\t%.17g\t%ld\t%.1f\n", problem.name.c_str(), contender.c_str(),
                  static_cast<long>(arguments.checkpoints[point]), seed, reached.value,
                  static_cast<long>(reached.failed), reached.ask_us);
    }
  }
  std::fflush(stdout);
}

void measure(const Arguments& arguments, const std::string& contender, const Problem& problem) {
  std::vector<std::vector<Reached>> seeds(static_cast<std::size_t>(arguments.seeds));
  std::atomic<int> next{0};
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < arguments.threads; ++i) {
    threads.emplace_back([&] {
      for (int seed = next++; seed < arguments.seeds; seed = next++) {
        seeds[static_cast<std::size_t>(seed)] = run_seed(arguments, contender, problem, seed);
      }
    });
  }
  threads.clear();
  (arguments.each_seed ? print_each_seed : print_lines)(arguments, contender, problem, seeds);
}

std::vector<Problem> problems_of(const Arguments& arguments) {
  if (!arguments.tables.empty()) return measured_problems(arguments.tables);
  return arguments.failing ? failing_problems() : problems();
}

void run(const Arguments& arguments) {
  for (const Problem& problem : problems_of(arguments)) {
    const bool wanted = arguments.problems.empty() ||
                        std::count(arguments.problems.begin(), arguments.problems.end(), problem.name) > 0;
    if (!wanted) continue;
    std::printf("%s\toptimum\t0\t%.17g\t0\t0\t0\n", problem.name.c_str(), problem.optimum);
    for (const std::string& contender : arguments.contenders) measure(arguments, contender, problem);
  }
}

}  // namespace
}  // namespace lathe::bench

int main(int argc, char** argv) {
  CLI::App app{"Sample efficiency of the samplers"};
  lathe::bench::Arguments arguments;
  app.add_option("contenders", arguments.contenders, "samplers: NAME or NAME:key = value;key = value")->required();
  app.add_option("--problems", arguments.problems, "names; all by default")->delimiter(',');
  app.add_option("--tables", arguments.tables, "folder of measured tables, in place of the synthetic problems");
  app.add_option("--checkpoints", arguments.checkpoints, "numbers of trials, ascending")->delimiter(',');
  app.add_option("--seeds", arguments.seeds, "seeds 0, 1, ...");
  app.add_option("--lag", arguments.lag, "trial t is asked with the results of trials 0 .. t - lag");
  app.add_option("--threads", arguments.threads, "seeds at a time");
  app.add_flag("--failing", arguments.failing, "the problems with points that fail, in place of the others");
  app.add_flag("--untold", arguments.untold, "tell the sampler nothing of failed points");
  app.add_flag("--each-seed", arguments.each_seed, "a line per seed");
  CLI11_PARSE(app, argc, argv);
  lathe::bench::run(arguments);
}
