#pragma once

#include <vector>

#include "lathe/model/chain.h"

namespace lathe::model {

/// Makes MobileNetV2 (Sandler et al. 2018, https://arxiv.org/abs/1801.04381, table 2) for small images: stem and the
/// stage of 24 channels have stride 1; module paths are torchvision's. 2,236,682 parameters with three channels and ten
/// classes.
std::vector<Layer> mobilenet_v2(const ModelRequest& request);

}  // namespace lathe::model
