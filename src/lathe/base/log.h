#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <string_view>

/// The library's log. Nothing is printed until the program says where to (`log_to_terminal`,
/// `log_to_file`): used as a library, lathe is silent.
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

/// Writes a warning the first time that this text is seen since the program began; later ones are dropped.
void warning_once(std::string_view text);

/// Shows messages of at least `level` on standard error. `before_each_message` clears what else stands on the
/// terminal's last line (a progress bar); it may be empty.
void log_to_terminal(Level level, void (*before_each_message)() = nullptr);
/// Appends all messages of at least debug level to a file, with time stamps. Throws SystemError.
void log_to_file(const std::filesystem::path& path);
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
