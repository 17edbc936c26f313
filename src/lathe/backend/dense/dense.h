#pragma once

#include <memory>

#include "lathe/engine/backend.h"

namespace lathe::backend {

/// Makes the `dense` back end: chains of linear, batch norm, activation, dropout and integer quantiser nodes, trained
/// with cross entropy in float32, fused per tile of 64 samples, one thread per session, portable SIMD through Highway
/// with the best target of the processor chosen when a session is made. Row results do not depend on where a row stands
/// in a call, and sums of losses do not depend on how rows are split into calls (each row's loss is rounded to a
/// multiple of 2^-30, so that sums below 2^23 are exact). Quantised forward passes are exact, hence equal to every
/// other engine, as long as each sum of products fits 24 bits.
std::shared_ptr<const engine::Backend> make_dense_backend();

}  // namespace lathe::backend
