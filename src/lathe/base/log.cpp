#include "lathe/base/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <mutex>
#include <set>
#include <vector>

#include "lathe/base/error.h"
#include "lathe/base/visible.h"

namespace lathe::log {
namespace {

constexpr std::array<const char*, 5> kLevelNames{"debug", "info", "warning", "error", "critical"};

struct State {
  std::mutex mutex;
  std::shared_ptr<spdlog::logger> logger;
  void (*before_each_message)() = nullptr;
  std::set<std::string, std::less<>> warned;
  bool capturing = false;
  std::string captured;

  State() : logger(std::make_shared<spdlog::logger>("lathe")) { logger->set_level(spdlog::level::debug); }
};

State& state() {
  static State instance;
  return instance;
}

spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::kDebug: return spdlog::level::debug;
    case Level::kInfo: return spdlog::level::info;
    case Level::kWarning: return spdlog::level::warn;
    case Level::kError: return spdlog::level::err;
    case Level::kCritical: return spdlog::level::critical;
    case Level::kOff: return spdlog::level::off;
  }
  return spdlog::level::off;
}

}  // namespace

bool enabled(Level level) {
  State& log_state = state();
  const std::lock_guard lock(log_state.mutex);
  if (log_state.capturing) return true;
  for (const auto& sink : log_state.logger->sinks()) {
    if (sink->should_log(spdlog_level(level))) return true;
  }
  return false;
}

void write(Level level, std::string_view message) {
  const std::string text = visible(message);
  State& log_state = state();
  const std::lock_guard lock(log_state.mutex);
  if (log_state.before_each_message != nullptr) log_state.before_each_message();
  log_state.logger->log(spdlog_level(level), spdlog::string_view_t(text.data(), text.size()));
  if (log_state.capturing) {
    log_state.captured += kLevelNames[static_cast<std::size_t>(level)];
    log_state.captured.append(" ").append(text).append("\n");
  }
}

void warning_once(std::string_view text) {
  {
    State& log_state = state();
    const std::lock_guard lock(log_state.mutex);
    if (!log_state.warned.emplace(text).second) return;
  }
  write(Level::kWarning, text);
}

void log_to_terminal(Level level, void (*before_each_message)()) {
  State& log_state = state();
  const std::lock_guard lock(log_state.mutex);
  log_state.before_each_message = before_each_message;
  auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  sink->set_level(spdlog_level(level));
  sink->set_pattern("%^%-8l%$ %v");
  log_state.logger->sinks().push_back(std::move(sink));
}

void log_to_file(const std::filesystem::path& path) {
  State& log_state = state();
  const std::lock_guard lock(log_state.mutex);
  try {
    auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path.string());
    sink->set_level(spdlog::level::debug);
    sink->set_pattern("%Y-%m-%d %H:%M:%S.%e %-8l %v");
    log_state.logger->sinks().push_back(std::move(sink));
    log_state.logger->flush_on(spdlog::level::warn);
  } catch (const spdlog::spdlog_ex& failure) {
    throw SystemError("open", path.string(), failure.what());
  }
}

Level level_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kLevelNames.size(); ++i) {
    if (name == kLevelNames[i]) return static_cast<Level>(i);
  }
  const std::vector<std::string> names(kLevelNames.begin(), kLevelNames.end());
  throw UserError("log_level", fmt::format("unknown level \"{}\"{}", name, suggestion(name, names)));
}

Capture::Capture() {
  State& log_state = state();
  const std::lock_guard lock(log_state.mutex);
  log_state.capturing = true;
  log_state.captured.clear();
  log_state.warned.clear();
}

Capture::~Capture() {
  State& log_state = state();
  const std::lock_guard lock(log_state.mutex);
  log_state.capturing = false;
}

std::string Capture::text() const {
  State& log_state = state();
  const std::lock_guard lock(log_state.mutex);
  return log_state.captured;
}

}  // namespace lathe::log
