#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lathe/base/shape.h"

namespace lathe::onnx::testing {

/// Returns the command that runs JavaScript with ONNX Runtime; empty without it.
std::string runtime_command();

/// Holds a file for ONNX Runtime to run.
struct RuntimeJob {
  std::filesystem::path file;
  Shape shape;  ///< of the input, with its batch
  bool tokens = false;
  std::vector<float> rows;
};

/// Runs files with ONNX Runtime, in one process. Returns the outputs of each; fails the test where it does not run
/// them.
std::vector<std::vector<float>> run_on_runtime(const std::string& command, const std::vector<RuntimeJob>& jobs);

}  // namespace lathe::onnx::testing
