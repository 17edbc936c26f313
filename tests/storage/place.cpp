#include "storage/place.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/storage/memory.h"
#include "lathe/storage/postgres/postgres_storage.h"
#include "lathe/storage/sqlite/sqlite_storage.h"
#include "storage/temporary_folder.h"

namespace lathe::storage {
namespace {

class MemoryPlace final : public Place {
 public:
  std::shared_ptr<Storage> open(const std::string&) override { return storage_; }
  std::string sql(const std::string&) override { return {}; }
  std::string url() const override { return "memory"; }

 private:
  std::shared_ptr<Storage> storage_ = open_memory();
};

int add_row(void* target, int count, char** values, char**) {
  auto& text = *static_cast<std::string*>(target);
  for (int i = 0; i < count; ++i) {
    if (i > 0) text += '|';
    text += values[i] == nullptr ? "" : values[i];
  }
  text += "\n";
  return 0;
}

class SqlitePlace final : public Place {
 public:
  std::shared_ptr<Storage> open(const std::string& optuna_compat) override {
    return open_sqlite(folder_.file("study.db"), {.optuna_compat = optuna_compat});
  }
  std::string sql(const std::string& statements) override {
    sqlite3* database = nullptr;
    EXPECT_EQ(sqlite3_open(folder_.file("study.db").c_str(), &database), SQLITE_OK);
    sqlite3_busy_timeout(database, 10'000);
    std::string text;
    const int code = sqlite3_exec(database, statements.c_str(), add_row, &text, nullptr);
    EXPECT_EQ(code, SQLITE_OK) << sqlite3_errmsg(database);
    sqlite3_close(database);
    return text;
  }
  std::string url() const override { return "sqlite:///" + folder_.file("study.db").string(); }

 private:
  TemporaryFolder folder_;
};

class PostgresPlace final : public Place {
 public:
  PostgresPlace(std::string socket_folder, std::string port) : host_(std::move(socket_folder)), port_(std::move(port)) {
    static std::atomic<int> count = 0;
    name_ = fmt::format("lathe_{}_{}", ::getpid(), ++count);
    psql("postgres", "CREATE DATABASE " + name_);
  }
  ~PostgresPlace() override { psql("postgres", "DROP DATABASE " + name_ + " WITH (FORCE)"); }
  PostgresPlace(const PostgresPlace&) = delete;
  PostgresPlace& operator=(const PostgresPlace&) = delete;

  std::shared_ptr<Storage> open(const std::string& optuna_compat) override {
    return open_postgres(url(), {.optuna_compat = optuna_compat, .retry_seconds = 20});
  }
  std::string sql(const std::string& statements) override { return psql(name_, statements); }
  std::string url() const override {
    return fmt::format("postgresql://postgres@/{}?host={}&port={}", name_, host_, port_);
  }

 private:
  std::string psql(const std::string& database, const std::string& statements) const {
    const TemporaryFolder folder;
    write_text_file_atomically(folder.file("statements.sql"), statements);
    const Output output =
        run_command(fmt::format("PGOPTIONS='-c client_min_messages=error' psql -X -q -At -v ON_ERROR_STOP=1 -h {} -p "
                                "{} -U postgres -d {} -f {}",
                                host_, port_, database, folder.file("statements.sql").string()));
    EXPECT_EQ(output.exit_code, 0) << output.text;
    return output.text;
  }

  std::string host_, port_, name_;
};

}  // namespace

std::unique_ptr<Place> make_place(const std::string& kind) {
  if (kind == "memory") return std::make_unique<MemoryPlace>();
  if (kind == "sqlite") return std::make_unique<SqlitePlace>();
  return PostgresServer::shared().is_running() ? PostgresServer::shared().make_database() : nullptr;
}

PostgresServer::PostgresServer(const std::string& options) : own_(true) {
  static std::atomic<int> count = 0;
  file_ = std::filesystem::temp_directory_path() / fmt::format("lathe_postgres_{}_{}", ::getpid(), ++count);
  const Output output =
      run_command(fmt::format("LATHE_POSTGRES_OPTIONS='{}' {}/tests/storage/postgres_server.sh start {}", options,
                              LATHE_SOURCE_DIR, file_.string()));
  if (output.exit_code != 77 && output.exit_code != 0) std::fprintf(stderr, "%s\n", output.text.c_str());
  read_address();
}

PostgresServer::~PostgresServer() {
  if (own_) run_command(fmt::format("{}/tests/storage/postgres_server.sh stop {}", LATHE_SOURCE_DIR, file_.string()));
}

void PostgresServer::read_address() { std::ifstream(file_) >> socket_folder_ >> port_; }

void PostgresServer::control(const std::string& command) const {
  const std::string runner = ::geteuid() == 0 ? "runuser -u postgres -- " : "";
  const Output output = run_command(
      fmt::format("cd {0} && {1} $(ls -d /usr/lib/postgresql/*/bin | tail -1)/pg_ctl -D {0}/data -s -w -l {0}/log {2}",
                  socket_folder_, runner, command));
  EXPECT_EQ(output.exit_code, 0) << output.text;
}

void PostgresServer::crash() { control("-m immediate stop"); }

void PostgresServer::restart() {
  // The options of the first start stand in postmaster.opts.
  control(fmt::format(
      "-o \"-c listen_addresses= -c unix_socket_directories={} -p {} -c max_connections=200 -c fsync=off\" start "
      ">/dev/null",
      socket_folder_, port_));
}

std::unique_ptr<Place> PostgresServer::make_database() const {
  return std::make_unique<PostgresPlace>(socket_folder_, port_);
}

const PostgresServer& PostgresServer::shared() {
  static const std::unique_ptr<PostgresServer> server = [] {
    std::unique_ptr<PostgresServer> existing(new PostgresServer(Existing{}));
    if (const char* file = std::getenv("LATHE_TEST_POSTGRES")) {
      existing->file_ = file;
      existing->read_address();
    }
    return existing->is_running() ? std::move(existing) : std::make_unique<PostgresServer>();
  }();
  return *server;
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

Output run_command(const std::string& command) {
  FILE* pipe = ::popen(("{ " + command + "\n} 2>&1").c_str(), "r");
  Output output;
  char buffer[4096];
  while (const std::size_t count = std::fread(buffer, 1, sizeof buffer, pipe)) output.text.append(buffer, count);
  const int status = ::pclose(pipe);
  output.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return output;
}

std::string peer_file(const std::string& name) {
  const char* data = std::getenv("LATHE_TEST_DATA");
  const std::filesystem::path shared = data ? std::filesystem::path(data).parent_path() : LATHE_SOURCE_DIR "/../shared";
  const auto path = shared / "peers" / name;
  return std::filesystem::exists(path) ? read_text_file(path) : std::string();
}

}  // namespace lathe::storage
