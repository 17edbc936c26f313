#pragma once

#include <filesystem>
#include <vector>

#include "onnx/models.h"

namespace lathe::onnx::testing {

/// Makes small networks that together have every op that can be written.
std::vector<Model> op_models();

/// Removes what lathe writes beside the network from a file, so that it reads as another program's.
void forget_our_names(const std::filesystem::path& file);

}  // namespace lathe::onnx::testing
