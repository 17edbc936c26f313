#pragma once

#include <filesystem>
#include <string>
#include <vector>

/// Undamaged files that reach what the files of tests/ do not.
namespace lathe::mutations {

/// Name of the file in which one of the ONNX samples keeps a tensor.
inline constexpr const char* kExternalFile = "weights";

/// Makes files of ONNX with every op that lathe writes, with shapes that are computed, with constants of every type,
/// and with a tensor in another file.
std::vector<std::string> onnx_samples();

/// Makes documents of a table whose parameters depend on each other and are of every kind, from one of categories.
std::vector<std::string> table_documents(const std::string& document);

}  // namespace lathe::mutations
