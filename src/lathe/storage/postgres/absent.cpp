// Stands for the other files of this folder where lathe is built without libpqxx.
#include "lathe/base/error.h"
#include "lathe/storage/postgres/postgres_storage.h"

namespace lathe::storage {

std::unique_ptr<Storage> open_postgres(const std::string& url, const PostgresOptions&) {
  throw UnsupportedError("this lathe was built without PostgreSQL (LATHE_WITH_POSTGRES=OFF); " +
                         url.substr(0, url.find(':')) + ":// addresses need it");
}

}  // namespace lathe::storage
