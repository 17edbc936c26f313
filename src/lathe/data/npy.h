#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/base/shape.h"

namespace lathe::data {

/// Lists the element types that are read and written; the numbers have no meaning.
enum class NpyType { kBool, kInt8, kInt16, kInt32, kInt64, kUint8, kUint16, kUint32, kUint64, kFloat32, kFloat64 };

/// Holds an array of a .npy file, row-major, in the element type of the file.
struct NpyArray {
  std::string path;
  Shape shape;
  NpyType type = NpyType::kFloat32;
  std::vector<std::byte> bytes;

  /// Copies numbers of one of the types; `count` numbers must make up the shape.
  template <typename Number>
  static NpyArray of(Shape shape, std::span<const Number> values);

  /// Converts every element to float32 (rounded to nearest).
  std::vector<float> to_floats() const;
  /// Converts every element to an integer. Throws DataError, with the place, for a number that is not whole; `cure`
  /// stands at the end of it.
  std::vector<std::int64_t> to_integers(std::string_view cure = {}) const;
  /// Converts every element to float64.
  std::vector<double> to_doubles() const;
};

/// Returns the bytes of a .npy file as numpy.save writes them (format version 1, row-major).
std::vector<std::byte> npy_bytes(const NpyArray& array);

/// Reads a .npy file of format version 1, 2 or 3 (numpy.lib.format): little-endian booleans, integers, float32 and
/// float64, row-major. Throws SystemError when the file cannot be read, and DataError, naming what was found, for any
/// other element type or order, a damaged header, and a file shorter or longer than its header says.
NpyArray read_npy(const std::filesystem::path& path);

/// Reads from memory; `path` is what errors print.
NpyArray parse_npy(std::vector<std::byte> file, const std::string& path);

}  // namespace lathe::data
