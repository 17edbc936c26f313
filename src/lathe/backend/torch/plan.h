#pragma once

#include <optional>
#include <string>

#include "lathe/engine/backend.h"

/// What is known of a session before anything of libtorch is touched.
namespace lathe::backend::libtorch {

/// Says why a graph cannot be run, naming the node and the property; nullopt means that it can.
std::optional<std::string> find_refusal(const ir::Graph& graph);

/// Estimates the most that a session holds at once: values, gradients and two moments of every parameter, the values
/// that the backward pass reads again, and the two largest gradients of values. Workspaces of convolutions (tens of
/// megabytes) and the rows of the data set on the device, which all sessions share, come on top.
std::int64_t session_bytes(const ir::Graph& graph, const engine::SessionSettings& settings);

}  // namespace lathe::backend::libtorch
