#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "lathe/storage/storage.h"

namespace lathe::storage {

/// The reason of the SystemError where the file that is open is not the one at its path any more. Whoever sees it must
/// not open the path again: SQLite would mix what stands there with the write-ahead log of the old file.
inline constexpr const char* kFileWasReplaced = "the study file was removed or replaced while it ran";

/// Holds how a study file is opened.
struct SqliteOptions {
  /// The version of Optuna that is to read a NEW file: "3.0" and "3.1" stamp revision v3.0.0.d, "" and everything from
  /// "3.2" on v3.2.0.a. An existing file keeps its revision.
  std::string optuna_compat = {};
  double busy_timeout_seconds = 30;  ///< how long to wait for another program's lock
  bool create = true;                ///< false: a file that does not exist or is empty is an error, and stays as it is
};

/// Opens a file of studies, or makes it: all of Optuna's tables, write-ahead log, synchronous NORMAL: a killed process
/// loses nothing, a power failure at most the last commits. Times are UTC, as Optuna 5 writes them. Several processes
/// may use one file on a local disk. Throws SystemError with path and reason: no such folder, not writable, no
/// database, a database of another program, a newer or older schema, damaged, locked.
std::unique_ptr<Storage> open_sqlite(const std::filesystem::path& path, const SqliteOptions& options = {});

}  // namespace lathe::storage
