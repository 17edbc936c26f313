#include <cmath>

#include "lathe/backend/ref/loss.h"

namespace lathe::backend::ref {
namespace {

void gradient(const engine::LossSettings& loss, const Truth& truth, std::span<const double> logits, double scale,
              std::span<double> gradient) {
  const auto share = [&](std::size_t i) { return engine::cross_entropy_share(loss, truth.label, logits.size(), i); };
  const double total = engine::log_sum_exp(logits);
  double shares = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) shares += share(i);
  for (std::size_t i = 0; i < logits.size(); ++i)
    gradient[i] = scale * (shares * std::exp(logits[i] - total) - share(i));
}

}  // namespace

LossKernel cross_entropy_kernel() {
  return {.name = "cross_entropy", .value = engine::find_loss_value("cross_entropy"), .gradient = gradient};
}

}  // namespace lathe::backend::ref
