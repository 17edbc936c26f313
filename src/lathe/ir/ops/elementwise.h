#pragma once

#include <string>

#include "lathe/ir/op.h"

namespace lathe::ir::ops {

/// Returns the declaration that ops without parameters share whose output has the shape of their only input:
/// `flops_per_value` computations per value in either direction (the labs' table: 1 for ReLU, 0 for dropout), printed
/// as `Type()`.
OpDeclaration elementwise(std::string name, std::string module_type, std::string description,
                          std::int64_t flops_per_value);

/// Prints a number as Python's repr does: `0.1`, `1e-05`, `1.0`.
std::string python_number(double value);
/// Prints `True` or `False`.
std::string python_boolean(bool value);

}  // namespace lathe::ir::ops
