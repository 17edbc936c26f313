#include "storage/storage_suite.h"

namespace lathe::storage {

INSTANTIATE_TEST_SUITE_P(Embedded, StorageSuite, testing::Values("memory", "sqlite"),
                         [](const auto& kind) { return kind.param; });

}  // namespace lathe::storage
