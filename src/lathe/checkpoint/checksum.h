#pragma once

#include <string>

#include "lathe/checkpoint/safetensors.h"

/// A SHA-256 over the content of a file of ours, kept in its metadata, so that bits that a disk or a copy flipped are
/// seen. Files of other programs and of older lathes have none.
namespace lathe::checkpoint {

/// Adds the checksum of all tensors and all other metadata to the metadata. Comes last, before the file is written.
void add_checksum(SafetensorsFile& file);

/// Compares the content with its checksum. False where there is none. Throws DataError where they differ.
bool check_checksum(const SafetensorsFile& file, const std::string& path);

}  // namespace lathe::checkpoint
