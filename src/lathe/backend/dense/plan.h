#pragma once

#include <optional>
#include <string>

#include "lathe/backend/dense/program.h"
#include "lathe/ir/graph.h"

namespace lathe::backend::dense {

/// Returns why the dense engine cannot run a verified graph, naming node and property; nullopt when it can.
std::optional<std::string> find_refusal(const ir::Graph& graph);

/// Compiles a graph that is not refused for vectors of `lanes` floats. No-ops vanish, a ReLU joins the linear layer or
/// batch norm before it, and stages work in place where the backward pass allows it.
Program compile(const ir::Graph& graph, std::size_t lanes);

}  // namespace lathe::backend::dense
