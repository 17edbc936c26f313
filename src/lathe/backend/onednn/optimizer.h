#pragma once

#include <cstdint>

#include "lathe/engine/backend.h"

namespace lathe::backend::onednn {

/// One tensor's memory for an update, in whatever layout: padding is 0 in all four and stays so.
struct UpdateBlock {
  float* values = nullptr;
  const float* gradients = nullptr;
  float* moments1 = nullptr;
  float* moments2 = nullptr;
  std::size_t count = 0;
  bool penalised = false;  ///< l1 and l2 act on it
};

/// Applies a step of the update rule. Returns whether all new values are finite.
bool apply_update(const engine::OptimizerDeclaration& rule, const engine::OptimizerSettings& settings,
                  const engine::OptimizerStep& step, const UpdateBlock& block);

}  // namespace lathe::backend::onednn
