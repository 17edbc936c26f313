#include "lathe/engine/batch_loader.h"

#include <time.h>

#include <numeric>

#include "lathe/base/check.h"
#include "lathe/base/random.h"
#include "lathe/base/threads.h"
#include "lathe/data/augment.h"
#include "lathe/engine/shuffle.h"

namespace lathe::engine {
namespace {

constexpr std::size_t kBatches = 3;  // one in use, two ahead

double thread_cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

void order_epoch(const TrainSettings& settings, const RunIdentity& identity, std::int64_t batch_size,
                 std::int64_t epoch, std::span<std::uint32_t> order) {
  if (!settings.shuffle) return;
  RandomStream stream(identity.seed, {identity.candidate, identity.repeat, static_cast<std::uint64_t>(epoch)},
                      "shuffle");
  shuffle_rows(stream, batch_size, order);
}

BatchLoader::BatchLoader(const data::Samples& samples, const TrainSettings& settings, const RunIdentity& identity,
                         const BatchPlan& plan, std::int64_t epoch, std::int64_t batch)
    : samples_(samples),
      settings_(settings),
      identity_(identity),
      plan_(plan),
      epoch_(epoch),
      batch_(batch),
      shape_(samples.row_shape()),
      ring_(kBatches),
      thread_(start_thread("the thread that prepares mini-batches", [this] { work(); })) {}

BatchLoader::~BatchLoader() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

const LoadedBatch& BatchLoader::next() {
  std::unique_lock lock(mutex_);
  if (held_) ++used_;
  held_ = false;
  changed_.notify_all();
  changed_.wait(lock, [&] { return filled_ > used_ || problem_ != nullptr; });
  if (filled_ <= used_) std::rethrow_exception(problem_);
  held_ = true;
  return ring_[static_cast<std::size_t>(used_) % kBatches];
}

double BatchLoader::cpu_seconds() const {
  const std::lock_guard lock(mutex_);
  return cpu_seconds_;
}

// Waits until a place of the ring is free; false when the loader is to end.
bool BatchLoader::wait_for_room() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return stopped_ || filled_ - used_ < static_cast<std::int64_t>(kBatches); });
  return !stopped_;
}

void BatchLoader::work() {
  try {
    std::vector<std::uint32_t> order(static_cast<std::size_t>(plan_.rows));
    std::iota(order.begin(), order.end(), 0u);
    std::size_t place = 0;
    std::int64_t batch = batch_;
    for (std::int64_t epoch = epoch_; plan_.batches_in(epoch) > 0; ++epoch, batch = 0) {
      order_epoch(settings_, identity_, plan_.batch_size, epoch, order);
      for (; batch < plan_.batches_in(epoch); ++batch) {
        if (!wait_for_room()) return;
        fill(ring_[place], epoch, batch, order);
        place = (place + 1) % kBatches;
        const std::lock_guard lock(mutex_);
        ++filled_;
        cpu_seconds_ = thread_cpu_seconds();
        changed_.notify_all();
      }
    }
    throw InternalError("a run asked for more mini-batches than it had planned");
  } catch (...) {
    const std::lock_guard lock(mutex_);
    problem_ = std::current_exception();
    changed_.notify_all();
  }
}

void BatchLoader::fill(LoadedBatch& into, std::int64_t epoch, std::int64_t batch,
                       std::span<const std::uint32_t> order) const {
  const auto begin = static_cast<std::size_t>(plan_.begin(batch));
  const auto rows = order.subspan(begin, static_cast<std::size_t>(plan_.end(batch)) - begin);
  const auto width = static_cast<std::size_t>(samples_.width), outputs = static_cast<std::size_t>(samples_.outputs);
  into.epoch = epoch;
  into.batch = batch;
  data::Samples& to = into.samples;
  to.width = samples_.width;
  to.shape = shape_;
  to.outputs = samples_.outputs;
  to.features.resize(rows.size() * width);
  to.labels.clear();
  to.targets.clear();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::uint32_t row = rows[i];
    RandomStream stream(identity_.seed, {identity_.candidate, identity_.repeat, static_cast<std::uint64_t>(epoch), row},
                        "augment");
    data::augment_image(settings_.augmentation, shape_, stream,
                        std::span(samples_.features).subspan(row * width, width),
                        std::span(to.features).subspan(i * width, width));
    const auto targets = std::span(samples_.targets).subspan(row * outputs, outputs);
    if (outputs > 0)
      to.targets.insert(to.targets.end(), targets.begin(), targets.end());
    else
      to.labels.push_back(samples_.labels[row]);
  }
}

}  // namespace lathe::engine
