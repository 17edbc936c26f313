#pragma once

#include <cstdint>
#include <span>

#include "lathe/pruner/pruner.h"

namespace lathe::pruner {

/// Tells whether the last report is the first one in its interval: intervals of `interval` steps begin at `warmup`.
bool first_in_interval(std::span<const Report> own, std::int64_t warmup, std::int64_t interval);

}  // namespace lathe::pruner
