#include "conformance/backends.h"

#include "lathe/backend/dense/dense.h"
#include "lathe/backend/onednn/onednn.h"

namespace lathe::conformance {

const std::vector<TestedBackend>& tested_backends() {
  static const std::vector<TestedBackend> backends = {
      {.name = "dense", .backend = backend::make_dense_backend()},
      {.name = "onednn", .backend = backend::make_onednn_backend(), .may_refuse = false},
      {.name = "onednn_threads", .backend = backend::make_onednn_backend(), .threads = 2, .may_refuse = false},
  };
  return backends;
}

}  // namespace lathe::conformance
