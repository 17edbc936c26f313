#include "lathe/backend/ref/optimizer.h"

#include <cmath>

namespace lathe::backend::ref {
namespace {

// torch.optim.SGD with dampening 0; without momentum the buffer stays 0.
void apply_sgd(const engine::OptimizerSettings& settings, double learning_rate, Tensor& tensor) {
  for (std::size_t i = 0; i < tensor.values.size(); ++i) {
    double step = tensor.gradient[i] + settings.weight_decay * tensor.values[i];
    if (settings.momentum != 0) {
      double& buffer = tensor.moment1[i];
      buffer = settings.momentum * buffer + step;
      step = settings.nesterov ? step + settings.momentum * buffer : buffer;
    }
    tensor.values[i] -= learning_rate * step;
  }
}

// torch.optim.Adam (Kingma & Ba 2015, algorithm 1; weight decay added to the gradient) and AdamW (Loshchilov & Hutter
// 2019, algorithm 2; decay applied to the weights first).
void apply_adam(const engine::OptimizerSettings& settings, double learning_rate, std::int64_t step, Tensor& tensor) {
  const bool decoupled = settings.kind == engine::OptimizerKind::kAdamW;
  const double correction1 = 1 - std::pow(settings.beta1, static_cast<double>(step));
  const double correction2 = 1 - std::pow(settings.beta2, static_cast<double>(step));
  for (std::size_t i = 0; i < tensor.values.size(); ++i) {
    double& value = tensor.values[i];
    if (decoupled) value *= 1 - learning_rate * settings.weight_decay;
    const double gradient = tensor.gradient[i] + (decoupled ? 0.0 : settings.weight_decay * value);
    double& mean = tensor.moment1[i];
    double& square = tensor.moment2[i];
    mean = settings.beta1 * mean + (1 - settings.beta1) * gradient;
    square = settings.beta2 * square + (1 - settings.beta2) * gradient * gradient;
    value -= learning_rate / correction1 * mean / (std::sqrt(square) / std::sqrt(correction2) + settings.epsilon);
  }
}

void add_penalties(const engine::OptimizerSettings& settings, Tensor& tensor) {
  for (std::size_t i = 0; i < tensor.values.size(); ++i) {
    const double value = tensor.values[i];
    const double sign = value > 0 ? 1 : value < 0 ? -1 : 0;
    tensor.gradient[i] += settings.l1 * sign + 2 * settings.l2 * value;
  }
}

}  // namespace

void apply_update(const engine::OptimizerSettings& settings, double learning_rate, std::int64_t step, Tensor& tensor) {
  if (engine::is_penalised(*tensor.parameter)) add_penalties(settings, tensor);
  if (settings.kind == engine::OptimizerKind::kSgd)
    apply_sgd(settings, learning_rate, tensor);
  else
    apply_adam(settings, learning_rate, step, tensor);
}

}  // namespace lathe::backend::ref
