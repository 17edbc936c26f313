#pragma once

#include "lathe/backend/ref/loss.h"

namespace lathe::backend::ref {

/// A loss of one difference, output - target, and its derivative.
using ErrorFunction = double (*)(const engine::LossSettings&, double difference);

/// Makes the kernel of a loss that is the mean over the outputs of `value(output - target)`.
template <ErrorFunction value, ErrorFunction derivative>
LossKernel regression_loss(const char* name) {
  return {.name = name,
          .value =
              [](const engine::LossSettings& loss, const Truth& truth, std::span<const double> outputs) {
                double sum = 0;
                for (std::size_t i = 0; i < outputs.size(); ++i) sum += value(loss, outputs[i] - truth.targets[i]);
                return sum / static_cast<double>(outputs.size());
              },
          .gradient =
              [](const engine::LossSettings& loss, const Truth& truth, std::span<const double> outputs, double scale,
                 std::span<double> gradient) {
                const double share = scale / static_cast<double>(outputs.size());
                for (std::size_t i = 0; i < outputs.size(); ++i)
                  gradient[i] = share * derivative(loss, outputs[i] - truth.targets[i]);
              }};
}

}  // namespace lathe::backend::ref
