// The onednn back end on VGG7. Without arguments it serves the tasks train, train-2 (two trials, each in a thread of
// its own) and forward, see serve.h; `NETWORK` is the number of threads of a trial. `memory TASK BATCH THREADS` prints
// the peak memory of two pieces of work, `profile TASK BATCH THREADS` the time of each step of the plan, `start BATCH`
// how long a session takes to make, the first and the next.
#include <sys/resource.h>

#include <cstdint>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

#include "conv/vgg7.h"
#include "engine/serve.h"
#include "lathe/backend/onednn/session.h"
#include "lathe/engine/state.h"

namespace {

using lathe::backend::onednn::OnednnSession;
using lathe::backend::onednn::PlannedNetwork;

// One network being trained, or evaluated.
class Trial {
 public:
  Trial(std::size_t batch, int threads, bool training)
      : samples_(bench::make_images(batch)), rows_(batch), outputs_(batch * 10) {
    const lathe::ir::Graph graph = bench::make_vgg7();
    session_ = std::make_unique<OnednnSession>(PlannedNetwork(
        std::make_shared<const lathe::ir::Graph>(graph),
        {.batch_size = static_cast<std::int64_t>(batch), .training = training, .loss = {}, .threads = threads}));
    session_->load(lathe::engine::initial_state(graph, 1, 2, 3));
    if (training) session_->set_optimizer({.name = "sgd"});
    std::iota(rows_.begin(), rows_.end(), 0u);
  }

  void train() {
    session_->accumulate(samples_, rows_, 1.0 / static_cast<double>(rows_.size()), 0);
    session_->update(1e-3);
  }
  void forward() { session_->predict(samples_, 0, samples_.rows(), outputs_); }
  double rows() const { return static_cast<double>(rows_.size()); }
  OnednnSession& session() { return *session_; }

 private:
  lathe::data::Samples samples_;
  std::vector<std::uint32_t> rows_;
  std::vector<float> outputs_;
  std::unique_ptr<OnednnSession> session_;
};

bench::Work make_work(const std::string& task, std::size_t batch, int threads) {
  if (task != "train" && task != "train-2" && task != "forward") return {};
  const auto first = std::make_shared<Trial>(batch, threads, task != "forward");
  if (task == "forward") return [first] { return first->forward(), first->rows(); };
  if (task == "train") return [first] { return first->train(), first->rows(); };
  const auto second = std::make_shared<Trial>(batch, threads, true);
  return [first, second] {
    std::thread beside([&] { second->train(); });
    first->train();
    beside.join();
    return first->rows() + second->rows();
  };
}

void print_memory(const std::string& task, std::size_t batch, int threads) {
  const bench::Work work = make_work(task, batch, threads);
  work();
  work();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("%ld\n", usage.ru_maxrss);  // KiB
}

void print_profile(const std::string& task, std::size_t batch, int threads) {
  const bool training = task == "train";
  Trial trial(batch, threads, training);
  const auto run = [&] { training ? trial.train() : trial.forward(); };
  run();
  trial.session().measure_steps();
  run();
  double total = 0;
  const auto times = trial.session().step_times(training);
  for (const auto& step : times) total += step.seconds;
  for (const auto& step : times)
    std::printf("%-20s %-44s %9.3f ms %5.1f %%\n", step.node.c_str(), step.kind.c_str(), 1e3 * step.seconds,
                100 * step.seconds / total);
  std::printf("%.1f ms in all; %.1f MB allocated\n", 1e3 * total,
              1e-6 * static_cast<double>(trial.session().allocated_bytes()));
}

void print_start(std::size_t batch) {
  for (int i = 0; i < 3; ++i) {
    const double begin = bench::processor_seconds();
    const Trial trial(batch, 1, true);
    std::printf("%.3f\n", bench::processor_seconds() - begin);
  }
}

}  // namespace

int main(int count, char** values) {
  const std::vector<std::string> arguments(values + 1, values + count);
  if (arguments.size() == 4 && arguments[0] == "memory")
    print_memory(arguments[1], std::stoul(arguments[2]), std::stoi(arguments[3]));
  else if (arguments.size() == 4 && arguments[0] == "profile")
    print_profile(arguments[1], std::stoul(arguments[2]), std::stoi(arguments[3]));
  else if (arguments.size() == 2 && arguments[0] == "start")
    print_start(std::stoul(arguments[1]));
  else
    bench::serve([](const std::string& task, const std::string& threads, std::size_t batch) {
      return make_work(task, batch, std::stoi(threads));
    });
}
