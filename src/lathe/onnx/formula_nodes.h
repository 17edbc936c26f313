#pragma once

#include <string>

#include "lathe/ir/activation.h"
#include "lathe/onnx/graph_reader.h"
#include "lathe/onnx/graph_writer.h"

/// Activations that ONNX has no operator for: nodes of ONNX that compute the formula.
namespace lathe::onnx {

/// Writes the formula of an activation. Throws UnsupportedError where attributes differ from their defaults: the nodes
/// would not be read as this activation.
void write_formula(GraphWriter& writer, const ir::Node& node);

/// Completes an activation with the last node of its formula, as write_formula writes it; false when there is none.
bool complete_formula(GraphReader& reader, const OnnxNode& node);

}  // namespace lathe::onnx
