// Runs fixed small workloads of the engine for callgrind, which counts the instructions of each on its own: a dump
// after every workload is named `TASK NETWORK BATCH ROWS`. Steps before are a warm-up that is not counted.
#include <valgrind/callgrind.h>

#include <memory>
#include <span>
#include <string>

#include "engine/network_graph.h"
#include "lathe/backend/dense/dense.h"
#include "lathe/base/random.h"
#include "lathe/engine/shuffle.h"
#include "lathe/engine/train.h"

namespace {

using lathe::engine::Session;

constexpr std::size_t kCounted = 1024;  // rows

const char* const kNetworks[] = {"jsc-three-linear-layers",      "16-64-32-32-5",
                                 "jsc-three-linear-layers-x6",   "16-17-23-5",
                                 "jsc-three-linear-layers:w6a6", "16-64-32-32-5:w4a4"};
const std::size_t kBatches[] = {8, 128, 512};

void dump(const std::string& task, const std::string& network, std::size_t batch, std::size_t rows) {
  const std::string name = task + " " + network + " " + std::to_string(batch) + " " + std::to_string(rows);
  CALLGRIND_DUMP_STATS_AT(name.c_str());
}

class Counter {
 public:
  Counter() {
    dataset_.classes = bench::kClasses;
    dataset_.train.width = bench::kFeatures;
    dataset_.train.features.assign(workload_.features.begin(),
                                   workload_.features.begin() + kCounted * bench::kFeatures);
    dataset_.train.labels.assign(workload_.labels.begin(), workload_.labels.begin() + kCounted);
    lathe::data::arrange_blocks(dataset_.train);
  }

  void count(const std::string& network, std::size_t batch) const {
    const lathe::ir::Graph graph = make_graph(bench::network(network));
    const auto session = fresh(graph, batch);
    const std::vector<std::uint32_t> rows = order(batch);
    const auto count_steps = [&](const char* task, const auto& step) {
      step(0);
      CALLGRIND_ZERO_STATS;
      for (std::size_t first = 0; first < kCounted; first += batch) step(first);
      dump(task, network, batch, kCounted);
    };
    count_steps("accumulate", [&](std::size_t first) {
      session->expect(dataset_.train, std::span(rows).subspan(first + batch));
      session->accumulate(dataset_.train, std::span(rows).subspan(first, batch), 1.0 / static_cast<double>(batch), 0);
    });
    count_steps("update", [&](std::size_t) { session->update(bench::kLearningRate); });
    count_steps("evaluate", [&](std::size_t first) {
      session->evaluate(dataset_.train, static_cast<std::int64_t>(first), static_cast<std::int64_t>(batch));
    });
  }

  /// Counts a whole epoch: shuffling and history included.
  void count_epoch(const std::string& network, std::size_t batch) const {
    const lathe::ir::Graph graph = make_graph(bench::network(network));
    const auto session = fresh(graph, batch);
    lathe::engine::TrainSettings settings;
    settings.batch_size = static_cast<std::int64_t>(batch);
    settings.max_epochs = 1;
    settings.validate_each_epoch = false;
    const lathe::engine::StopToken stop;
    for (const bool counted : {false, true}) {
      if (counted) CALLGRIND_ZERO_STATS;
      lathe::engine::train(*session, graph, dataset_, settings, {.seed = 1, .candidate = 2, .repeat = 0}, stop);
    }
    dump("epoch", network, batch, kCounted);
  }

  /// Counts what a candidate costs before its first step; one row.
  void count_start(const std::string& network, std::size_t batch) const {
    const lathe::ir::Graph graph = make_graph(bench::network(network));
    fresh(graph, batch);
    CALLGRIND_ZERO_STATS;
    fresh(graph, batch);
    dump("start", network, batch, 1);
  }

 private:
  std::unique_ptr<Session> fresh(const lathe::ir::Graph& graph, std::size_t batch) const {
    auto session =
        backend_->compile(graph, {.batch_size = static_cast<std::int64_t>(batch), .training = true})->make_session();
    session->load(lathe::engine::initial_state(graph, 1, 2, 3));
    session->set_optimizer({});
    return session;
  }

  /// Returns the rows in the order of an epoch of engine::train.
  static std::vector<std::uint32_t> order(std::size_t batch) {
    std::vector<std::uint32_t> result(kCounted);
    lathe::RandomStream stream(1, {2, 3}, "shuffle");
    lathe::engine::shuffle_rows(stream, static_cast<std::int64_t>(batch), result);
    return result;
  }

  bench::Workload workload_;
  lathe::data::Dataset dataset_;
  std::shared_ptr<const lathe::engine::Backend> backend_ = lathe::backend::make_dense_backend();
};

}  // namespace

int main() {
  const Counter counter;
  CALLGRIND_START_INSTRUMENTATION;
  for (const char* network : kNetworks) {
    for (const std::size_t batch : kBatches) counter.count(network, batch);
    counter.count_epoch(network, 128);
    counter.count_start(network, 128);
  }
  return 0;
}
