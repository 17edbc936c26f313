#pragma once

#include <fmt/format.h>

#include <string>

#include "lathe/ir/op.h"

/// One maker per op; the list is in builtin.cpp.
namespace lathe::ir::ops {

OpDeclaration input();
OpDeclaration output();
OpDeclaration linear();
OpDeclaration batch_norm1d();
OpDeclaration relu();
OpDeclaration leaky_relu();
OpDeclaration tanh();
OpDeclaration sigmoid();
OpDeclaration gelu();
OpDeclaration relu6();
OpDeclaration silu();
OpDeclaration hardswish();
OpDeclaration hardsigmoid();
OpDeclaration hardtanh();
OpDeclaration elu();
OpDeclaration selu();
OpDeclaration softplus();
OpDeclaration dropout();
OpDeclaration flatten();
OpDeclaration identity();
OpDeclaration add();
OpDeclaration quantize();

}  // namespace lathe::ir::ops
