#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lathe/engine/backend.h"

/// What libtorch runs on. No header of libtorch is needed to ask.
namespace lathe::backend::libtorch {

/// Names where tensors live: in the machine's memory, or on the first CUDA device that the process sees
/// (CUDA_VISIBLE_DEVICES chooses it).
enum class DeviceKind { kCpu, kCuda };

/// Names what bits depend on: `libtorch 1.13.0 AVX2`, `libtorch 2.11.0 NVIDIA H200`.
std::string describe(DeviceKind kind);

/// Says why the device cannot be used: no CUDA in this libtorch, no device; nullopt means that it can.
std::optional<std::string> device_refusal(DeviceKind kind);

/// Says why the device does not compute with these numbers; nullopt means that it does.
std::optional<std::string> precision_refusal(DeviceKind kind, engine::Precision precision);

/// Returns the bytes that libtorch holds of the CUDA device's memory, used or kept for later; 0 for the processor.
std::int64_t bytes_held(DeviceKind kind);

}  // namespace lathe::backend::libtorch
