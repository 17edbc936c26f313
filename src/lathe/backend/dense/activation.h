#pragma once

#include <cstdint>

/// The activations that the dense engine runs as stages of their own kind: op and the map in activations-inl.h. One
/// line each; the enumeration, the plan's table and the dispatch follow from it.
#define LATHE_DENSE_ACTIVATIONS(X) \
  X(relu6, Relu6Map)               \
  X(silu, SiluMap)                 \
  X(hardswish, HardswishMap)       \
  X(hardsigmoid, HardsigmoidMap)   \
  X(hardtanh, HardtanhMap)         \
  X(elu, EluMap)                   \
  X(selu, SeluMap)                 \
  X(softplus, SoftplusMap)

namespace lathe::backend::dense {

#define LATHE_DENSE_NAME(op, map) op,
enum class Activation : std::uint8_t { LATHE_DENSE_ACTIVATIONS(LATHE_DENSE_NAME) };
#undef LATHE_DENSE_NAME

}  // namespace lathe::backend::dense
