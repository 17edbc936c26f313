#include "lathe/app/backends.h"

#include "lathe/backend/dense/dense.h"
#include "lathe/backend/onednn/onednn.h"
#include "lathe/backend/ref/ref.h"
#include "lathe/backend/torch/torch.h"

namespace lathe::app {

const engine::BackendList& backends() {
  static const engine::BackendList list = {backend::make_dense_backend(), backend::make_torch_gpu_backend(),
                                           backend::make_onednn_backend(), backend::make_torch_cpu_backend(),
                                           backend::make_ref_backend()};
  return list;
}

}  // namespace lathe::app
