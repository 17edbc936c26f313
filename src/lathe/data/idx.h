#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "lathe/base/shape.h"

namespace lathe::data {

/// Holds an array of bytes of an IDX file, row-major.
struct IdxArray {
  Shape shape;
  std::vector<std::byte> bytes;
};

/// Reads an IDX file of unsigned bytes with `dimensions` dimensions (the format of MNIST: two zero bytes, type 8, the
/// number of dimensions, each size as a big-endian 32-bit number, the bytes), plain or compressed by gzip, told by its
/// content. Memory follows the bytes that are there, at most 1 GiB and most_expanded (limits.h) of a gzip file, never
/// the header. Throws SystemError when the file
/// cannot be read and DataError: another magic number, a size of 0, fewer or more bytes than the header says, a damaged
/// gzip file.
IdxArray read_idx(const std::filesystem::path& path, std::size_t dimensions);

}  // namespace lathe::data
