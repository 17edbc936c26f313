#pragma once

#include "lathe/engine/optimizer.h"

/// The update rules of lathe, one per file. Internal to the module.
namespace lathe::engine {

OptimizerDeclaration adam_optimizer();
OptimizerDeclaration adamw_optimizer();
OptimizerDeclaration rmsprop_optimizer();
OptimizerDeclaration sgd_optimizer();

}  // namespace lathe::engine
