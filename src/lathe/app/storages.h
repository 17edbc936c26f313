#pragma once

#include <memory>
#include <string>

#include "lathe/storage/storage.h"

namespace lathe::app {

/// Opens the storage that an address names: `sqlite:///folder/study.db` (from the working folder),
/// `sqlite:////home/me/study.db`, the path of a file that ends in .db, .sqlite or .sqlite3,
/// `postgresql://user@host:port/database`, `postgresql:///database?host=/run/postgresql`, `memory`. New databases and
/// files are made; see the functions of the databases. `optuna_compat` is the version of Optuna that is to read a new
/// one. Throws UserError for an address of no such form, and as the databases do.
std::unique_ptr<storage::Storage> open_storage(const std::string& url, const std::string& optuna_compat = {});

/// Tells whether a text has the form of an address that open_storage takes.
bool is_storage_address(const std::string& text);

/// Opens a storage that is there already. As open_storage, but nothing is made: SystemError for a file that does not
/// exist, and for a file or database that holds no studies.
std::unique_ptr<storage::Storage> open_existing_storage(const std::string& url);
/// The same for a study that is to go on: a file that is empty, since the disk was full when it was made, gets its
/// tables.
std::unique_ptr<storage::Storage> open_begun_storage(const std::string& url);

}  // namespace lathe::app
