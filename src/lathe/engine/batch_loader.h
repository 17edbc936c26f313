#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "lathe/engine/batch_plan.h"
#include "lathe/engine/train.h"

namespace lathe::engine {

/// Fills `order` with the training rows in the order of an epoch: a function of the settings, the identity and the
/// epoch. Leaves it as it is where nothing is shuffled.
void order_epoch(const TrainSettings& settings, const RunIdentity& identity, std::int64_t batch_size,
                 std::int64_t epoch, std::span<std::uint32_t> order);

/// Holds the changed images of one mini-batch, a part of its own: rows 0 .. count - 1 are the batch's rows in order.
struct LoadedBatch {
  data::Samples samples;
  std::int64_t epoch = 0, batch = 0;
};

/// Prepares the mini-batches of a run with augmentation on a thread of its own, at most two ahead of the one that is
/// used. What is drawn for a row is a function of (seed, candidate, repeat, epoch, row), so that batches are the same
/// bits at any speed and after any restart. The arguments must outlive it. Used by one thread.
class BatchLoader {
 public:
  /// Begins with the mini-batch `batch` of epoch `epoch`.
  BatchLoader(const data::Samples& samples, const TrainSettings& settings, const RunIdentity& identity,
              const BatchPlan& plan, std::int64_t epoch, std::int64_t batch);
  /// Stops the thread, whatever it is about.
  ~BatchLoader();
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;

  /// Returns the next mini-batch, valid until the next call; waits for it where it is not ready. Throws what the
  /// thread's work threw.
  const LoadedBatch& next();
  /// Returns the processor time that the thread has used, in seconds.
  double cpu_seconds() const;

 private:
  void work();
  bool wait_for_room();
  void fill(LoadedBatch& into, std::int64_t epoch, std::int64_t batch, std::span<const std::uint32_t> order) const;

  const data::Samples& samples_;
  const TrainSettings& settings_;
  const RunIdentity& identity_;
  const BatchPlan& plan_;
  std::int64_t epoch_, batch_;  // of the first mini-batch
  Shape shape_;

  std::vector<LoadedBatch> ring_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::int64_t filled_ = 0, used_ = 0;  // mini-batches made ready, and handed out and done with
  bool held_ = false;                   // the mini-batch `used_` is in the caller's hands
  bool stopped_ = false;
  std::exception_ptr problem_;
  double cpu_seconds_ = 0;

  std::thread thread_;  // the last member: it starts when all others are there
};

}  // namespace lathe::engine
