#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "lathe/storage/storage.h"

namespace lathe::storage {

/// An empty database that lives as long as a test.
class Place {
 public:
  virtual ~Place() = default;
  /// Opens it once more, as another worker does; memory is always the same.
  virtual std::shared_ptr<Storage> open(const std::string& optuna_compat = {}) = 0;
  /// Runs SQL outside of lathe, as another program would, and returns the rows: `a|b\n`. Memory has none.
  virtual std::string sql(const std::string& statements) = 0;
  /// Returns the address for SQLAlchemy.
  virtual std::string url() const = 0;
};

/// Makes a place: `memory`, `sqlite` or `postgresql`; null where no PostgreSQL server is installed.
std::unique_ptr<Place> make_place(const std::string& kind);

/// A PostgreSQL server of its own, stopped at the end.
class PostgresServer {
 public:
  /// Starts one; see is_running.
  explicit PostgresServer(const std::string& options = {});
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;
  /// False where no server is installed.
  bool is_running() const { return !socket_folder_.empty(); }
  /// Stops it as a power failure would, and starts it again after a while.
  void crash();
  void restart();
  std::unique_ptr<Place> make_database() const;

  /// Returns the server of the test run, or one that this process starts for itself.
  static const PostgresServer& shared();

 private:
  struct Existing {};
  explicit PostgresServer(Existing) {}
  void read_address();
  void control(const std::string& command) const;

  std::filesystem::path file_;  ///< where the script wrote the address
  bool own_ = false;
  std::string socket_folder_, port_;
};

/// Returns the text of the error that an action throws, or `no error`.
std::string message_of(const std::function<void()>& action);

/// Runs a command; returns what it prints on both streams, and the exit code.
struct Output {
  int exit_code = 0;
  std::string text;
};
Output run_command(const std::string& command);

/// Returns a file of shared/peers; empty where it is not here.
std::string peer_file(const std::string& name);

}  // namespace lathe::storage
