#pragma once

#include <fmt/format.h>

#include <string>

#include "lathe/ir/activation.h"
#include "lathe/ir/op.h"

/// One maker per op; the list is builtin.def.
namespace lathe::ir::ops {

#define ENTRY(declare) OpDeclaration declare();
#include "lathe/ir/ops/builtin.def"
#undef ENTRY

/// Declares the op of an activation.
OpDeclaration activation(const Activation& activation);

}  // namespace lathe::ir::ops
