#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

struct sqlite3;
struct sqlite3_stmt;

/// A thin owner of SQLite's handles. Only connection.cpp includes sqlite3.h.
namespace lathe::storage::sqlite {

/// Holds one value bound to a statement.
using Bound = std::variant<std::nullptr_t, std::int64_t, double, std::string_view>;

class Connection;

/// Steps through the rows of a query; the statement is reset when it goes out of scope.
class Rows {
 public:
  Rows(Connection& connection, sqlite3_stmt* statement) : connection_(connection), statement_(statement) {}
  ~Rows();
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  /// Moves to the next row; false behind the last. Throws SystemError.
  bool next();
  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  double real(int column) const;
  /// Returns the text; valid until the next call of next().
  std::string_view text(int column) const;

 private:
  Connection& connection_;
  sqlite3_stmt* statement_;
};

/// Holds an open database file. Not thread safe. Every error is a SystemError naming the file and what to do.
class Connection {
 public:
  /// Opens or creates a file, with write-ahead log and synchronous FULL.
  Connection(std::filesystem::path path, std::chrono::milliseconds busy_timeout);

  const std::filesystem::path& path() const { return path_; }
  /// Runs a statement to its end. Statements are prepared once and kept.
  void run(std::string_view sql, std::initializer_list<Bound> values = {});
  Rows select(std::string_view sql, std::initializer_list<Bound> values = {});
  std::int64_t last_row_id() const;
  /// Counts the rows that the last INSERT, UPDATE or DELETE touched.
  std::int64_t changed_rows() const;
  bool in_transaction() const;

  /// Throws the SystemError `cannot OPERATION the study file PATH: reason` for a result code of SQLite.
  [[noreturn]] void fail(const char* operation, int code) const;

 private:
  friend class Rows;
  struct CloseDatabase {
    void operator()(sqlite3* handle) const;
  };
  struct FinalizeStatement {
    void operator()(sqlite3_stmt* handle) const;
  };
  void open();
  sqlite3_stmt* bound_statement(std::string_view sql, std::initializer_list<Bound> values);

  std::filesystem::path path_;
  std::chrono::milliseconds busy_timeout_;
  std::unique_ptr<sqlite3, CloseDatabase> database_;
  std::map<std::string, std::unique_ptr<sqlite3_stmt, FinalizeStatement>, std::less<>> statements_;  ///< by text
};

/// Begins a transaction and takes it back unless it is committed.
class Transaction {
 public:
  enum class Kind { kRead, kWrite };
  /// A write transaction takes the write lock at once (BEGIN IMMEDIATE), so that it never fails half-way.
  Transaction(Connection& connection, Kind kind);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Connection& connection_;
  bool open_ = true;
};

}  // namespace lathe::storage::sqlite
