#include "lathe/data/isolated.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <new>
#include <vector>

#include "lathe/base/error.h"

namespace lathe::data {
namespace {

enum class Kind : char { kMessage = 'm', kError = 'e', kEnd = 'x' };

constexpr std::uint64_t kLongestMessage = std::uint64_t{64} << 20;
constexpr unsigned kWaitToNextMessage =
    300;  // seconds, with those in which others have the processor or a disk is slow
constexpr rlim_t kSecondsToNextMessage = 20, kMoreMemory = rlim_t{4} << 30;

/// Closes a descriptor.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }
  void close() {
    if (value_ >= 0) ::close(value_);
    value_ = -1;
  }

 private:
  int value_;
};

// --- In the process that does the work -------------------------------------------------------------------------------

// Writes everything, or ends the process where nobody reads any more.
void write_all(int out, Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(out, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) ::_exit(1);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void write_message(int out, Kind kind, Bytes bytes) {
  const std::uint64_t size = bytes.size();
  write_all(out, std::as_bytes(std::span(&kind, 1)));
  write_all(out, std::as_bytes(std::span(&size, 1)));
  write_all(out, bytes);
}

void set_limit(decltype(RLIMIT_CPU) resource, rlim_t soft) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0) return;
  limit.rlim_cur = std::min(soft, limit.rlim_max);
  ::setrlimit(resource, &limit);
}

void allow_more_time() {
  ::alarm(kWaitToNextMessage);
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  set_limit(RLIMIT_CPU, static_cast<rlim_t>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + kSecondsToNextMessage);
}

void limit_memory() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they reserve address space without end
  std::ifstream statistics("/proc/self/statm");
  rlim_t pages = 0;
  if (statistics >> pages) set_limit(RLIMIT_AS, pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + kMoreMemory);
#endif
}

// Makes the process die quietly where it fails, and with the one that started it.
void become_a_worker(pid_t parent) {
  for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGXCPU, SIGALRM, SIGPIPE})
    ::signal(signal, SIG_DFL);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::signal(signal, SIG_IGN);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  set_limit(RLIMIT_CORE, 0);
  limit_memory();
  allow_more_time();
}

[[noreturn]] void work_and_exit(int out, const std::string& path, const std::function<void(const Receiver&)>& work) {
  const auto fail = [&](const std::string& text) { write_message(out, Kind::kError, std::as_bytes(std::span(text))); };
  try {
    work([&](Bytes message) {
      write_message(out, Kind::kMessage, message);
      allow_more_time();
    });
    write_message(out, Kind::kEnd, {});
  } catch (const std::bad_alloc&) {
    fail(DataError(path, "cannot be read: it asks for more memory than there is").what());
  } catch (const std::exception& error) {
    fail(error.what());
  }
  ::_exit(0);
}

// --- In the process that waits for it --------------------------------------------------------------------------------

// Reads as many bytes as fit; false where the other process ended before.
bool read_all(int in, std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::read(in, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

/// Ends the process with this object.
class Worker {
 public:
  explicit Worker(pid_t process) : process_(process) {}
  ~Worker() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    wait();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Waits for the end; returns the signal that ended it, 0 for none.
  int wait() {
    int status = 0;
    while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    process_ = -1;
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }

 private:
  pid_t process_;
};

[[noreturn]] void fail_by(int signal, const std::string& path) {
  const std::string how = signal == SIGXCPU   ? fmt::format("went on for {} s", kSecondsToNextMessage)
                          : signal == SIGALRM ? fmt::format("waited for {} s", kWaitToNextMessage)
                          : signal != 0       ? fmt::format("ended with signal {}", signal)
                                              : "ended early";
  throw DataError(path, fmt::format("is damaged: reading it {}", how));
}

// Hands messages on until the end; false where the process ended before.
bool receive_all(int in, const Receiver& receive) {
  std::vector<std::byte> message;
  while (true) {
    Kind kind{};
    std::uint64_t size = 0;
    if (!read_all(in, std::as_writable_bytes(std::span(&kind, 1)))) return false;
    if (!read_all(in, std::as_writable_bytes(std::span(&size, 1))) || size > kLongestMessage) return false;
    message.resize(size);
    if (!read_all(in, message)) return false;
    if (kind == Kind::kError) throw DataError(std::string(reinterpret_cast<const char*>(message.data()), size));
    if (kind == Kind::kEnd) return true;
    if (kind != Kind::kMessage) return false;
    receive(message);
  }
}

}  // namespace

void run_isolated(const std::string& path, const std::function<void(const Receiver& send)>& work,
                  const Receiver& receive) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw SystemError("make a pipe to read", path, std::strerror(errno));
  Descriptor in(ends[0]), out(ends[1]);
  const pid_t parent = ::getpid();
  const pid_t process = ::fork();
  if (process < 0) throw SystemError("start a process to read", path, std::strerror(errno));
  if (process == 0) {
    become_a_worker(parent);
    work_and_exit(out.get(), path, work);
  }
  Worker worker(process);
  out.close();
  if (!receive_all(in.get(), receive)) fail_by(worker.wait(), path);
}

}  // namespace lathe::data
