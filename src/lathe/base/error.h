#pragma once

#include <source_location>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace lathe {

/// Names a place in a file that a user wrote. Line and column count from 1; 0 means unknown.
struct SourcePosition {
  std::string file;
  int line = 0;
  int column = 0;

  /// Prints `study.toml:14:9`, `study.toml:14` or `study.toml`; empty when nothing is known.
  std::string to_string() const;
  bool operator==(const SourcePosition&) const = default;
};

/// Lists the exit codes of the program, one per kind of failure. Scripts rely on them: do not change.
enum class ExitCode : int {
  kSuccess = 0,
  kInternal = 1,       ///< a defect of lathe itself
  kUsage = 2,          ///< command line, configuration file, request that makes no sense
  kData = 3,           ///< data set or checkpoint absent, truncated or inconsistent
  kUnsupported = 4,    ///< no back end or device for what was asked
  kSystem = 5,         ///< file system, database, network
  kNoResult = 6,       ///< the search ended and no trial completed
  kInterrupted = 130,  ///< stopped by the user
};

/// Base of every exception that lathe throws on purpose. `what()` is the complete text for the user.
class Error : public std::runtime_error {
 public:
  ExitCode exit_code() const { return exit_code_; }

 protected:
  Error(const std::string& text, ExitCode code) : std::runtime_error(text), exit_code_(code) {}

 private:
  ExitCode exit_code_;
};

/// Reports a mistake in a configuration file or a request.
/// Prints `study.toml:14:9: sampler.tpe.gamma: must be in (0, 1]; got 1.7`.
class UserError : public Error {
 public:
  explicit UserError(const std::string& message);
  UserError(const std::string& key, const std::string& message);
  UserError(const SourcePosition& position, const std::string& key, const std::string& message);
};

/// Reports data (a data set, a checkpoint, an array file) that is absent, truncated or inconsistent.
/// Prints `PATH: message`.
class DataError : public Error {
 public:
  explicit DataError(const std::string& message);
  DataError(const std::string& path, const std::string& message);
};

/// Reports that no back end or device can do what was asked, with the reason.
class UnsupportedError : public Error {
 public:
  explicit UnsupportedError(const std::string& message);
};

/// Reports a failing file, database, device or network operation.
/// Prints `cannot OPERATION PATH: reason`.
class SystemError : public Error {
 public:
  SystemError(const std::string& operation, const std::string& path, const std::string& reason);
};

/// Reports a defect of lathe itself, with the place in our source.
class InternalError : public Error {
 public:
  explicit InternalError(const std::string& message, std::source_location where = std::source_location::current());
};

/// Says what is wrong with a setting that several places may hold: the key and a sentence.
struct SettingProblem {
  std::string key, message;
};

/// Finds the candidate nearest to a misspelt name (Damerau-Levenshtein distance, case ignored).
/// Returns an empty string when nothing is near (distance above a third of the length, at least 2).
std::string nearest_name(std::string_view name, std::span<const std::string> candidates);

/// Builds the end of an error about an unknown name: `; did you mean "x"?` where something is near,
/// followed by `(known: a, b, c)` for at most `most_listed` candidates.
std::string suggestion(std::string_view name, std::span<const std::string> candidates, std::size_t most_listed = 24);

}  // namespace lathe
