#pragma once

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

/// Returns log(sum of exp(logits)).
double log_sum_exp(std::span<const double> logits);
/// Returns how much of -log softmax(logits)[i] cross entropy holds: torch.nn.CrossEntropyLoss spreads label_smoothing
/// evenly over the classes, each times its own weight.
double cross_entropy_share(const LossSettings& loss, std::size_t label, std::size_t classes, std::size_t i);

}  // namespace lathe::engine
