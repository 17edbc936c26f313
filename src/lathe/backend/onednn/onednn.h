#pragma once

#include <memory>

#include "lathe/engine/backend.h"

namespace lathe::backend {

/// Makes the `onednn` back end: the general CPU engine. A graph becomes a static plan of oneDNN primitives (and own
/// loops where oneDNN has none) for a number of rows; convolutions choose their layouts, which are kept from layer to
/// layer, and weights live in them. Results are bit-identical for equal calls with the same instruction set (`target`)
/// and the same number of threads. Sums are float32; formulas as `ref`. A network whose weights, statistics or inputs
/// are not finite reports a loss that is not a number, though oneDNN's ReLU turns such values into 0.
std::shared_ptr<const engine::Backend> make_onednn_backend();

}  // namespace lathe::backend
