#pragma once

#include <vector>

#include "lathe/ir/graph.h"
#include "lathe/onnx/graph_reader.h"

namespace lathe::onnx {

/// Refuses networks of which two nodes share a parameter (a layer that is called twice, an embedding that is the output
/// layer too): lathe keeps one for each node and would train them apart. Throws UnsupportedError naming both. A tensor
/// of zeros or ones alone that several nodes read is no tie: exporters store equal tensors once. Where the file does
/// not tell ties from equal values (tensors that PyTorch transposed beforehand), a warning is logged.
void refuse_ties(const GraphReader& reader, const ir::Graph& graph, const std::vector<Origin>& origins);

}  // namespace lathe::onnx
