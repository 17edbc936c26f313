#pragma once

#include <optional>
#include <string>

#include "lathe/ir/graph.h"

namespace lathe::model {

/// Finds an activation on the logits of a classifier that harms it: a ReLU (classes whose logit is negative for a
/// sample get no gradient, and accuracy suffers), or a softmax or sigmoid, as Keras' networks end in (the loss applies
/// its own). Returns the sentence for a warning; nullopt when all is well.
std::optional<std::string> activation_on_logits(const ir::Graph& graph);

}  // namespace lathe::model
