#pragma once

#include <optional>
#include <string>

#include "lathe/ir/graph.h"

namespace lathe::model {

/// Finds an activation that cuts off negative logits (ReLU as the last computing node): classes whose logit is negative
/// for a sample get no gradient, and accuracy suffers. Returns the sentence for a warning; nullopt when all is well.
std::optional<std::string> relu_on_logits(const ir::Graph& graph);

}  // namespace lathe::model
