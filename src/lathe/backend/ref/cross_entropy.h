#pragma once

#include <cstddef>
#include <span>

namespace lathe::backend::ref {

/// Returns the cross-entropy loss of one row's logits, -log softmax(logits)[label], stable for large logits.
double cross_entropy(std::span<const double> logits, std::size_t label);

/// Writes d(scale * loss)/d(logits) = scale * (softmax(logits) - onehot(label)).
void cross_entropy_gradient(std::span<const double> logits, std::size_t label, double scale,
                            std::span<double> gradient);

/// Returns the index of the largest value, the first of equals.
std::size_t largest_index(std::span<const double> values);

}  // namespace lathe::backend::ref
