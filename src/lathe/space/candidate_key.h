#pragma once

#include <string_view>

#include "lathe/base/hash.h"
#include "lathe/ir/graph.h"

namespace lathe::space {

/// Identifies what a candidate's result depends on: the network (canonical text form without the model's name),
/// everything that the runner was told, the weights it starts from, the rows it sees and the back end that computes.
/// Equal keys are evaluated once, and the random draws of an evaluation are keyed with the first word.
Digest candidate_key(const ir::Graph& graph, std::string_view runner, std::string_view weights, std::string_view data,
                     std::string_view backend);

}  // namespace lathe::space
