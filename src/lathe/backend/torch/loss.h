#pragma once

#include <ATen/ATen.h>

#include "lathe/backend/torch/place.h"
#include "lathe/backend/torch/rows.h"
#include "lathe/engine/loss.h"

namespace lathe::backend::libtorch {

/// Computes a loss on the device. Formulas as torch.nn.
class Loss {
 public:
  Loss(const engine::LossSettings& settings, const Place& place);

  const engine::LossSettings& settings() const { return settings_; }
  /// Tells whether there is arithmetic for a loss of that name.
  static bool knows(std::string_view name);
  /// Returns the loss of each prediction [predictions] for `outputs` [predictions, outputs], float32; times the weight
  /// of its class where there are such.
  at::Tensor each(const at::Tensor& outputs, const Batch& batch) const;

 private:
  at::Tensor cross_entropy(const at::Tensor& outputs, const at::Tensor& labels) const;

  engine::LossSettings settings_;
  at::Tensor class_weights_;  ///< [classes]; undefined where there are none
};

}  // namespace lathe::backend::libtorch
