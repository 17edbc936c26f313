#pragma once

#include <string>

#include "lathe/ir/graph.h"
#include "lathe/report/table.h"

namespace lathe::cli {

/// Prints a network as Lightning's summary does: a line per node with its module and its number of trainable values,
/// then the sums of trainable and other values (running statistics) and the size in MB at 4 bytes each.
std::string model_summary(const ir::Graph& graph, const report::TableStyle& style);

}  // namespace lathe::cli
