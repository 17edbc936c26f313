#include "lathe/storage/postgres/postgres_storage.h"

#include "lathe/storage/postgres/postgres_database.h"
#include "lathe/storage/relational/relational_storage.h"

namespace lathe::storage {

std::unique_ptr<Storage> open_postgres(const std::string& url, const PostgresOptions& options) {
  auto database = std::make_unique<postgres::PostgresDatabase>(postgres::read_address(url),
                                                               std::chrono::duration<double>(options.retry_seconds));
  return std::make_unique<relational::RelationalStorage>(std::move(database), options.optuna_compat, options.create);
}

}  // namespace lathe::storage
