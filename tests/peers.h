#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string_view>

namespace lathe::peers {  // not lathe::testing: tests of modules call GoogleTest's `testing`

/// Tells whether the programs that tests compare with must be there: LATHE_REQUIRE_PEERS=1, which `./test --with-peers`
/// sets, so that the gate never passes by comparing nothing.
inline bool are_required() {
  const char* required = std::getenv("LATHE_REQUIRE_PEERS");
  return required != nullptr && std::string_view(required) == "1";
}

}  // namespace lathe::peers

/// Ends a test whose peer (PyTorch, NumPy, Optuna, PostgreSQL, ONNX Runtime, a data set of Debian) is absent: skipped,
/// failed where peers are required. Absent GPUs, instruction sets and files of ../shared are GTEST_SKIP everywhere.
#define LATHE_PEER_IS_ABSENT(reason)                                             \
  do {                                                                           \
    if (::lathe::peers::are_required()) FAIL() << (reason) << ", and is needed"; \
    GTEST_SKIP() << (reason);                                                    \
  } while (false)
