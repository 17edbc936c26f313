#pragma once

#include <filesystem>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "lathe/base/hash.h"
#include "lathe/study/exhaustive/tabulate.h"

namespace lathe::study {

/// Keeps the trainings of a table that are done while the others run, so that a table that was cut off goes on: a text
/// file of one JSON line each, appended to as they end. A line that was cut off by a crash is left out and written
/// again. Thread safe; one process at a time may hold a journal.
class TableJournal {
 public:
  /// Opens or begins `path`. `identity` says what the entries depend on. Throws UserError when the file is of another
  /// table or another process works on it, SystemError when it cannot be opened or read.
  TableJournal(std::filesystem::path path, const Digest& identity);
  ~TableJournal();
  TableJournal(const TableJournal&) = delete;
  TableJournal& operator=(const TableJournal&) = delete;

  /// Returns the trainings done so far, each once.
  const std::vector<TableEntry>& entries() const { return entries_; }
  bool has(std::int64_t candidate, std::int64_t seed) const;
  /// Adds a training. Throws SystemError when it cannot be written.
  void append(TableEntry entry);
  /// Removes the file: the table stands.
  void remove();
  const std::filesystem::path& path() const { return path_; }

 private:
  void lock();
  void read(const std::string& header);
  void write(const std::string& line);
  void keep(TableEntry entry);

  std::filesystem::path path_;
  int file_ = -1;
  mutable std::mutex mutex_;
  std::vector<TableEntry> entries_;
  std::set<std::pair<std::int64_t, std::int64_t>> done_;  ///< candidate and seed of the entries
};

}  // namespace lathe::study
