#pragma once

#include <vector>

#include "lathe/model/chain.h"

namespace lathe::model {

/// MASE's toy network for any data: features-8-8-classes, ReLU between, none on the logits.
std::vector<Layer> toy(const ModelRequest& request);

}  // namespace lathe::model
