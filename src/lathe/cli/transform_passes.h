#pragma once

#include <string>

#include "lathe/config/value.h"
#include "lathe/ir/graph.h"

namespace lathe::cli {

/// Applies one table of `[passes.*]` to a graph and returns the new graph. `report` allows reports on standard output.
/// Passes of MASE that change no network are without effect, with a warning; those that lathe does not have are refused
/// with the reason. Throws UserError with position: unknown passes (nearest shown) and whatever the pass refuses.
ir::Graph apply_pass(const config::Member& pass, const ir::Graph& graph, bool report);

/// Lists the passes that act, for `--help`.
std::string passes_description();

}  // namespace lathe::cli
