#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace lathe::checkpoint {

/// Names what a model file is, as told by its content; its name and `load_type` do not matter.
enum class FileKind {
  kSafetensors,
  kTorchZip,     ///< torch.save since 1.6, Lightning checkpoints: a zip of a pickle and tensors
  kTorchScript,  ///< torch.jit.save: a zip with code
  kTorchLegacy,  ///< torch.save before 1.6: a pickle; also any other pickle
  kTar,          ///< torch.save before 0.4 and packed checkpoint folders
  kHdf5,         ///< Keras .h5
  kOnnx,
  kUnknown,
};

/// Tells the kind from the first bytes (and, in a zip, from the names of its members).
FileKind detect_file_kind(std::span<const std::byte> bytes);

/// Returns the message for a file that is not read: what it is, and where there is one, the one-line command that
/// converts it. Empty for kSafetensors and kTorchZip, which are.
std::string conversion_advice(FileKind kind, const std::filesystem::path& path);

/// Returns the one-line command that converts a file with PyTorch.
std::string conversion_command(const std::filesystem::path& path);

}  // namespace lathe::checkpoint
