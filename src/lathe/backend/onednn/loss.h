#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "lathe/engine/loss_values.h"

namespace lathe::backend::onednn {

/// Computes one loss, prediction by prediction. Sums are double.
class Loss {
 public:
  explicit Loss(const engine::LossSettings& settings) : settings_(settings) {}

  /// Tells whether a loss can be computed.
  static bool knows(std::string_view name);

  /// Returns the loss of one prediction, times the weight of its class where there are such. With `gradient` it also
  /// writes d(scale * loss)/d(outputs) there (not where that is empty).
  double compute(const engine::Truth& truth, std::span<const float> outputs, double scale,
                 std::span<float> gradient) const;

 private:
  double classify(std::span<const float> outputs, std::size_t label, double scale, std::span<float> gradient) const;
  double regress(std::span<const float> outputs, std::span<const float> targets, double scale,
                 std::span<float> gradient) const;
  double value(double difference) const;
  double derivative(double difference) const;

  engine::LossSettings settings_;
};

}  // namespace lathe::backend::onednn
