#pragma once

#include <memory>

#include "lathe/storage/storage.h"

namespace lathe::storage {

/// Makes a storage that ends with its process: for tests, comparisons and `--storage memory`. Heartbeats go by the
/// steady clock.
std::unique_ptr<Storage> open_memory();

}  // namespace lathe::storage
