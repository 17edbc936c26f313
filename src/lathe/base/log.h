#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

/// The library's log. Nothing is printed until the program says where to (log_to_terminal), or a run (Scope): used as a
/// library, lathe is silent.
namespace lathe::log {

/// Orders the levels as `--log-level` names them.
enum class Level { kDebug, kInfo, kWarning, kError, kCritical, kOff };

void write(Level level, std::string_view text);
bool enabled(Level level);

template <typename... Args>
void debug(fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::kDebug)) write(Level::kDebug, fmt::format(text, std::forward<Args>(args)...));
}
template <typename... Args>
void info(fmt::format_string<Args...> text, Args&&... args) {
  write(Level::kInfo, fmt::format(text, std::forward<Args>(args)...));
}
template <typename... Args>
void warning(fmt::format_string<Args...> text, Args&&... args) {
  write(Level::kWarning, fmt::format(text, std::forward<Args>(args)...));
}
template <typename... Args>
void error(fmt::format_string<Args...> text, Args&&... args) {
  write(Level::kError, fmt::format(text, std::forward<Args>(args)...));
}

/// Writes a warning the first time that this text is seen by the log that takes it; later ones are dropped.
void warning_once(std::string_view text);

/// Takes the messages of some threads in place of the program's log: those of one run inside a larger program.
class Sink {
 public:
  virtual ~Sink() = default;
  /// Called by several threads at a time. `text` holds no control characters.
  virtual void write(Level level, std::string_view text) = 0;
  virtual bool enabled(Level) const { return true; }
  /// Writes a warning the first time that this text comes here. Thread safe.
  virtual void warn_once(std::string_view text);

 protected:
  bool is_first(std::string_view text);

 private:
  std::mutex mutex_;
  std::set<std::string, std::less<>> seen_;
};

/// Returns the sink of the current thread; null: its messages go to the program's log.
Sink* current_sink();

/// Sends the messages of the current thread, and of all threads that it starts by start_thread, to a sink while it
/// lives; null: to the program's log. Scopes nest. The sink must outlive the threads.
class Scope {
 public:
  explicit Scope(Sink* sink);
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  Sink* before_;
};

/// Appends all messages of at least debug level to a file, with time stamps, and passes them on to what was the log of
/// the thread that made it. Throws SystemError where the file cannot be opened; one that cannot be written later (a
/// full disk) loses lines and nothing else.
class FileSink : public Sink {
 public:
  explicit FileSink(const std::filesystem::path& path);
  ~FileSink() override;
  void write(Level level, std::string_view text) override;
  void warn_once(std::string_view text) override;

 private:
  class File;
  void append(Level level, std::string_view text);

  std::unique_ptr<File> file_;
  Sink* next_;
};

/// Sends the messages of the current thread, and of those it starts, to a file too while it lives; see FileSink.
class FileScope {
 public:
  explicit FileScope(const std::filesystem::path& path) : sink_(path), scope_(&sink_) {}

 private:
  FileSink sink_;
  Scope scope_;
};

/// Shows messages of at least `level` on standard error. `before_each_message` clears what else stands on the
/// terminal's last line (a progress bar); it may be empty.
void log_to_terminal(Level level, void (*before_each_message)() = nullptr);
/// Reads `debug`, `info`, `warning`, `error`, `critical`; throws UserError.
Level level_from_name(std::string_view name);

/// Collects messages for a test while it lives; nothing else changes.
class Capture {
 public:
  Capture();
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  /// Returns all messages so far, a line `LEVEL text` each.
  std::string text() const;
};

}  // namespace lathe::log
