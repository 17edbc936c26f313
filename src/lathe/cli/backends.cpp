#include "lathe/cli/backends.h"

#include "lathe/backend/dense/dense.h"
#include "lathe/backend/onednn/onednn.h"
#include "lathe/backend/ref/ref.h"

namespace lathe::cli {

const engine::BackendList& backends() {
  static const engine::BackendList list = {backend::make_dense_backend(), backend::make_onednn_backend(),
                                           backend::make_ref_backend()};
  return list;
}

}  // namespace lathe::cli
