#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "lathe/data/npy.h"

namespace lathe::data {

/// Holds an array of a .npz file under its name there.
struct NamedArray {
  std::string name;
  NpyArray array;
};

/// Reads all arrays of a .npz file (a zip file of .npy files: numpy.savez, numpy.savez_compressed), in the order of the
/// file. Throws SystemError when the file cannot be read, DataError when it is no zip file, is damaged, or holds an
/// array that read_npy refuses; the array is named. Other members of the zip file are left out.
std::vector<NamedArray> read_npz(const std::filesystem::path& path);

/// Finds an array by name; null when there is none.
const NpyArray* find_array(std::span<const NamedArray> arrays, std::string_view name);

/// Returns a .npz file as numpy.load reads it, members stored, in the order given. A function of the arrays alone: no
/// time, no machine; equal arrays make equal bytes.
std::vector<std::byte> npz_bytes(std::span<const NamedArray> arrays);

}  // namespace lathe::data
