#pragma once

#include <functional>
#include <string>

namespace lathe::conformance {

/// Calls `body` once per SIMD target that this processor has and the dense engine is compiled for, with that target in
/// force, and puts the best one back afterwards.
void for_each_target(const std::function<void(const std::string& target)>& body);

}  // namespace lathe::conformance
