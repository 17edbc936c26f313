#pragma once

#include <fmt/format.h>

#include <string>

#include "lathe/ir/op.h"

/// One maker per op; the list is builtin.def.
namespace lathe::ir::ops {

#define ENTRY(declare) OpDeclaration declare();
#include "lathe/ir/ops/builtin.def"
#undef ENTRY

}  // namespace lathe::ir::ops
