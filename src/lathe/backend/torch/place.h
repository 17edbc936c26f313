#pragma once

#include <ATen/ATen.h>

#include <memory>

#include "lathe/backend/torch/device.h"

namespace lathe::backend::libtorch {

/// Turns an error of libtorch into one of lathe: OutOfMemory where memory was short, else SystemError.
[[noreturn]] void rethrow(const c10::Error& error, DeviceKind kind);

/// Runs `work` and translates what libtorch throws.
template <typename Work>
auto translated(DeviceKind kind, Work work) -> decltype(work()) {
  try {
    return work();
  } catch (const c10::Error& error) {
    rethrow(error, kind);
  }
}

/// Where a session works: the device with a stream of its own (CUDA), or the processor with its number of threads.
class Place {
 public:
  Place(DeviceKind kind, int threads);
  ~Place();
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  DeviceKind kind() const { return kind_; }
  bool cuda() const { return kind_ == DeviceKind::kCuda; }
  at::Device device() const { return cuda() ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU); }
  /// Waits for the work of this place.
  void synchronize() const;
  /// Waits for its work and gives memory that nothing uses back to the device.
  void release() const;
  /// Returns the bytes of the device that are free; for the processor the largest number.
  std::int64_t free_bytes() const;

  /// Makes the calls of this thread run here while it lives. Sessions take turns with one that records a CUDA graph,
  /// which no other work of the process may disturb; otherwise they run side by side.
  class Turn {
   public:
    enum class Company { kShared, kAlone };
    explicit Turn(const Place& place, Company company = Company::kShared);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    struct Guards;
    std::unique_ptr<Guards> guards_;
  };

 private:
  struct Stream;
  DeviceKind kind_;
  int threads_;
  std::unique_ptr<Stream> stream_;
};

/// Copies the two sums of a step to the host while the device goes on with the backward pass behind them.
class Readback {
 public:
  explicit Readback(const Place& place);
  ~Readback();
  Readback(const Readback&) = delete;
  Readback& operator=(const Readback&) = delete;

  /// Begins to copy `sums`, two doubles.
  void start(const at::Tensor& sums);
  /// Waits for the copy alone, not for what was begun after it.
  std::pair<double, double> wait();

 private:
  struct Event;
  at::Tensor host_;
  std::unique_ptr<Event> event_;
};

}  // namespace lathe::backend::libtorch
