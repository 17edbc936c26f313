#include "lathe/backend/ref/optimizer.h"

namespace lathe::backend::ref {
namespace {

void add_penalties(const engine::OptimizerSettings& settings, Tensor& tensor) {
  for (std::size_t i = 0; i < tensor.values.size(); ++i) {
    const double value = tensor.values[i];
    const double sign = value > 0 ? 1 : value < 0 ? -1 : 0;
    tensor.gradient[i] += settings.l1 * sign + 2 * settings.l2 * value;
  }
}

}  // namespace

void apply_update(const engine::OptimizerDeclaration& rule, const engine::OptimizerSettings& settings,
                  const engine::OptimizerStep& step, Tensor& tensor) {
  if (engine::is_penalised(*tensor.parameter)) add_penalties(settings, tensor);
  rule.update(settings, step,
              {.values = tensor.values.data(),
               .gradients = tensor.gradient.data(),
               .moments = {tensor.moment1.data(), tensor.moment2.data()},
               .count = tensor.values.size()});
}

}  // namespace lathe::backend::ref
