#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "lathe/engine/loss_values.h"

namespace lathe::backend::ref {

using engine::Truth;

/// Declares the arithmetic of a loss for one row. One entry in losses.cpp each.
struct LossKernel {
  const char* name = "";
  /// Returns the row's loss, times the weight of its class where there are such.
  engine::LossValue value = nullptr;
  /// Writes d(scale * loss)/d(outputs).
  void (*gradient)(const engine::LossSettings&, const Truth&, std::span<const double> outputs, double scale,
                   std::span<double> gradient) = nullptr;
};

/// Finds the kernel of a loss; null when there is none.
const LossKernel* find_loss_kernel(std::string_view name);

LossKernel cross_entropy_kernel();
LossKernel mean_squared_error_kernel();
LossKernel mean_absolute_error_kernel();
LossKernel huber_kernel();

}  // namespace lathe::backend::ref
