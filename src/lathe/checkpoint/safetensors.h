#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "lathe/base/shape.h"

namespace lathe::checkpoint {

/// Holds one tensor as a file stores it.
struct StoredTensor {
  std::string name;
  std::string dtype;  ///< "F32", "F64", "I64", ... as the safetensors format names them
  Shape shape;
  std::vector<std::byte> bytes;  ///< little-endian, row-major
  std::string tied_to = {};      ///< name of an earlier tensor whose values these are, in files that can say so
};

/// Holds the content of a safetensors file: tensors in the order of their data, and `__metadata__`.
struct SafetensorsFile {
  std::vector<StoredTensor> tensors;
  std::map<std::string, std::string> metadata;
};

/// Tells whether the bytes begin like a safetensors file (length of the header, then `{`).
bool looks_like_safetensors(std::span<const std::byte> bytes);
/// Reads and checks a file (header length, JSON, offsets without gaps or overlap, sizes against dtype and shape).
/// Throws DataError with the path and what is wrong; a huge header length or size cannot exhaust memory.
SafetensorsFile parse_safetensors(std::span<const std::byte> bytes, const std::string& path);
/// Writes the file atomically; the data are aligned to 8 bytes. Throws SystemError.
void write_safetensors(const std::filesystem::path& path, const SafetensorsFile& file);

}  // namespace lathe::checkpoint
