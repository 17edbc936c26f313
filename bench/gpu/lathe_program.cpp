// Trains VGG7 with the torch back end on the CUDA device. Serves requests `PRECISION BATCH SECONDS` (32, bf16 or 16) on
// the standard input and answers each with images per second of wall time. `device` prints the device, or why there is
// none.
#include <chrono>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "conv/vgg7.h"
#include "lathe/backend/torch/engine.h"
#include "lathe/engine/state.h"

namespace {

using lathe::backend::libtorch::DeviceKind;

constexpr std::size_t kImages = 8192;
constexpr int kStepsBetweenLooks = 10;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// One network being trained on images that lie on the device.
class Trial {
 public:
  Trial(const std::string& precision, std::size_t batch) : samples_(bench::make_images(kImages)), rows_(batch) {
    const lathe::ir::Graph graph = bench::make_vgg7();
    const auto backend = lathe::backend::libtorch::make_libtorch_backend(DeviceKind::kCuda);
    session_ = backend
                   ->compile(graph, {.batch_size = static_cast<std::int64_t>(batch),
                                     .training = true,
                                     .loss = {},
                                     .threads = 1,
                                     .precision = lathe::engine::precision_of(precision)})
                   ->make_session();
    session_->load(lathe::engine::initial_state(graph, 1, 2, 3));
    session_->set_optimizer({.name = "sgd", .momentum = 0.9});
    for (int i = 0; i < kStepsBetweenLooks; ++i) step();
  }

  double images_per_second(double seconds) {
    const double begin = now();
    double done = 0;
    while (now() - begin < seconds) {
      for (int i = 0; i < kStepsBetweenLooks; ++i) step();
      done += static_cast<double>(rows_.size()) * kStepsBetweenLooks;
    }
    return done / (now() - begin);
  }

 private:
  // `accumulate` waits for its forward pass, and so for all steps before.
  void step() {
    for (std::uint32_t& row : rows_) row = next_++ * 7919U % kImages;
    session_->accumulate(samples_, rows_, 1.0 / static_cast<double>(rows_.size()), 0);
    session_->update(1e-3);
  }

  lathe::data::Samples samples_;
  std::vector<std::uint32_t> rows_;
  std::uint32_t next_ = 0;
  std::unique_ptr<lathe::engine::Session> session_;
};

int print_device() {
  const auto reason = lathe::backend::libtorch::device_refusal(DeviceKind::kCuda);
  std::puts(reason ? reason->c_str() : lathe::backend::libtorch::describe(DeviceKind::kCuda).c_str());
  return reason ? 1 : 0;
}

}  // namespace

int main(int count, char** values) {
  if (count == 2 && values[1] == std::string("device")) return print_device();
  std::string precision, current;
  std::size_t batch = 0;
  double seconds = 0;
  std::unique_ptr<Trial> trial;
  while (std::cin >> precision >> batch >> seconds) {
    if (const std::string key = precision + " " + std::to_string(batch); key != current) {
      trial.reset();
      trial = std::make_unique<Trial>(precision, batch);
      current = key;
    }
    std::printf("%.6g\n", trial->images_per_second(seconds));
    std::fflush(stdout);
  }
}
