#pragma once

#include <cstdio>
#include <ctime>
#include <functional>
#include <iostream>
#include <string>

#include "engine/workload.h"

/// The protocol of the engine suite's programs.
namespace bench {

/// Does a piece of work and returns how much it did: rows, or floating-point operations, or bytes.
using Work = std::function<double()>;
/// Prepares a task on a network at a batch size. An empty result: the program does not know the task.
using Start = std::function<Work(const std::string& task, const std::string& network, std::size_t batch)>;

/// Returns the seconds of processor time that this program has used: what other programs take does not count.
inline double processor_seconds() {
  std::timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

inline double wall_seconds() {
  std::timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Works on for about `seconds` of processor time, looking at the clock about once in a millisecond.
/// Returns what was done per second of processor time and per second of wall time.
inline std::pair<double, double> measure(const Work& work, double seconds) {
  const double wall = wall_seconds();
  const double begin = processor_seconds();
  double done = 0;
  double elapsed = 0;
  for (std::size_t pieces = 1; elapsed < seconds;) {
    for (std::size_t i = 0; i < pieces; ++i) done += work();
    const double now = processor_seconds() - begin;
    if (now - elapsed < 5e-4) pieces *= 2;
    elapsed = now;
  }
  return {done / elapsed, done / (wall_seconds() - wall)};
}

/// Serves requests `TASK NETWORK BATCH SECONDS` from the standard input and answers each with a line `RATE WALL_RATE`,
/// see measure(), or `unknown`. A request that repeats the one before goes on with its weights.
inline void serve(const Start& start) {
  std::string task, network;
  std::size_t batch = 0;
  double seconds = 0;
  std::string current;
  Work work;
  while (std::cin >> task >> network >> batch >> seconds) {
    if (const std::string key = task + " " + network + " " + std::to_string(batch); key != current) {
      work = start(task, network, batch);
      current = key;
      if (work) work();  // the first piece is a warm-up
    }
    if (work) {
      const auto [rate, wall_rate] = measure(work, seconds);
      std::printf("%.6g %.6g\n", rate, wall_rate);
    } else {
      std::puts("unknown");
    }
    std::fflush(stdout);
  }
}

/// Goes through the shuffled rows of the workload batch by batch; a piece of work is a step, or four small ones.
template <typename Step>
Work steps_of(Step step, std::size_t batch) {
  const std::size_t burst = batch < 512 ? 4 : 1;
  return [step, batch, burst, first = std::size_t{0}]() mutable {
    for (std::size_t i = 0; i < burst; ++i, first += batch) {
      if (first + batch > kRows) first = 0;
      step(first, batch);
    }
    return static_cast<double>(burst * batch);
  };
}

}  // namespace bench
