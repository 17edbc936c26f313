#pragma once

#include <omp.h>

#include <cstddef>

namespace lathe::backend::onednn {

/// Sets the number of threads that oneDNN and own loops use while it lives. OpenMP keeps this setting per calling
/// thread: sessions in different threads do not see each other's.
class ThreadScope {
 public:
  explicit ThreadScope(int threads) : before_(omp_get_max_threads()) { omp_set_num_threads(threads); }
  ~ThreadScope() { omp_set_num_threads(before_); }
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int before_;
};

/// Calls `work(begin, end)` on parts of [0, count), each at least `grain` long but the last. Which values stand in one
/// part depends on the number of threads: `work` must not sum over them.
template <typename Work>
void in_parallel(std::size_t count, std::size_t grain, const Work& work) {
  const auto threads = static_cast<std::size_t>(omp_get_max_threads());
  if (threads == 1 || count <= grain) {
    work(std::size_t{0}, count);
    return;
  }
  const std::size_t most = (count + grain - 1) / grain;
  const std::size_t parts = most < threads ? most : threads;
  const std::size_t length = (count + parts - 1) / parts;
#pragma omp parallel for schedule(static)
  for (std::size_t part = 0; part < parts; ++part) {
    const std::size_t begin = part * length, end = begin + length < count ? begin + length : count;
    if (begin < end) work(begin, end);
  }
}

/// Values of one part of an elementwise loop.
inline constexpr std::size_t kGrain = 16384;

}  // namespace lathe::backend::onednn
