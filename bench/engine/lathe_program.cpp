// Serves the tasks of the engine suite with the dense engine:
//   train      steps on the shuffled rows, batch-norm running statistics and the loss included
//   update     optimiser steps alone (as many rows as if each had trained BATCH)
//   evaluate   evaluation of the rows in their order
//   epoch      engine::train: shuffling, history and stop token included, no validation
//   trials-N   N threads that train a trial each (to be read by wall time)
//   peak, memory, target    floating-point operations, bytes read, the SIMD target on the standard error
#include <cstdio>
#include <memory>
#include <span>
#include <thread>

#include "engine/network_graph.h"
#include "engine/roofs.h"
#include "engine/serve.h"
#include "lathe/backend/dense/dense.h"
#include "lathe/base/random.h"
#include "lathe/engine/shuffle.h"
#include "lathe/engine/train.h"

namespace {

using lathe::engine::Session;

class Tasks {
 public:
  Tasks() {
    samples_.width = bench::kFeatures;
    samples_.features = workload_.features;
    samples_.labels = workload_.labels;
    lathe::data::arrange_blocks(samples_);
  }

  bench::Work start(const std::string& task, const std::string& name, std::size_t batch) {
    if (task == "peak") return [] { return bench::multiply_add(100000); };
    if (task == "memory") return [this] { return bench::read_floats(big()); };
    const lathe::ir::Graph graph = make_graph(bench::network(name));
    if (task == "train") return train(graph, batch);
    if (task == "update") return update(graph, batch);
    if (task == "evaluate") return evaluate(graph, batch);
    if (task == "epoch") return epoch(graph, batch);
    if (task.starts_with("trials-")) return trials(graph, batch, std::stoul(task.substr(7)));
    return {};
  }

 private:
  std::shared_ptr<Session> session(const lathe::ir::Graph& graph, std::size_t batch) const {
    std::shared_ptr<Session> result =
        backend_->compile(graph, {.batch_size = static_cast<std::int64_t>(batch), .training = true})->make_session();
    result->load(lathe::engine::initial_state(graph, 1, 2, 3));
    result->set_optimizer({});
    return result;
  }

  /// Returns the rows in the order of an epoch of engine::train.
  static std::vector<std::uint32_t> order(std::size_t batch) {
    std::vector<std::uint32_t> result(bench::kRows);
    lathe::RandomStream stream(1, {2, 3}, "shuffle");
    lathe::engine::shuffle_rows(stream, static_cast<std::int64_t>(batch), result);
    return result;
  }

  bench::Work train(const lathe::ir::Graph& graph, std::size_t batch) const {
    const auto step = [this, session = session(graph, batch), order = order(batch)](std::size_t first,
                                                                                    std::size_t rows) {
      const std::span<const std::uint32_t> epoch(order);
      session->expect(samples_, epoch.subspan(first + rows));
      session->accumulate(samples_, epoch.subspan(first, rows), 1.0 / static_cast<double>(rows), 0);
      session->update(bench::kLearningRate);
    };
    return bench::steps_of(step, batch);
  }

  bench::Work update(const lathe::ir::Graph& graph, std::size_t batch) const {
    const auto step = [session = session(graph, batch)](std::size_t, std::size_t) {
      session->update(bench::kLearningRate);
    };
    return bench::steps_of(step, batch);
  }

  bench::Work evaluate(const lathe::ir::Graph& graph, std::size_t batch) const {
    const auto step = [this, session = session(graph, batch)](std::size_t first, std::size_t rows) {
      session->evaluate(samples_, static_cast<std::int64_t>(first), static_cast<std::int64_t>(rows));
    };
    return bench::steps_of(step, batch);
  }

  bench::Work epoch(const lathe::ir::Graph& graph, std::size_t batch) {
    dataset_.classes = bench::kClasses;
    dataset_.train = samples_;
    lathe::engine::TrainSettings settings;
    settings.learning_rate = bench::kLearningRate;
    settings.batch_size = static_cast<std::int64_t>(batch);
    settings.max_epochs = 1;
    settings.validate_each_epoch = false;
    return [this, graph, settings, session = session(graph, batch), epochs = std::uint64_t{0}]() mutable {
      const lathe::engine::StopToken stop;
      const auto report = lathe::engine::train(*session, graph, dataset_, settings,
                                               {.seed = 1, .candidate = 2, .repeat = epochs++}, stop);
      return static_cast<double>(report.samples);
    };
  }

  bench::Work trials(const lathe::ir::Graph& graph, std::size_t batch, std::size_t threads) const {
    std::vector<bench::Work> works;
    for (std::size_t i = 0; i < threads; ++i) works.push_back(train(graph, batch));
    return [works]() mutable {
      std::vector<std::thread> workers;
      std::vector<double> done(works.size());
      for (std::size_t i = 0; i < works.size(); ++i)
        workers.emplace_back([&, i] {
          const double end = bench::wall_seconds() + 0.1;
          while (bench::wall_seconds() < end) done[i] += works[i]();
        });
      for (std::thread& worker : workers) worker.join();
      return std::accumulate(done.begin(), done.end(), 0.0);
    };
  }

  std::span<const float> big() {
    big_.resize(std::size_t{1} << 26);  // 256 MiB: beyond every cache
    return big_;
  }

  bench::Workload workload_;
  lathe::data::Samples samples_;
  lathe::data::Dataset dataset_;
  std::vector<float> big_;
  std::shared_ptr<const lathe::engine::Backend> backend_ = lathe::backend::make_dense_backend();
};

}  // namespace

int main(int argc, char**) {
  if (argc > 1) {  // any argument: say what it runs on
    std::puts(bench::simd_target().c_str());
    return 0;
  }
  Tasks tasks;
  bench::serve([&](const std::string& task, const std::string& network, std::size_t batch) {
    return tasks.start(task, network, batch);
  });
  return 0;
}
