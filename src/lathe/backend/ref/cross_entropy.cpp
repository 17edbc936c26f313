#include "lathe/backend/ref/cross_entropy.h"

#include <algorithm>
#include <cmath>

namespace lathe::backend::ref {
namespace {

double log_sum_exp(std::span<const double> logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const double logit : logits) sum += std::exp(logit - largest);
  return largest + std::log(sum);
}

}  // namespace

double cross_entropy(std::span<const double> logits, std::size_t label) { return log_sum_exp(logits) - logits[label]; }

void cross_entropy_gradient(std::span<const double> logits, std::size_t label, double scale,
                            std::span<double> gradient) {
  const double total = log_sum_exp(logits);
  for (std::size_t i = 0; i < logits.size(); ++i)
    gradient[i] = scale * (std::exp(logits[i] - total) - (i == label ? 1.0 : 0.0));
}

std::size_t largest_index(std::span<const double> values) {
  return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

}  // namespace lathe::backend::ref
