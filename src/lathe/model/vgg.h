#pragma once

#include <vector>

#include "lathe/model/chain.h"

/// The convolutional networks of MASE for CIFAR-10.
namespace lathe::model {

/// Makes VGG7: six 3x3 convolutions of 128, 128, 256, 256, 512 and 512 channels with batch norm (momentum 0.9), a max
/// pool behind each pair, `view`, two linear layers of 1024 and the classes. 14,029,450 parameters and 616,966,144 MACs
/// on 32x32 images and ten classes.
std::vector<Layer> vgg7(const ModelRequest& request);
/// Makes vgg_tiny: convolutions of 10, 10 and 8 channels without batch norm, then linear 32. 18,664 parameters.
std::vector<Layer> vgg7_tiny(const ModelRequest& request);

}  // namespace lathe::model
