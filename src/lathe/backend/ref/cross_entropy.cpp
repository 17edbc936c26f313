#include <algorithm>
#include <cmath>

#include "lathe/backend/ref/loss.h"

namespace lathe::backend::ref {
namespace {

double log_sum_exp(std::span<const double> logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const double logit : logits) sum += std::exp(logit - largest);
  return largest + std::log(sum);
}

// Returns how much of -log softmax(logits)[i] the loss holds: torch.nn.CrossEntropyLoss spreads label_smoothing evenly
// over the classes, each times its own weight.
double share(const engine::LossSettings& loss, std::size_t label, std::size_t classes, std::size_t i) {
  const double weight = loss.class_weights.empty() ? 1.0 : loss.class_weights[i];
  const double spread = loss.label_smoothing / static_cast<double>(classes);
  return weight * (spread + (i == label ? 1 - loss.label_smoothing : 0.0));
}

double value(const engine::LossSettings& loss, const Truth& truth, std::span<const double> logits) {
  const double total = log_sum_exp(logits);
  if (loss.plain()) return total - logits[truth.label];
  double sum = 0;
  for (std::size_t i = 0; i < logits.size(); ++i)
    sum += share(loss, truth.label, logits.size(), i) * (total - logits[i]);
  return sum;
}

void gradient(const engine::LossSettings& loss, const Truth& truth, std::span<const double> logits, double scale,
              std::span<double> gradient) {
  const double total = log_sum_exp(logits);
  double shares = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) shares += share(loss, truth.label, logits.size(), i);
  for (std::size_t i = 0; i < logits.size(); ++i)
    gradient[i] = scale * (shares * std::exp(logits[i] - total) - share(loss, truth.label, logits.size(), i));
}

}  // namespace

LossKernel cross_entropy_kernel() { return {.name = "cross_entropy", .value = value, .gradient = gradient}; }

}  // namespace lathe::backend::ref
