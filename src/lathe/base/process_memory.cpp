#include "lathe/base/process_memory.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace lathe {
namespace {

namespace fs = std::filesystem;

// Returns the number behind a name in a file of lines such as `MemAvailable:  8040 kB` or `inactive_file 4096`.
std::optional<std::int64_t> number_named(const fs::path& path, const std::string& name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string word;
    std::int64_t number = 0;
    if (words >> word >> number && word == name) return number;
  }
  return std::nullopt;
}

// Returns the number that a file consists of; nullopt for `max`.
std::optional<std::int64_t> number_in(const fs::path& path) {
  std::ifstream file(path);
  std::int64_t number = 0;
  return file >> number ? std::optional(number) : std::nullopt;
}

// Files of a memory controller: `memory.max` of version 2, `memory.limit_in_bytes` of version 1, and so on.
struct Controller {
  fs::path mount;
  const char* limit;
  const char* usage;
  const char* reclaimable;
};

// Returns what one control group leaves; pages of files that can be dropped do not count as used.
std::optional<std::int64_t> left_in_group(const Controller& controller, const fs::path& group) {
  const auto limit = number_in(group / controller.limit);
  const auto usage = number_in(group / controller.usage);
  if (!limit || !usage) return std::nullopt;
  const std::int64_t reclaimable = number_named(group / "memory.stat", controller.reclaimable).value_or(0);
  return std::max<std::int64_t>(*limit - std::max<std::int64_t>(*usage - reclaimable, 0), 0);
}

// Returns the group of this process under a controller, relative to its mount; in a container often the mount itself.
fs::path own_group(const fs::path& root, const std::string& controllers) {
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    if (line.substr(first + 1, second - first - 1) != controllers) continue;
    const std::string group = line.substr(second + 1);
    return group.find("..") == std::string::npos ? fs::path(group).relative_path() : fs::path();
  }
  return {};
}

// Returns the least that the group of this process and those around it leave.
std::optional<std::int64_t> left_in_groups(const Controller& controller, const fs::path& own) {
  std::optional<std::int64_t> least;
  for (fs::path group = own;; group = group.parent_path()) {
    if (const auto left = left_in_group(controller, controller.mount / group))
      least = std::min(least.value_or(*left), *left);
    if (group.empty()) return least;
  }
}

}  // namespace

std::optional<std::int64_t> available_memory(const fs::path& root) {
  std::optional<std::int64_t> least;
  const auto take = [&](const std::optional<std::int64_t>& bytes) {
    if (bytes) least = std::min(least.value_or(*bytes), *bytes);
  };
  if (const auto kilobytes = number_named(root / "proc/meminfo", "MemAvailable:")) take(*kilobytes * 1024);
  const fs::path groups = root / "sys/fs/cgroup";
  take(left_in_groups({groups, "memory.max", "memory.current", "inactive_file"}, own_group(root, "")));
  take(left_in_groups({groups / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"},
                      own_group(root, "memory")));
  return least;
}

std::int64_t peak_memory() {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
}

std::int64_t resident_memory() {
  std::ifstream file("/proc/self/statm");
  std::int64_t all = 0, resident = 0;
  return file >> all >> resident ? resident * sysconf(_SC_PAGESIZE) : 0;
}

void restart_peak_memory() {
  std::ofstream file("/proc/self/clear_refs");
  file << "5";
}

std::string memory_text(std::int64_t bytes) {
  const auto number = static_cast<double>(bytes);
  if (number >= 1e9) return fmt::format("{:.1f} GB", number * 1e-9);
  return number >= 1e6 ? fmt::format("{:.1f} MB", number * 1e-6) : fmt::format("{:.0f} kB", number * 1e-3);
}

}  // namespace lathe
