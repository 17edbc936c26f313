#pragma once

#include <vector>

#include "lathe/quant/format.h"

namespace lathe::quant {

/// Lists the formats of the program: one line in builtin.cpp each.
std::vector<FormatKind> builtin_format_kinds();

}  // namespace lathe::quant
