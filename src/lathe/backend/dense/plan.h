#pragma once

#include <optional>
#include <string>

#include "lathe/backend/dense/program.h"
#include "lathe/engine/loss.h"
#include "lathe/ir/graph.h"

namespace lathe::backend::dense {

/// Returns why the dense engine cannot run a verified graph, naming node and property; nullopt when it can.
std::optional<std::string> find_refusal(const ir::Graph& graph);

/// Returns why the dense engine cannot compute a loss; nullopt when it can.
std::optional<std::string> find_loss_refusal(const engine::LossSettings& loss);

/// Makes the kernels' form of a loss that is not refused, for so many classes or outputs.
Loss compile_loss(const engine::LossSettings& settings, std::size_t classes);

/// Compiles a graph that is not refused for vectors of `lanes` floats. No-ops vanish, a ReLU and a quantiser behind it
/// join the linear layer or batch norm whose only reader they are, and stages work in place where the backward pass
/// allows it.
Program compile(const ir::Graph& graph, std::size_t lanes);

}  // namespace lathe::backend::dense
