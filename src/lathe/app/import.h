#pragma once

#include <filesystem>

#include "lathe/onnx/import.h"

/// Networks of other programs: what `lathe import` does, for any program.
namespace lathe::app {

/// Reads a network and its weights from an ONNX file (onnx::import_onnx) and keeps them as a model file, with what the
/// file says of its rows; `output` empty: keeps nothing.
onnx::ImportedModel import_network(const std::filesystem::path& file, const std::filesystem::path& output = {});

}  // namespace lathe::app
