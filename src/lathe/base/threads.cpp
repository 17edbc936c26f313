#include "lathe/base/threads.h"

#include <fmt/format.h>

#include <latch>
#include <new>
#include <system_error>

#include "lathe/base/error.h"
#include "lathe/base/log.h"

namespace lathe {

std::thread start_thread(const std::string& what, std::function<void()> work) {
  try {
    return std::thread([sink = log::current_sink(), work = std::move(work)] {
      const log::Scope scope(sink);
      work();
    });
  } catch (const std::system_error& error) {
    throw SystemError("start", what, error.code().message());
  } catch (const std::bad_alloc&) {
    throw SystemError("start", what, "out of memory");
  }
}

void ThreadGroup::start(const std::string& what, std::function<void()> work) {
  threads_.reserve(threads_.size() + 1);
  threads_.push_back(start_thread(what, std::move(work)));
}

void ThreadGroup::start_others(std::size_t planned, const std::function<void()>& work) {
  for (std::size_t number = 2; number <= planned; ++number) {
    try {
      start(fmt::format("thread {} of {}", number, planned), work);
    } catch (const SystemError& error) {
      log::warning("{}; going on with {}", error.what(), number - 1);
      return;
    }
  }
}

void ThreadGroup::join() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void check_threads(std::size_t count) {
  std::latch end(1);
  ThreadGroup group;
  try {
    for (std::size_t i = 1; i <= count; ++i) {
      group.start(fmt::format("thread {} of {}", i, count), [&end] { end.wait(); });
    }
  } catch (...) {
    end.count_down();
    throw;
  }
  end.count_down();
}

}  // namespace lathe
