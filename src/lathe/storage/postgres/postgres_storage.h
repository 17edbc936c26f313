#pragma once

#include <memory>
#include <string>

#include "lathe/storage/storage.h"

namespace lathe::storage {

/// Holds how a PostgreSQL database is opened.
struct PostgresOptions {
  /// The version of Optuna that is to read NEW tables; see SqliteOptions.
  std::string optuna_compat = {};
  /// How long a call tries to get a lost connection back before it fails.
  double retry_seconds = 60;
  bool create = true;  ///< false: a database without Optuna's tables is an error, and stays as it is
};

/// Opens a database by its URL, as libpq reads it: `postgresql://user:password@host:port/database`,
/// `postgresql:///database?host=/run/postgresql`; `postgresql+psycopg2://` as SQLAlchemy writes it is understood.
/// Makes Optuna's tables where they are missing. A connection that is lost comes back by itself, and the transaction is
/// done once, even where the loss hid whether it was. The password appears in no text. Throws UserError for a URL that
/// libpq does not understand, SystemError when the server cannot be reached or refuses, or for tables of another
/// program or another schema; UnsupportedError when lathe was built without PostgreSQL.
std::unique_ptr<Storage> open_postgres(const std::string& url, const PostgresOptions& options = {});

}  // namespace lathe::storage
