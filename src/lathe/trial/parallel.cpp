#include "lathe/trial/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>

#include "lathe/base/profile.h"
#include "lathe/base/threads.h"

namespace lathe::trial {

void run_parallel(std::size_t count, std::int64_t threads, const engine::StopToken& stop,
                  const std::function<void(std::size_t)>& work, const std::function<void(std::size_t)>& done) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::size_t finished = 0;
  std::exception_ptr failure;
  const auto run = [&] {
    for (std::size_t index = next++; index < count && !stop.requested(); index = next++) {
      try {
        work(index);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
        next = count;
        return;
      }
      const std::lock_guard lock(mutex);
      if (done) done(++finished);
    }
  };
  Profile* const profile = Profile::current();
  const auto take_part = [&] {
    const Profile::Thread part(profile);
    run();
  };
  ThreadGroup others;
  others.start_others(static_cast<std::size_t>(std::min(threads, static_cast<std::int64_t>(count))), take_part);
  run();
  const PhaseScope waits(Phase::kIdle);
  others.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace lathe::trial
