#pragma once

#include <fmt/format.h>

#include <string>

#include "lathe/ir/op.h"

/// One maker per op; the list is in builtin.cpp.
namespace lathe::ir::ops {

OpDeclaration input();
OpDeclaration output();
OpDeclaration linear();
OpDeclaration conv1d();
OpDeclaration conv2d();
OpDeclaration batch_norm1d();
OpDeclaration batch_norm2d();
OpDeclaration layer_norm();
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
OpDeclaration max_pool1d();
OpDeclaration max_pool2d();
OpDeclaration avg_pool1d();
OpDeclaration avg_pool2d();
OpDeclaration adaptive_avg_pool1d();
OpDeclaration adaptive_avg_pool2d();
OpDeclaration upsample();
OpDeclaration add();
OpDeclaration mul();
OpDeclaration concat();
OpDeclaration reshape();
OpDeclaration permute();
OpDeclaration mean();
OpDeclaration matmul();
OpDeclaration softmax();
OpDeclaration embedding();
OpDeclaration position_embedding();
OpDeclaration attention();
OpDeclaration quantize();

}  // namespace lathe::ir::ops
