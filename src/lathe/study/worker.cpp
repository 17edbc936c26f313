#include "lathe/study/worker.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "lathe/base/json.h"

namespace lathe::study {
namespace {

using nlohmann::json;

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// Returns when a process was started, in clock ticks since the boot, `ended` for one that has ended and only its parent
// does not know yet; empty where it cannot be known: no such process, or one that /proc hides.
std::string start_time(long process) {
  const std::string line = first_line(fmt::format("/proc/{}/stat", process));
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream fields(line.substr(name_end + 1));
  constexpr int kStartTimeAfterName = 20;
  std::string field;
  for (int i = 0; i < kStartTimeAfterName; ++i) {
    fields >> field;
    if (i == 0 && (field == "Z" || field == "X")) return "ended";
  }
  return field;
}

bool is_absent(long process) { return kill(static_cast<pid_t>(process), 0) != 0 && errno == ESRCH; }

std::string process_namespace() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/ns/pid", error).string();
}

std::string host_name() {
  char name[256] = {};
  if (gethostname(name, sizeof name - 1) != 0) return {};
  return name;
}

json machine() {
  return {{"host", host_name()},
          {"boot", first_line("/proc/sys/kernel/random/boot_id")},
          {"namespace", process_namespace()}};
}

}  // namespace

std::string worker_text() {
  json worker = machine();
  worker["process"] = static_cast<long>(getpid());
  worker["start"] = start_time(getpid());
  return worker.dump(-1, ' ', false, json::error_handler_t::replace);
}

bool worker_has_ended(const std::string& worker_text) {
  const json worker = json_or_discarded<json>(worker_text);
  if (!worker.is_object()) return false;
  const json here = machine();
  for (const char* key : {"host", "boot", "namespace"}) {
    if (!worker.contains(key) || worker[key] != here[key] || here[key] == "") return false;
  }
  const auto process = json_member_or<long>(worker, "process", 0);
  if (process <= 0) return false;
  const std::string start = start_time(process);
  if (start.empty()) return is_absent(process);
  return worker.contains("start") && worker["start"] != "" && worker["start"] != start;
}

}  // namespace lathe::study
