#pragma once

#include <vector>

#include "lathe/model/chain.h"

namespace lathe::model {

/// Makes ResNet-18 (He et al. 2015, https://arxiv.org/abs/1512.03385) for small images: a 3x3 stem of stride 1 and no
/// max pool; module paths are torchvision's. 11,173,962 parameters with three channels and ten classes.
std::vector<Layer> resnet18(const ModelRequest& request);

}  // namespace lathe::model
