#pragma once

#include <vector>

#include "lathe/ir/graph.h"
#include "lathe/space/conditions.h"
#include "lathe/space/leaf.h"

namespace lathe::space {

/// Checks every choice of every decision on its node alone, all other decisions at their first choices and those that
/// it depends on where they let it be: a choice that can never work is found when the file is read. Of long ranges both
/// ends and some values between are checked. Throws UserError with the position of the choice. What depends on other
/// nodes (a stated input multiplier) is left to decoding, and hyperparameters are checked where they are read.
void check_choices(const ir::Graph& base, const std::vector<Leaf>& leaves, const Decisions& decisions);

}  // namespace lathe::space
