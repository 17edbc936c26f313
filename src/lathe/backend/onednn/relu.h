#pragma once

#include "lathe/backend/onednn/builder.h"

namespace lathe::backend::onednn {

/// Adds the backward step of a ReLU whose result is `output`, and returns the gradient of what it read.
Tensor add_relu_backward(PlanBuilder& builder, const Gradient& gradient, const Tensor& output);

}  // namespace lathe::backend::onednn
