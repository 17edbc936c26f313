#pragma once

#include <cstddef>

#include "lathe/data/dataset.h"
#include "lathe/ir/graph.h"

/// The work of the conv suite: VGG7 on images of random numbers.
namespace bench {

/// Makes the zoo's VGG7 for 32x32 images of three channels and ten classes.
lathe::ir::Graph make_vgg7();

/// Makes rows of standard normal values and uniform labels.
lathe::data::Samples make_images(std::size_t rows);

}  // namespace bench
