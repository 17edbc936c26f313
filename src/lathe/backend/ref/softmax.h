#pragma once

#include <span>

namespace lathe::backend::ref {

/// Replaces values by exp(value) / sum of exp.
void apply_softmax(std::span<double> values);

/// Replaces d(loss)/d(softmax) by d(loss)/d(values before it), given the softmax.
void apply_softmax_gradient(std::span<const double> softmax, std::span<double> gradient);

}  // namespace lathe::backend::ref
