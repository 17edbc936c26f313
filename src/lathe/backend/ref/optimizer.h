#pragma once

#include <cstdint>

#include "lathe/backend/ref/kernel.h"
#include "lathe/engine/backend.h"

namespace lathe::backend::ref {

/// Applies a step of the update rule to one tensor; what l1 and l2 add stays in the gradient.
void apply_update(const engine::OptimizerDeclaration& rule, const engine::OptimizerSettings& settings,
                  const engine::OptimizerStep& step, Tensor& tensor);

}  // namespace lathe::backend::ref
