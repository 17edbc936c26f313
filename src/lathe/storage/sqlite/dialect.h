#pragma once

#include "lathe/storage/relational/database.h"

namespace lathe::storage::sqlite {

/// Returns the tables and the language of SQLite.
const relational::Dialect& dialect();

}  // namespace lathe::storage::sqlite
