#pragma once

#include <cstddef>
#include <span>
#include <string>

/// The two roofs of a core: fused multiply-adds and memory.
namespace bench {

/// Does `rounds` rounds of independent float32 fused multiply-adds in registers, with the best SIMD target of the
/// processor. Returns the floating-point operations done (a multiply-add is two).
double multiply_add(std::size_t rounds);

/// Sums floats, vector by vector, so that their reading is what takes time. Returns the bytes read.
double read_floats(std::span<const float> values);

/// Names the SIMD target of both.
std::string simd_target();

}  // namespace bench
