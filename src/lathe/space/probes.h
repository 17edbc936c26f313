#pragma once

#include <cstddef>
#include <vector>

#include "lathe/parameter/space.h"

namespace lathe::space {

/// Lists assignments that show what a space holds: all of them where there are at most `most`; else at most `most`
/// that differ from the first one in a single decision (and in what it depends on, which lets it be). Of long ranges
/// both ends and some values between are tried. Deterministic.
std::vector<parameter::Assignment> probes(const parameter::Space& space, std::size_t most);

}  // namespace lathe::space
