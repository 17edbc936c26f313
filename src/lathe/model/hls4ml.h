#pragma once

#include <vector>

#include "lathe/model/chain.h"

namespace lathe::model {

/// hls4ml's jet tagger 16-64-32-32-5 (Duarte et al. 2018, https://arxiv.org/abs/1804.06913, section 2): ReLU between,
/// none on the logits; module paths fc1, relu1, ... fc4. 4,389 parameters.
std::vector<Layer> hls4ml_jet(const ModelRequest& request);

}  // namespace lathe::model
