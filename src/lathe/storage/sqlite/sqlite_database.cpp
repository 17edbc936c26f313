#include "lathe/storage/sqlite/sqlite_database.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "lathe/base/check.h"
#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/log.h"
#include "lathe/storage/sqlite/dialect.h"
#include "lathe/storage/sqlite/sqlite_storage.h"

namespace lathe::storage::sqlite {
namespace {

using relational::Bound;
using relational::Rows;

constexpr const char* kReadOnly = "the file or its folder is read-only for this user";

/// COMMIT counts as writing: that is where a full disk is noticed.
const char* operation_of(sqlite3_stmt* statement) {
  return std::string_view(sqlite3_sql(statement)).starts_with("SELECT") ? "read" : "write";
}

/// Explains an input or output error. SQLite does not hand on the system's reason for all of them.
const char* io_reason(int code) {
  switch (code) {
    case SQLITE_IOERR_READ:
    case SQLITE_IOERR_SHORT_READ:
    case SQLITE_IOERR_FSTAT:
    case SQLITE_IOERR_ACCESS: return "the disk reports an error";
    default: return "the disk does not take it (error, quota or size limit); what was stored before is safe";
  }
}

void bind(sqlite3_stmt* statement, int index, const Bound& value) {
  struct Binder {
    sqlite3_stmt* statement;
    int index;
    int operator()(std::nullptr_t) const { return sqlite3_bind_null(statement, index); }
    int operator()(std::int64_t number) const { return sqlite3_bind_int64(statement, index, number); }
    int operator()(double number) const { return sqlite3_bind_double(statement, index, number); }
    int operator()(const std::string& text) const {
      return sqlite3_bind_text64(statement, index, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    }
  };
  const int code = std::visit(Binder{statement, index}, value);
  LATHE_CHECK(code == SQLITE_OK, "{} at parameter {} of {}", sqlite3_errstr(code), index, sqlite3_sql(statement));
}

/// Writes parameters as SQLite numbers them: `?1` for `$1`.
std::string with_question_marks(std::string sql) {
  for (std::size_t i = 0; i + 1 < sql.size(); ++i) {
    if (sql[i] == '$' && sql[i + 1] >= '1' && sql[i + 1] <= '9') sql[i] = '?';
  }
  return sql;
}

/// Steps through a statement, which is reset when it goes out of scope.
class SqliteRows final : public Rows {
 public:
  SqliteRows(SqliteDatabase& database, sqlite3_stmt* statement) : database_(database), statement_(statement) {}
  ~SqliteRows() override {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
  SqliteRows(const SqliteRows&) = delete;
  SqliteRows& operator=(const SqliteRows&) = delete;

  bool next() override {
    const int code = step();
    started_ = true;
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) database_.fail(operation_of(statement_), code);
    return false;
  }
  bool is_null(int column) const override { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  std::int64_t integer(int column) const override {
    const int type = sqlite3_column_type(statement_, column);
    if (type != SQLITE_INTEGER && type != SQLITE_NULL) refuse(column, "a whole number");
    return sqlite3_column_int64(statement_, column);
  }
  double real(int column) const override {
    const int type = sqlite3_column_type(statement_, column);
    if (type == SQLITE_TEXT || type == SQLITE_BLOB) refuse(column, "a number");
    return sqlite3_column_double(statement_, column);
  }
  std::string_view text(int column) const override {
    const unsigned char* bytes = sqlite3_column_text(statement_, column);
    if (bytes == nullptr) return {};
    return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }

 private:
  // SQLite keeps values of any type in any column, and would read `abc` as 0.
  [[noreturn]] void refuse(int column, const char* wanted) const {
    constexpr std::size_t kMostShown = 40;
    const std::string name = sqlite3_column_name(statement_, column);
    throw DataError(fmt::format("{} holds \"{}\" where {} is expected: the database is damaged", name,
                                text(column).substr(0, kMostShown), wanted));
  }

  // Where two connections want the same lock at once (both turn a new file to its write-ahead log) SQLite turns one
  // away without asking the busy handler. A statement that begins outside of a transaction can just begin again.
  int step() {
    const auto began = std::chrono::steady_clock::now();
    int code = sqlite3_step(statement_);
    while ((code & 0xFF) == SQLITE_BUSY && !started_ && database_.may_wait_longer(began)) {
      sqlite3_reset(statement_);
      code = sqlite3_step(statement_);
    }
    return code;
  }

  SqliteDatabase& database_;
  sqlite3_stmt* statement_;
  bool started_ = false;
};

}  // namespace

void SqliteDatabase::CloseDatabase::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
void SqliteDatabase::FinalizeStatement::operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }

SqliteDatabase::SqliteDatabase(std::filesystem::path path, std::chrono::milliseconds busy_timeout)
    : path_(std::move(path)), busy_timeout_(busy_timeout), pauses_(static_cast<unsigned>(::getpid())) {
  open();
  set_up();
}

void SqliteDatabase::set_up() {
  const auto wait = [](void* self, int calls) {
    return static_cast<SqliteDatabase*>(self)->wait_for_lock(calls) ? 1 : 0;
  };
  sqlite3_busy_handler(database_.get(), wait, this);
  // The first look into the file: a file of another kind, a damaged or a locked one is found here.
  select("SELECT count(*) FROM sqlite_master")->next();
  if (sqlite3_db_readonly(database_.get(), "main") == 1) fail("open", SQLITE_READONLY);
  std::string mode;
  {
    const auto rows = select("PRAGMA journal_mode = WAL");
    if (rows->next()) mode = rows->text(0);
  }
  if (mode != "wal") {
    log::warning("{}: the file system allows no write-ahead log; storing each trial takes longer", path_.string());
  }
  run("PRAGMA synchronous = NORMAL");
}

// SQLite's own handler waits up to 100 ms between its looks: with many workers some would wait for very long.
bool SqliteDatabase::wait_for_lock(int calls) {
  const auto now = std::chrono::steady_clock::now();
  if (calls == 0) waiting_since_ = now;
  if (now - waiting_since_ >= busy_timeout_) return false;
  std::uniform_int_distribution<int> pause(100, calls < 20 ? 1000 : 3000);
  std::this_thread::sleep_for(std::chrono::microseconds(pause(pauses_)));
  return true;
}

bool SqliteDatabase::may_wait_longer(std::chrono::steady_clock::time_point since) {
  const bool in_transaction = sqlite3_get_autocommit(database_.get()) == 0;
  if (in_transaction || std::chrono::steady_clock::now() - since >= busy_timeout_) return false;
  std::this_thread::sleep_for(std::chrono::milliseconds(1 + static_cast<int>(pauses_() % 5)));
  return true;
}

std::string SqliteDatabase::address() const { return "sqlite:///" + path_.string(); }
const relational::Dialect& SqliteDatabase::dialect() const { return sqlite::dialect(); }

void SqliteDatabase::open() {
  const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
  if (!is_folder(folder)) {
    throw SystemError("create the study file", path_.string(), "there is no folder " + folder.string());
  }
  const PathKind kind = path_kind(path_);
  if (kind == PathKind::kFolder) throw SystemError("open the study file", path_.string(), "it is a folder");
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(path_.c_str(), &handle, flags, nullptr);
  database_.reset(handle);
  if (code != SQLITE_OK) fail(kind == PathKind::kAbsent ? "create" : "open", code);
}

void SqliteDatabase::fail(const char* operation, int code) const {
  const auto throw_with = [&](const std::string& reason) {
    throw SystemError(fmt::format("{} the study file", operation), path_.string(), reason);
  };
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw_with(fmt::format("another program has kept it locked for {:g} s; close what uses it and try again",
                             static_cast<double>(busy_timeout_.count()) / 1000));
      break;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN: throw_with(kReadOnly); break;
    case SQLITE_FULL: throw_with("the disk is full; what was stored before is safe"); break;
    case SQLITE_NOTADB: throw_with("it is no SQLite database"); break;
    case SQLITE_CORRUPT:
      throw_with("the file is damaged; `sqlite3 FILE .recover` may save its trials into a new one");
      break;
    case SQLITE_IOERR: throw_with(io_reason(code)); break;
    default: throw_with(database_ ? sqlite3_errmsg(database_.get()) : sqlite3_errstr(code)); break;
  }
  throw InternalError("not reached");
}

sqlite3_stmt* SqliteDatabase::bound_statement(const std::string& sql, std::span<const Bound> values) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    sqlite3_stmt* handle = nullptr;
    const std::string own = with_question_marks(sql);
    const int code = sqlite3_prepare_v3(database_.get(), own.data(), static_cast<int>(own.size()),
                                        SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
    if (code != SQLITE_OK) fail("read", code);
    found = statements_.emplace(sql, handle).first;
  }
  int index = 0;
  for (const Bound& value : values) bind(found->second.get(), ++index, value);
  return found->second.get();
}

std::int64_t SqliteDatabase::run(const std::string& sql, std::span<const Bound> values) {
  SqliteRows rows(*this, bound_statement(sql, values));
  while (rows.next()) {
  }
  return sqlite3_changes64(database_.get());
}

std::unique_ptr<Rows> SqliteDatabase::select(const std::string& sql, std::span<const Bound> values) {
  return std::make_unique<SqliteRows>(*this, bound_statement(sql, values));
}

bool SqliteDatabase::changed_by_others() {
  const auto rows = select("PRAGMA data_version");
  rows->next();
  const std::int64_t version = rows->integer(0);
  const bool changed = data_version_ != version;
  data_version_ = version;
  return changed;
}

// A file that was removed or replaced is still open here: what is written now would be lost, or would be mixed into the
// other file.
void SqliteDatabase::check_place() const {
  int moved = 0;
  const int code = sqlite3_file_control(database_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  if (code != SQLITE_OK || moved == 0) return;
  throw SystemError("go on with the study file", path_.string(), kFileWasReplaced);
}

void SqliteDatabase::transact(Access access, const std::function<void()>& body) {
  check_place();
  run(access == Access::kWrite ? "BEGIN IMMEDIATE" : "BEGIN");
  try {
    body();
    run("COMMIT");
  } catch (...) {
    roll_back();
    throw;
  }
}

void SqliteDatabase::roll_back() {
  // SQLite has taken a transaction back by itself after some errors, a full disk among them.
  if (sqlite3_get_autocommit(database_.get()) != 0) return;
  try {
    run("ROLLBACK");
  } catch (const Error& failure) {
    log::error("{}", failure.what());
  }
}

}  // namespace lathe::storage::sqlite
