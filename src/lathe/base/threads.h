#pragma once

#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace lathe {

/// Starts a thread; its messages go where the caller's do (log::Scope). Throws SystemError `cannot start WHAT: reason`
/// where the system gives none: a limit on processes (ulimit -u, a container's pids) or no memory for its stack.
std::thread start_thread(const std::string& what, std::function<void()> work);

/// Runs threads and joins them at the latest when it goes out of scope.
class ThreadGroup {
 public:
  ThreadGroup() = default;
  ~ThreadGroup() { join(); }
  ThreadGroup(const ThreadGroup&) = delete;
  ThreadGroup& operator=(const ThreadGroup&) = delete;

  /// Throws as start_thread does; the threads that run go on.
  void start(const std::string& what, std::function<void()> work);
  /// Starts threads 2 to `planned`, the caller being the first. Where the system gives fewer, says so in a warning and
  /// goes on with those.
  void start_others(std::size_t planned, const std::function<void()>& work);
  void join();

 private:
  std::vector<std::thread> threads_;
};

/// Throws SystemError unless `count` further threads can run at the same time now. For libraries that end the program
/// where they get none.
void check_threads(std::size_t count);

}  // namespace lathe
