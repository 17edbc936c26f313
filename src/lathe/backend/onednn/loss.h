#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "lathe/engine/loss.h"

namespace lathe::backend::onednn {

/// Computes one loss, label by label (row by row for regression). Sums are double.
class Loss {
 public:
  explicit Loss(const engine::LossSettings& settings) : settings_(settings) {}

  /// Tells whether a loss can be computed.
  static bool knows(std::string_view name);

  /// Returns the loss of a label, times the weight of its class where there are such. With `gradient` it also writes
  /// d(scale * loss)/d(outputs) there (not where that is empty).
  double classify(std::span<const float> outputs, std::size_t label, double scale, std::span<float> gradient) const;
  /// The same for a row's targets.
  double regress(std::span<const float> outputs, std::span<const float> targets, double scale,
                 std::span<float> gradient) const;

 private:
  double share(std::size_t label, std::size_t classes, std::size_t i) const;
  double value(double difference) const;
  double derivative(double difference) const;

  engine::LossSettings settings_;
};

}  // namespace lathe::backend::onednn
