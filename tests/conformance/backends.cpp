#include "conformance/backends.h"

#include "lathe/backend/dense/dense.h"

namespace lathe::conformance {

const std::vector<TestedBackend>& tested_backends() {
  static const std::vector<TestedBackend> backends = {
      {.name = "dense", .backend = backend::make_dense_backend()},
  };
  return backends;
}

}  // namespace lathe::conformance
