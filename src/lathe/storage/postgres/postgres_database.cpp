#include "lathe/storage/postgres/postgres_database.h"

#include <fmt/format.h>

#include <pqxx/pqxx>
#include <thread>

#include "lathe/base/check.h"
#include "lathe/base/error.h"
#include "lathe/base/log.h"
#include "lathe/storage/postgres/dialect.h"

namespace lathe::storage::postgres {
namespace {

using relational::Bound;
using relational::Rows;

constexpr const char* kSetUp =
    "SET datestyle = 'ISO, YMD'; SET extra_float_digits = 3; SET client_encoding = 'UTF8'; "
    "SET client_min_messages = error; SET default_transaction_isolation = 'read committed'; "
    "SET default_transaction_read_only = off";
constexpr const char* kBeginRead = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// The number of the transaction tells later whether it was committed, should the answer get lost.
constexpr const char* kBeginWrite = "BEGIN; SELECT txid_current()";

constexpr std::chrono::milliseconds kFirstPause{20};
constexpr std::chrono::milliseconds kLongestPause{2000};

/// Cuts `ERROR:  text` and what follows to its first line.
std::string first_line(std::string text) {
  text = text.substr(0, text.find('\n'));
  for (const std::string prefix : {"ERROR:  ", "FATAL:  "}) {
    if (text.starts_with(prefix)) text.erase(0, prefix.size());
  }
  return text;
}

/// The states of SQL that mean a lost connection: 08... and the server's shutdown.
bool is_loss(const std::string& state) { return state.starts_with("08") || state.starts_with("57P"); }
/// A deadlock or a serialization failure: the transaction may be tried again.
bool is_conflict(const std::string& state) { return state.starts_with("40"); }

struct TextOf {
  std::string operator()(std::nullptr_t) const { return {}; }
  std::string operator()(std::int64_t number) const { return std::to_string(number); }
  std::string operator()(double number) const { return fmt::format("{}", number); }
  std::string operator()(const std::string& text) const { return text; }
};

class PostgresRows final : public Rows {
 public:
  explicit PostgresRows(pqxx::result result) : result_(std::move(result)) {}
  bool next() override { return ++row_ < static_cast<std::int64_t>(result_.size()); }
  bool is_null(int column) const override { return field(column).is_null(); }
  std::int64_t integer(int column) const override { return std::strtoll(field(column).c_str(), nullptr, 10); }
  double real(int column) const override { return std::strtod(field(column).c_str(), nullptr); }
  std::string_view text(int column) const override { return {field(column).c_str(), field(column).size()}; }

 private:
  pqxx::field field(int column) const { return result_[static_cast<pqxx::result::size_type>(row_)][column]; }

  pqxx::result result_;
  std::int64_t row_ = -1;
};

/// Thrown where the connection is gone; never leaves this file.
struct ConnectionLost {
  std::string reason;
};
/// Thrown where the server took the transaction back for another one's sake.
struct Conflict {
  std::string reason;
};

}  // namespace

/// Holds what dies with a connection. Transactions are begun and ended by hand: libpqxx's own kinds do not tell whether
/// a COMMIT without an answer was done.
struct PostgresDatabase::Session {
  explicit Session(const std::string& address) : connection(address), quiet(connection), statements(connection) {
    statements.exec(kSetUp);
  }
  /// Returns the name of a prepared statement.
  const std::string& prepared(const std::string& sql) {
    const auto [found, added] = names.try_emplace(sql, fmt::format("lathe_{}", names.size()));
    if (added) connection.prepare(found->second, sql);
    return found->second;
  }

  pqxx::connection connection;
  pqxx::quiet_errorhandler quiet;
  pqxx::nontransaction statements;
  std::map<std::string, std::string> names;
};

namespace {

/// Runs a call of libpqxx; sorts its errors. `on_error` makes a SystemError of all that cannot be tried again.
template <typename Call, typename OnError>
auto sorted_errors(const pqxx::connection& connection, Call call, OnError on_error) -> decltype(call()) {
  try {
    return call();
  } catch (const pqxx::broken_connection& failure) {
    throw ConnectionLost{first_line(failure.what())};
  } catch (const pqxx::sql_error& failure) {
    const std::string reason = first_line(failure.what());
    if (is_loss(failure.sqlstate()) || !connection.is_open()) throw ConnectionLost{reason};
    if (is_conflict(failure.sqlstate())) throw Conflict{reason};
    on_error(reason);
  } catch (const pqxx::failure& failure) {
    if (!connection.is_open()) throw ConnectionLost{first_line(failure.what())};
    on_error(first_line(failure.what()));
  }
  throw InternalError("not reached");
}

}  // namespace

PostgresDatabase::PostgresDatabase(Address address, std::chrono::duration<double> retry)
    : address_(std::move(address)), retry_(retry) {
  try {
    connect();
  } catch (const ConnectionLost& loss) {
    fail("open", loss.reason);
  }
}

PostgresDatabase::~PostgresDatabase() = default;

const relational::Dialect& PostgresDatabase::dialect() const { return postgres::dialect(); }

void PostgresDatabase::fail(const char* operation, const std::string& reason) const {
  throw SystemError(fmt::format("{} the database", operation), address_.shown, address_.without_password(reason));
}

void PostgresDatabase::connect() {
  if (session_) return;
  try {
    session_ = std::make_unique<Session>(address_.connection);
  } catch (const pqxx::failure& failure) {
    throw ConnectionLost{first_line(failure.what())};
  }
}

pqxx::result PostgresDatabase::execute(const std::string& sql, std::span<const Bound> values) {
  LATHE_CHECK(session_ != nullptr, "{} outside of a transaction", sql);
  const auto call = [&] {
    if (values.empty()) return session_->statements.exec(sql);
    std::vector<std::string> texts;
    std::vector<const char*> pointers;
    texts.reserve(values.size());  // the pointers must stay
    for (const Bound& value : values) {
      const bool null = std::holds_alternative<std::nullptr_t>(value);
      pointers.push_back(null ? nullptr : texts.emplace_back(std::visit(TextOf{}, value)).c_str());
    }
    return session_->statements.exec_prepared(session_->prepared(sql), pqxx::prepare::make_dynamic_params(pointers));
  };
  return sorted_errors(session_->connection, call,
                       [&](const std::string& reason) { fail(sql.starts_with("SELECT") ? "read" : "write", reason); });
}

std::unique_ptr<Rows> PostgresDatabase::select(const std::string& sql, std::span<const Bound> values) {
  return std::make_unique<PostgresRows>(execute(sql, values));
}

std::int64_t PostgresDatabase::run(const std::string& sql, std::span<const Bound> values) {
  return static_cast<std::int64_t>(execute(sql, values).affected_rows());
}

void PostgresDatabase::begin(Access access) {
  const pqxx::result answer = execute(access == Access::kWrite ? kBeginWrite : kBeginRead, {});
  transaction_id_ = answer.empty() ? std::string() : answer[0][0].c_str();
}

void PostgresDatabase::commit() {
  try {
    execute("COMMIT", {});
  } catch (const ConnectionLost&) {
    doubtful_ = transaction_id_;
    throw;
  }
}

void PostgresDatabase::roll_back() {
  if (!session_) return;
  try {
    session_->statements.exec("ROLLBACK");
  } catch (const std::exception&) {
    session_.reset();  // the server takes the transaction of a lost connection back
  }
}

bool PostgresDatabase::settle_doubt(Outcome& outcome) {
  if (doubtful_.empty()) return false;
  const std::vector<Bound> values{doubtful_};
  const pqxx::result answer = execute("SELECT txid_status($1)", values);
  const std::string status = answer.empty() ? std::string() : answer[0][0].c_str();
  outcome = status == "committed" ? Outcome::kDone : Outcome::kLost;
  if (status != "in progress") doubtful_.clear();
  return status == "committed" || status == "in progress";
}

PostgresDatabase::Outcome PostgresDatabase::attempt(Access access, const std::function<void()>& body) {
  Outcome outcome = Outcome::kDone;
  try {
    connect();
    if (settle_doubt(outcome)) return outcome;
    begin(access);
    body();
    commit();
    return Outcome::kDone;
  } catch (const ConnectionLost& loss) {
    last_reason_ = loss.reason;
    session_.reset();
    return Outcome::kLost;
  } catch (const Conflict& conflict) {
    last_reason_ = conflict.reason;
    roll_back();
    return Outcome::kConflict;
  } catch (...) {
    roll_back();
    throw;
  }
}

void PostgresDatabase::wait_for_server(Outcome why, std::chrono::steady_clock::time_point give_up,
                                       std::chrono::milliseconds& pause) {
  if (std::chrono::steady_clock::now() + pause > give_up) {
    fail("reach", fmt::format("{} (tried for {:g} s)", last_reason_, retry_.count()));
  }
  if (why == Outcome::kLost && pause == kFirstPause) {
    log::warning("{}: {}; trying for {:g} s to get the connection back", address_.shown,
                 address_.without_password(last_reason_), retry_.count());
  }
  std::this_thread::sleep_for(pause);
  pause = std::min(pause * 2, kLongestPause);
}

void PostgresDatabase::transact(Access access, const std::function<void()>& body) {
  const auto give_up =
      std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(retry_);
  std::chrono::milliseconds pause = kFirstPause;
  doubtful_.clear();
  Outcome outcome = attempt(access, body);
  while (outcome != Outcome::kDone) {
    wait_for_server(outcome, give_up, pause);
    outcome = attempt(access, body);
  }
}

}  // namespace lathe::storage::postgres
