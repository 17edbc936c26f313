#pragma once

#include "lathe/backend/ref/loss.h"

namespace lathe::backend::ref {

/// The derivative of a loss of one difference, output - target.
using ErrorDerivative = double (*)(const engine::LossSettings&, double difference);

/// Makes the kernel of a loss that is the mean over the outputs of a function of output - target.
template <ErrorDerivative derivative>
LossKernel regression_loss(const char* name) {
  return {.name = name,
          .value = engine::find_loss_value(name),
          .gradient = [](const engine::LossSettings& loss, const Truth& truth, std::span<const double> outputs,
                         double scale, std::span<double> gradient) {
            const double share = scale / static_cast<double>(outputs.size());
            for (std::size_t i = 0; i < outputs.size(); ++i)
              gradient[i] = share * derivative(loss, outputs[i] - truth.targets[i]);
          }};
}

}  // namespace lathe::backend::ref
