#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lathe/onnx/graph_reader.h"

/// How the nodes of a file become ours: one function per ONNX op. To read another op: write its function and list it
/// in the table of its file.
namespace lathe::onnx {

using Converter = void (*)(GraphReader&, const OnnxNode&);
using Converters = std::map<std::string, Converter>;

const Converters& layer_converters();       ///< convolution, linear, norms, embedding
const Converters& activation_converters();  ///< one value to one value
const Converters& pool_converters();        ///< pooling, means, resizing
const Converters& shape_converters();       ///< reshaping, concatenation
const Converters& product_converters();     ///< sums and products, of values and with constants
const Converters& quant_converters();       ///< QONNX's Quant, QuantizeLinear, DequantizeLinear

/// Finds the converter of an op of a domain; null when there is none.
Converter find_converter(const OnnxNode& node);
/// Lists every ONNX op that is read, sorted (for messages and documents).
std::vector<std::string> readable_ops();

/// Tells whether an op may be a piece of a pattern, and computes the per-sample shape of its result. Throws DataError
/// for shapes that do not fit.
std::optional<Shape> piece_shape(const GraphReader& reader, const OnnxNode& node);

/// Completes a pattern with `node` (gelu, silu, hardswish, layer norm, attention); false when there is none.
bool complete_pattern(GraphReader& reader, const OnnxNode& node);
/// Completes an average pooling over a padded value; false when `node` is none.
bool complete_padded_average(GraphReader& reader, const OnnxNode& node);
/// Completes attention at a Reshape or MatMul; false when there is none.
bool complete_attention(GraphReader& reader, const OnnxNode& node);

/// Returns the per-sample target of a Reshape. Throws UnsupportedError where the batch is mixed with other dimensions.
Shape reshape_target(const GraphReader& reader, const OnnxNode& node);

}  // namespace lathe::onnx
