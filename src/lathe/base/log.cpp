#include "lathe/base/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <mutex>
#include <utility>
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

thread_local Sink* sink_of_this_thread = nullptr;

void write_to_program(Level level, const std::string& text) {
  State& log_state = state();
  const std::lock_guard lock(log_state.mutex);
  if (log_state.before_each_message != nullptr) log_state.before_each_message();
  log_state.logger->log(spdlog_level(level), spdlog::string_view_t(text.data(), text.size()));
  if (log_state.capturing) {
    log_state.captured += kLevelNames[static_cast<std::size_t>(level)];
    log_state.captured.append(" ").append(text).append("\n");
  }
}

bool is_first_in_program(std::string_view text) {
  State& log_state = state();
  const std::lock_guard lock(log_state.mutex);
  return log_state.warned.emplace(text).second;
}

}  // namespace

bool enabled(Level level) {
  if (sink_of_this_thread != nullptr) return sink_of_this_thread->enabled(level);
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
  if (sink_of_this_thread != nullptr) return sink_of_this_thread->write(level, text);
  write_to_program(level, text);
}

void warning_once(std::string_view text) {
  if (sink_of_this_thread != nullptr) return sink_of_this_thread->warn_once(text);
  if (is_first_in_program(text)) write(Level::kWarning, text);
}

void Sink::warn_once(std::string_view text) {
  if (is_first(text)) write(Level::kWarning, visible(text));
}

bool Sink::is_first(std::string_view text) {
  const std::lock_guard lock(mutex_);
  return seen_.emplace(text).second;
}

Sink* current_sink() { return sink_of_this_thread; }

Scope::Scope(Sink* sink) : before_(std::exchange(sink_of_this_thread, sink)) {}

Scope::~Scope() { sink_of_this_thread = before_; }

class FileSink::File {
 public:
  explicit File(const std::string& path) : sink(path) {}

  spdlog::sinks::basic_file_sink_mt sink;
};

FileSink::FileSink(const std::filesystem::path& path) : next_(current_sink()) {
  try {
    file_ = std::make_unique<File>(path.string());
    file_->sink.set_pattern("%Y-%m-%d %H:%M:%S.%e %-8l %v");
  } catch (const spdlog::spdlog_ex& failure) {
    throw SystemError("open", path.string(), failure.what());
  }
}

FileSink::~FileSink() = default;

void FileSink::append(Level level, std::string_view text) {
  try {
    file_->sink.log({"lathe", spdlog_level(level), spdlog::string_view_t(text.data(), text.size())});
    if (level >= Level::kWarning) file_->sink.flush();
  } catch (const spdlog::spdlog_ex&) {  // what the messages are about matters more than their file
  }
}

void FileSink::write(Level level, std::string_view text) {
  if (next_ != nullptr)
    next_->write(level, text);
  else
    write_to_program(level, std::string(text));
  append(level, text);
}

void FileSink::warn_once(std::string_view text) {
  const std::string shown = visible(text);
  if (next_ != nullptr)
    next_->warn_once(text);
  else if (is_first_in_program(text))
    write_to_program(Level::kWarning, shown);
  if (is_first(text)) append(Level::kWarning, shown);
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
