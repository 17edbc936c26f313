#pragma once

#include <cstdint>
#include <cstdio>
#include <ctime>
#include <functional>
#include <iostream>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

/// What both programs of the engine suite share: the same rows, the same networks, the same protocol.
namespace bench {

inline constexpr std::size_t kRows = 200000, kFeatures = 16, kClasses = 5;
inline constexpr double kLearningRate = 1e-2;

/// Holds 200,000 rows of 16 standard normal features whose labels a fixed rule gives, in shuffled order.
struct Workload {
  std::vector<float> features = std::vector<float>(kRows * kFeatures);
  std::vector<std::int32_t> labels = std::vector<std::int32_t>(kRows);
  std::vector<std::uint32_t> order = std::vector<std::uint32_t>(kRows);

  Workload() {
    std::mt19937 generator(1);
    std::normal_distribution<float> normal;
    for (float& value : features) value = normal(generator);
    for (std::size_t i = 0; i < kRows; ++i) {
      const float* x = features.data() + i * kFeatures;
      for (std::size_t k = 1; k < kClasses; ++k)
        if (x[k] + x[k + 5] > x[labels[i]] + x[labels[i] + 5]) labels[i] = static_cast<std::int32_t>(k);
    }
    std::iota(order.begin(), order.end(), 0u);
    for (std::size_t i = kRows; i > 1; --i) std::swap(order[i - 1], order[generator() % i]);
  }
};

/// Describes a network: batch norm and ReLU on the input or not, widths of the linear layers, ReLU between them, and on
/// the logits or not.
struct Network {
  bool input_batch_norm = false;
  std::vector<std::int64_t> widths;
  bool relu_on_logits = false;
};

inline Network network(const std::string& name) {
  if (name == "jsc-three-linear-layers") return {true, {16, 16, 16, 5}, true};
  return {false, {16, 64, 32, 32, 5}, false};  // 16-64-32-32-5
}

/// Runs one training step on the rows order[first, first + batch) and returns the mean loss where it knows it, else 0.
using Step = std::function<double(std::size_t first, std::size_t batch)>;
/// Prepares training of a network at a batch size.
using Start = std::function<Step(const Network&, std::size_t batch)>;

/// Returns the seconds of processor time that this program has used: what other programs take does not count.
inline double processor_seconds() {
  std::timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Serves requests `NETWORK BATCH SECONDS` from the standard input: trains on for about that long and answers with the
/// steps per second of processor time. Each (network, batch) keeps its weights between requests.
inline void serve(const Start& start) {
  std::string name;
  std::size_t batch = 0;
  double seconds = 0;
  std::string current;
  Step step;
  std::size_t first = 0;
  while (std::cin >> name >> batch >> seconds) {
    if (const std::string key = name + " " + std::to_string(batch); key != current) {
      step = start(network(name), batch);
      current = key;
    }
    const double begin = processor_seconds();
    std::size_t steps = 0;
    double elapsed = 0;
    while (elapsed < seconds) {
      const std::size_t burst = batch <= 128 ? 16 : 1;
      for (std::size_t i = 0; i < burst; ++i, ++steps, first += batch) {
        if (first + batch > kRows) first = 0;
        step(first, batch);
      }
      elapsed = processor_seconds() - begin;
    }
    std::printf("%.6g\n", static_cast<double>(steps) / elapsed);
    std::fflush(stdout);
  }
}

}  // namespace bench
