#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "lathe/engine/train.h"

namespace lathe::trial {

/// Calls `work(i)` for i = 0 .. count - 1 on so many threads, until `stop` is requested; `done(n)`, where given, from
/// one thread at a time after each. Returns when all threads have ended; the first exception is passed on.
void run_parallel(std::size_t count, std::int64_t threads, const engine::StopToken& stop,
                  const std::function<void(std::size_t)>& work, const std::function<void(std::size_t)>& done = {});

}  // namespace lathe::trial
