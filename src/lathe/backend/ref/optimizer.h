#pragma once

#include <cstdint>

#include "lathe/backend/ref/kernel.h"
#include "lathe/engine/backend.h"

namespace lathe::backend::ref {

/// Applies step number `step` (from 1) of the update rule to one tensor; what l1 and l2 add stays in the gradient.
void apply_update(const engine::OptimizerSettings& settings, double learning_rate, std::int64_t step, Tensor& tensor);

}  // namespace lathe::backend::ref
