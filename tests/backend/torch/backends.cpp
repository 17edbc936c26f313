#include "conformance/backends.h"

#include "lathe/backend/torch/engine.h"

namespace lathe::conformance {

using backend::libtorch::DeviceKind;

// The processor, and the GPU where there is one.
const std::vector<TestedBackend>& tested_backends() {
  static const std::vector<TestedBackend> backends = [] {
    std::vector<TestedBackend> list = {{.name = "torch_cpu",
                                        .backend = backend::libtorch::make_libtorch_backend(DeviceKind::kCpu),
                                        .threads = 1,
                                        .may_refuse = false,
                                        .gradient_tolerance = 5e-4}};
    if (!backend::libtorch::device_refusal(DeviceKind::kCuda))
      list.push_back({.name = "torch_cuda",
                      .backend = backend::libtorch::make_libtorch_backend(DeviceKind::kCuda),
                      .threads = 1,
                      .may_refuse = false,
                      .tolerance = 1e-4,
                      .gradient_tolerance = 1e-3});
    return list;
  }();
  return backends;
}

}  // namespace lathe::conformance
