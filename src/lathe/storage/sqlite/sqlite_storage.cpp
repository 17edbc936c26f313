#include "lathe/storage/sqlite/sqlite_storage.h"

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/storage/relational/relational_storage.h"
#include "lathe/storage/sqlite/sqlite_database.h"

namespace lathe::storage {

std::unique_ptr<Storage> open_sqlite(const std::filesystem::path& path, const SqliteOptions& options) {
  if (!options.create && !path_exists(path)) {
    throw SystemError("open the study file", path.string(), "it does not exist");
  }
  const std::chrono::milliseconds timeout(static_cast<std::int64_t>(options.busy_timeout_seconds * 1000));
  return std::make_unique<relational::RelationalStorage>(std::make_unique<sqlite::SqliteDatabase>(path, timeout),
                                                         options.optuna_compat, options.create);
}

}  // namespace lathe::storage
