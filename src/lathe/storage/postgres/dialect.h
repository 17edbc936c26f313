#pragma once

#include "lathe/storage/relational/database.h"

namespace lathe::storage::postgres {

/// Returns the tables and the language of PostgreSQL.
const relational::Dialect& dialect();

}  // namespace lathe::storage::postgres
