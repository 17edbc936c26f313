#pragma once

#include <vector>

#include "lathe/model/chain.h"

/// Networks for the 28x28 images of MNIST and Fashion-MNIST.
namespace lathe::model {

/// Makes LeNet-5 (LeCun et al. 1998) as it is trained today: ReLU and max pooling, padding 2 in front.
/// 61,706 parameters on 28x28 images and ten classes.
std::vector<Layer> lenet(const ModelRequest& request);
/// Makes FINN's LFC (Umuroglu et al. 2017, https://arxiv.org/abs/1612.07119) in float: flatten, three linear layers of
/// 1024 without bias, each with batch norm and ReLU, and the classes. 2,916,362 parameters.
std::vector<Layer> lfc(const ModelRequest& request);

}  // namespace lathe::model
