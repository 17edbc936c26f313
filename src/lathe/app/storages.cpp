#include "lathe/app/storages.h"

#include <fmt/format.h>

#include <filesystem>
#include <string_view>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/profile.h"
#include "lathe/storage/memory.h"
#include "lathe/storage/postgres/postgres_storage.h"
#include "lathe/storage/sqlite/sqlite_storage.h"

namespace lathe::app {
namespace {

constexpr const char* kForms =
    "known: sqlite:///study.db (from this folder), sqlite:////home/me/study.db, study.db, "
    "postgresql://user@host:port/database, memory";

bool names_sqlite_file(const std::string& address) {
  const std::string extension = std::filesystem::path(address).extension();
  return extension == ".db" || extension == ".sqlite" || extension == ".sqlite3";
}

// Returns the path behind `sqlite:///`, as SQLAlchemy reads it.
std::filesystem::path sqlite_path(const std::string& url) {
  constexpr std::string_view kPrefix = "sqlite:///";
  if (!url.starts_with(kPrefix)) {
    throw UserError(
        fmt::format("\"{}\": a path stands behind three slashes: sqlite:///study.db, or four where it "
                    "begins at the root: sqlite:////home/me/study.db",
                    url));
  }
  const std::string path = url.substr(kPrefix.size());
  if (path.empty() || path == ":memory:") {
    throw UserError(fmt::format("\"{}\" names no file; use `memory` for a study that ends with the program", url));
  }
  return path;
}

std::unique_ptr<storage::Storage> open(const std::string& url, const std::string& optuna_compat, bool create) {
  const PhaseScope phase(Phase::kStorage);
  const std::size_t scheme_end = url.find("://");
  const std::string scheme = scheme_end == std::string::npos ? std::string() : url.substr(0, scheme_end);
  const std::string database = scheme.substr(0, scheme.find('+'));  // SQLAlchemy: postgresql+psycopg2
  if (url == "memory") return storage::open_memory();
  if (database == "sqlite")
    return storage::open_sqlite(sqlite_path(url), {.optuna_compat = optuna_compat, .create = create});
  if (database == "postgresql" || database == "postgres") {
    return storage::open_postgres(url, {.optuna_compat = optuna_compat, .create = create});
  }
  if (scheme.empty() && names_sqlite_file(url))
    return storage::open_sqlite(url, {.optuna_compat = optuna_compat, .create = create});
  if (!scheme.empty()) throw UserError(fmt::format("\"{}://\" is no storage that lathe knows ({})", scheme, kForms));
  throw UserError(fmt::format("\"{}\" is no address of a storage ({})", url, kForms));
}

}  // namespace

std::unique_ptr<storage::Storage> open_storage(const std::string& url, const std::string& optuna_compat) {
  return open(url, optuna_compat, true);
}

bool is_storage_address(const std::string& text) {
  return text == "memory" || text.find("://") != std::string::npos || names_sqlite_file(text);
}

std::unique_ptr<storage::Storage> open_existing_storage(const std::string& url) { return open(url, {}, false); }

std::unique_ptr<storage::Storage> open_begun_storage(const std::string& url) {
  const bool is_file = url.starts_with("sqlite:///") || names_sqlite_file(url);
  const std::filesystem::path file = url.starts_with("sqlite:///") ? sqlite_path(url) : std::filesystem::path(url);
  return open(url, {}, is_file && path_exists(file));
}

}  // namespace lathe::app
