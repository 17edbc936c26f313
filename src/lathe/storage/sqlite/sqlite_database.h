#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>

#include "lathe/storage/relational/database.h"

struct sqlite3;
struct sqlite3_stmt;

/// The owner of SQLite's handles. Only sqlite_database.cpp includes sqlite3.h.
namespace lathe::storage::sqlite {

/// Holds an open database file. Not thread safe. Every error is a SystemError naming the file and what to do.
class SqliteDatabase final : public relational::Database {
 public:
  /// Opens or creates a file, with write-ahead log and synchronous NORMAL.
  SqliteDatabase(std::filesystem::path path, std::chrono::milliseconds busy_timeout);

  const relational::Dialect& dialect() const override;
  std::string address() const override;
  std::string place() const override { return path_.string(); }
  std::string kind() const override { return "study file"; }
  std::string optuna_url() const override { return address(); }
  /// A write transaction takes the write lock at once (BEGIN IMMEDIATE), so that it never fails half-way.
  void transact(Access access, const std::function<void()>& body) override;
  std::int64_t run(const std::string& sql, std::span<const relational::Bound> values) override;
  std::unique_ptr<relational::Rows> select(const std::string& sql, std::span<const relational::Bound> values) override;
  bool changed_by_others() override;
  using relational::Database::run;
  using relational::Database::select;

  /// Throws the SystemError `cannot OPERATION the study file PATH: reason` for a result code of SQLite.
  [[noreturn]] void fail(const char* operation, int code) const;
  /// Tells, after a short pause, whether a statement that was turned away as busy may begin again: outside of
  /// transactions, until the time-out after `since`.
  bool may_wait_longer(std::chrono::steady_clock::time_point since);

 private:
  struct CloseDatabase {
    void operator()(sqlite3* handle) const;
  };
  struct FinalizeStatement {
    void operator()(sqlite3_stmt* handle) const;
  };
  void open();
  void set_up();
  void roll_back();
  void check_place() const;
  /// Sleeps a little while another program holds the lock; false when the time is over.
  bool wait_for_lock(int calls);
  sqlite3_stmt* bound_statement(const std::string& sql, std::span<const relational::Bound> values);

  std::filesystem::path path_;
  std::chrono::milliseconds busy_timeout_;
  std::chrono::steady_clock::time_point waiting_since_ = {};
  std::minstd_rand pauses_;  ///< only spreads the pauses of the workers
  std::unique_ptr<sqlite3, CloseDatabase> database_;
  std::map<std::string, std::unique_ptr<sqlite3_stmt, FinalizeStatement>> statements_;  ///< by text
  std::optional<std::int64_t> data_version_;
};

}  // namespace lathe::storage::sqlite
