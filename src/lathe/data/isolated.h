#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

namespace lathe::data {

using Bytes = std::span<const std::byte>;
/// Takes a message; see run_isolated.
using Receiver = std::function<void(Bytes)>;

/// Runs `work` in a process of its own, for libraries that damaged files make crash, loop or ask for any memory:
/// whatever happens there, this process goes on. What `work` gives to its argument is handed to `receive` here, in
/// order; a message is at most 64 MiB. The process has 20 s of processor time, and 300 s in all, from one message to
/// the next, and 4 GiB of memory beyond what this one has. Only the calling thread exists there, so `work` must not
/// wait for others; it changes nothing here. Throws what `work` throws as DataError, DataError with `path` where the
/// process ended in another way, and SystemError where there can be no process.
void run_isolated(const std::string& path, const std::function<void(const Receiver& send)>& work,
                  const Receiver& receive);

}  // namespace lathe::data
