#include "lathe/base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>

#include "lathe/base/error.h"
#include "lathe/base/process_memory.h"

namespace lathe {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }

 private:
  int value_;
};

std::string last_reason() { return std::strerror(errno); }

// Writes all bytes; false: errno says why not.
bool write_all(const Descriptor& file, std::span<const std::byte> bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = ::write(file.get(), bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    done += static_cast<std::size_t>(count);
  }
  return true;
}

using Parts = std::span<const std::span<const std::byte>>;

bool write_all(const Descriptor& file, Parts parts) {
  return std::all_of(parts.begin(), parts.end(),
                     [&](std::span<const std::byte> part) { return write_all(file, part); });
}

// Tells whether a device, a pipe or a socket stands there: renaming a file onto it would destroy it.
bool is_special_file(const std::filesystem::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

// Pipes and devices may never end; of a file the size is known.
constexpr std::size_t kMostOfStream = std::size_t{1} << 28;

void check_size(const std::filesystem::path& path, const struct stat& status) {
  constexpr off_t kSmall = off_t{1} << 26;  // fits everywhere, and the memory that is available is told by small files
  if (status.st_size <= kSmall) return;
  const std::optional<std::int64_t> available = available_memory();
  if (!available || status.st_size <= *available) return;
  throw SystemError(
      "read", path.string(),
      fmt::format("it has {}; {} of memory are available", memory_text(status.st_size), memory_text(*available)));
}

void write_special_file(const std::filesystem::path& path, Parts parts) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file.get() < 0) throw SystemError("open", path.string(), last_reason());
  if (!write_all(file, parts)) throw SystemError("write", path.string(), last_reason());
}

}  // namespace

std::vector<std::byte> read_file(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) throw SystemError("open", path.string(), last_reason());
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw SystemError("read", path.string(), last_reason());
  if (S_ISDIR(status.st_mode)) throw SystemError("read", path.string(), "it is a folder");
  check_size(path, status);
  std::vector<std::byte> bytes(static_cast<std::size_t>(status.st_size));
  std::size_t done = 0;
  while (true) {
    if (done == bytes.size()) {
      if (!S_ISREG(status.st_mode) && done >= kMostOfStream) {
        throw SystemError("read", path.string(),
                          fmt::format("a pipe or device that gives more than {} bytes", kMostOfStream));
      }
      bytes.resize(bytes.size() + 4096);
    }
    const ssize_t count = ::read(file.get(), bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw SystemError("read", path.string(), last_reason());
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  bytes.resize(done);
  return bytes;
}

std::string read_text_file(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  write_file_atomically(path, Parts(&bytes, 1));
}

void write_file_atomically(const std::filesystem::path& path, Parts parts) {
  if (is_special_file(path)) return write_special_file(path, parts);
  const std::string temporary = fmt::format("{}.part-{}", path.string(), ::getpid());
  const auto fail = [&](const char* operation) {
    const std::string reason = last_reason();
    ::unlink(temporary.c_str());
    throw SystemError(operation, path.string(), reason);
  };
  {
    const Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (file.get() < 0) throw SystemError("create", path.string(), last_reason());
    if (!write_all(file, parts)) fail("write");
    if (::fsync(file.get()) != 0 && errno != EINVAL) fail("write");
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) fail("replace");
}

void write_text_file_atomically(const std::filesystem::path& path, std::string_view text) {
  write_file_atomically(path, std::as_bytes(std::span(text)));
}

void make_directories(const std::filesystem::path& path) {
  std::error_code reason;
  std::filesystem::create_directories(path, reason);
  if (reason) throw SystemError("create the folder", path.string(), reason.message());
}

PathKind path_kind(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return PathKind::kAbsent;
    throw SystemError("open", path.string(), last_reason());
  }
  return S_ISREG(status.st_mode) ? PathKind::kFile : S_ISDIR(status.st_mode) ? PathKind::kFolder : PathKind::kOther;
}

bool path_exists(const std::filesystem::path& path) { return path_kind(path) != PathKind::kAbsent; }
bool is_file(const std::filesystem::path& path) { return path_kind(path) == PathKind::kFile; }
bool is_folder(const std::filesystem::path& path) { return path_kind(path) == PathKind::kFolder; }

std::uint64_t size_of_file(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) throw SystemError("open", path.string(), last_reason());
  return static_cast<std::uint64_t>(status.st_size);
}

std::vector<std::filesystem::path> list_folder(const std::filesystem::path& path) {
  std::error_code reason;
  std::vector<std::filesystem::path> found;
  const std::filesystem::directory_iterator end;
  std::filesystem::directory_iterator entry(path, reason);
  while (!reason && entry != end) {
    found.push_back(entry->path());
    entry.increment(reason);
  }
  if (reason) throw SystemError("open the folder", path.string(), reason.message());
  std::sort(found.begin(), found.end());
  return found;
}

bool remove_file(const std::filesystem::path& path) {
  if (::unlink(path.c_str()) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  throw SystemError("remove", path.string(), last_reason());
}

void rename_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) throw SystemError("replace", to.string(), last_reason());
}

}  // namespace lathe
