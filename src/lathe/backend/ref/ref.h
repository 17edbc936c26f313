#pragma once

#include <memory>

#include "lathe/engine/backend.h"

namespace lathe::backend {

/// Makes the `ref` back end: plain loops in double precision, one kernel per op, no speed. It is the truth that other
/// back ends are compared with. Runs any graph whose ops have a kernel; values may be read by several nodes, and the
/// gradients of such a value are added up from its last reader to its first. Formulas as PyTorch's. Weights, moments
/// and statistics are kept in double precision and rounded to float32 by `state` and `optimizer_state`: a run that is
/// stopped and resumed therefore goes on from rounded values, unlike on other back ends. Quantised forward passes are
/// exact as long as sums of products fit 53 bits.
std::shared_ptr<const engine::Backend> make_ref_backend();

}  // namespace lathe::backend
