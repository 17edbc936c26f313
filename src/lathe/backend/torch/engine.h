#pragma once

#include <memory>

#include "lathe/backend/torch/device.h"
#include "lathe/engine/backend.h"

namespace lathe::backend::libtorch {

/// Makes the back end of a device. Runs every op of the program; all values are float32, products bfloat16 or float16
/// where that precision is asked for. Equal calls give equal bits on the processor (for one number of threads) and on
/// CUDA, there but for max pools whose windows overlap, adaptive pools of more than one bin and bilinear upsampling,
/// whose gradients libtorch adds up in no fixed order.
std::shared_ptr<const engine::Backend> make_libtorch_backend(DeviceKind kind);

}  // namespace lathe::backend::libtorch
