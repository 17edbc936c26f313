#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What the relational storage asks of a database. Each kind of database is one folder that implements it.
namespace lathe::storage::relational {

/// Holds one value bound to a statement.
using Bound = std::variant<std::nullptr_t, std::int64_t, double, std::string>;

/// Steps through the rows of a query.
class Rows {
 public:
  virtual ~Rows() = default;
  /// Moves to the next row; false behind the last. Throws SystemError.
  virtual bool next() = 0;
  virtual bool is_null(int column) const = 0;
  virtual std::int64_t integer(int column) const = 0;
  virtual double real(int column) const = 0;
  /// Returns the text; valid until the next call of next().
  virtual std::string_view text(int column) const = 0;
};

struct TableDefinition {
  std::string_view name;
  const char* sql;  ///< CREATE TABLE IF NOT EXISTS ..., as SQLAlchemy writes it for Optuna
};

/// Holds the places where the databases' languages differ. All other statements are shared: parameters are written
/// `$1`, `$2`, ...
struct Dialect {
  std::vector<TableDefinition> tables;  ///< all that Optuna makes, each behind those that it refers to
  std::vector<std::string> types;       ///< statements that make the enumeration types
  std::string existing_tables;          ///< a query of the names of all tables
  std::string lock_schema;              ///< keeps others from making tables until the transaction ends; may be empty
  std::string row_lock;                 ///< ends a SELECT whose rows nobody else may change; may be empty
  /// The time of the database as trial_heartbeats holds it, one second back: Optuna takes a heartbeat that is later
  /// than its own time, which has whole seconds, for one that is a day old.
  std::string now;
  std::string heartbeat_age;               ///< the age of the column `heartbeat` in seconds
  std::string in_list;                     ///< follows a column: whether it is in the list $1, a text made by list_text
  bool own_file = false;                   ///< whether tables of other programs make it a wrong database
  char list_open = '[', list_close = ']';  ///< around the numbers of a list
};

/// Holds a connection. Not thread safe. Every error is a SystemError naming the place and what to do.
class Database {
 public:
  enum class Access { kRead, kWrite };

  virtual ~Database() = default;
  virtual const Dialect& dialect() const = 0;
  /// Returns the address without a password, as URL.
  virtual std::string address() const = 0;
  /// Names the database in errors: the path of a file, or the address.
  virtual std::string place() const = 0;
  /// Says what it is: `study file`, `database`.
  virtual std::string kind() const = 0;
  /// Returns how the user names it to `optuna storage upgrade --storage`.
  virtual std::string optuna_url() const = 0;

  /// Runs `body` in one transaction and commits. Takes all back when `body` throws. A write transaction never fails
  /// because of another writer; `body` may run again where the connection was lost before the commit.
  virtual void transact(Access access, const std::function<void()>& body) = 0;
  /// Runs a statement to its end; returns the number of rows it touched. Statements are prepared once and kept.
  virtual std::int64_t run(const std::string& sql, std::span<const Bound> values) = 0;
  virtual std::unique_ptr<Rows> select(const std::string& sql, std::span<const Bound> values) = 0;
  /// Tells cheaply whether anybody else may have written since the last call.
  virtual bool changed_by_others() = 0;

  std::int64_t run(const std::string& sql, std::initializer_list<Bound> values = {}) {
    return run(sql, std::span(values.begin(), values.size()));
  }
  std::unique_ptr<Rows> select(const std::string& sql, std::initializer_list<Bound> values = {}) {
    return select(sql, std::span(values.begin(), values.size()));
  }
};

/// Prints numbers as a list for Dialect::in_list.
std::string list_text(const Dialect& dialect, std::span<const std::int64_t> numbers);

/// Lists the names of all tables.
std::set<std::string, std::less<>> existing_tables(Database& database);

/// Collects rows and inserts many with one statement.
class RowInsert {
 public:
  /// `head` is `INSERT INTO table (a, b, c)`, `tail` what follows the values (may be empty).
  RowInsert(std::string head, std::size_t columns, std::string tail = {});
  /// Adds a row, one value a column.
  void add(std::initializer_list<Bound> row);
  /// Inserts all rows. `on_row` sees what the tail returns.
  void run(Database& database, const std::function<void(const Rows&)>& on_row = {});

 private:
  std::string statement(std::size_t rows) const;

  std::string head_, tail_;
  std::size_t columns_;
  std::vector<Bound> values_;
};

}  // namespace lathe::storage::relational
