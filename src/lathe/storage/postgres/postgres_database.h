#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "lathe/storage/postgres/address.h"
#include "lathe/storage/relational/database.h"

namespace pqxx {
class result;
}

/// The owner of libpqxx's objects. Only postgres_database.cpp includes libpqxx.
namespace lathe::storage::postgres {

/// Holds a connection to a server, which is made anew when it is lost. Not thread safe. Every error is a SystemError
/// naming the address.
class PostgresDatabase final : public relational::Database {
 public:
  /// Connects. Throws SystemError at once when it fails: an address may be misspelt.
  PostgresDatabase(Address address, std::chrono::duration<double> retry);
  ~PostgresDatabase() override;

  const relational::Dialect& dialect() const override;
  std::string address() const override { return address_.shown; }
  std::string place() const override { return address_.shown; }
  std::string kind() const override { return "database"; }
  std::string optuna_url() const override { return address_.shown; }
  /// Reads see one moment (REPEATABLE READ); writes lock the rows that they depend on (READ COMMITTED).
  void transact(Access access, const std::function<void()>& body) override;
  std::int64_t run(const std::string& sql, std::span<const relational::Bound> values) override;
  std::unique_ptr<relational::Rows> select(const std::string& sql, std::span<const relational::Bound> values) override;
  /// Returns true: it is not known.
  bool changed_by_others() override { return true; }
  using relational::Database::run;
  using relational::Database::select;

 private:
  struct Session;
  enum class Outcome { kDone, kLost, kConflict };

  void connect();
  Outcome attempt(Access access, const std::function<void()>& body);
  /// Tells of the transaction whose COMMIT got no answer whether it was done; true: it was, or it still runs.
  bool settle_doubt(Outcome& outcome);
  void begin(Access access);
  void commit();
  void roll_back();
  /// Waits before the next try; throws SystemError when the time is over.
  void wait_for_server(Outcome why, std::chrono::steady_clock::time_point give_up, std::chrono::milliseconds& pause);
  pqxx::result execute(const std::string& sql, std::span<const relational::Bound> values);
  [[noreturn]] void fail(const char* operation, const std::string& reason) const;

  Address address_;
  std::chrono::duration<double> retry_;
  std::unique_ptr<Session> session_;  ///< null while there is no connection
  std::string transaction_id_;        ///< of the running transaction; empty when it only reads
  std::string doubtful_;              ///< the transaction whose COMMIT got no answer
  std::string last_reason_;           ///< why the connection was lost
};

}  // namespace lathe::storage::postgres
