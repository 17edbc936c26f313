#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>

#include "lathe/engine/loss.h"

/// The losses of single predictions, in double precision: what the reference back end computes, and what tells how the
/// rows of an evaluation differ.
namespace lathe::engine {

/// Holds what is to be learned of one prediction: its label, or its targets.
struct Truth {
  std::size_t label = 0;
  std::span<const float> targets = {};
};

/// Computes the loss of one prediction, times the weight of its class where there are such.
using LossValue = double (*)(const LossSettings&, const Truth&, std::span<const double> outputs);

/// Finds the formula of a loss by its name; null when there is none.
LossValue find_loss_value(std::string_view name);

/// Returns the index of the largest value, the first of equals.
template <typename Value>
std::size_t largest_index(std::span<const Value> values) {
  return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

/// Returns log(sum of exp(logits)).
template <typename Value>
double log_sum_exp(std::span<const Value> logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const Value logit : logits) sum += std::exp(logit - largest);
  return largest + std::log(sum);
}

/// Returns how much of -log softmax(logits)[i] cross entropy holds: torch.nn.CrossEntropyLoss spreads label_smoothing
/// evenly over the classes, each times its own weight.
inline double cross_entropy_share(const LossSettings& loss, std::size_t label, std::size_t classes, std::size_t i) {
  const double weight = loss.class_weights.empty() ? 1.0 : loss.class_weights[i];
  const double spread = loss.label_smoothing / static_cast<double>(classes);
  return weight * (spread + (i == label ? 1 - loss.label_smoothing : 0.0));
}

}  // namespace lathe::engine
