#pragma once

#include <optional>

#include "lathe/engine/state.h"
#include "lathe/ir/graph.h"
#include "lathe/onnx/document.h"

/// What an ONNX file of ours carries beside the network: names and numbers that ONNX has no place for.
namespace lathe::onnx {

inline constexpr const char* kVersionKey = "lathe.version";
inline constexpr const char* kGraphKey = "lathe.graph";     ///< the graph's text
inline constexpr const char* kCounterKey = "lathe.state.";  ///< integral tensors of the state, by name

/// Returns the graph that a file of ours names, where it computes what was read from the file's nodes: the same ops in
/// the same order on the same inputs, equal attributes (but for rounding to float) and number formats. Nullopt for
/// files of others; nullopt with a warning where the nodes were changed since.
std::optional<ir::Graph> own_graph(const Document& document, const ir::Graph& read);

/// Sets the integral tensors (num_batches_tracked) that the file carries.
void restore_counters(const Document& document, engine::State& state);
/// Stores graph and integral tensors.
void store_own(Document& document, const ir::Graph& graph, const engine::State& state);

}  // namespace lathe::onnx
