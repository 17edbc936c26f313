#include "lathe/data/idx.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "lathe/base/error.h"
#include "lathe/data/gzip.h"
#include "lathe/data/limits.h"

namespace lathe::data {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 30;
constexpr std::uint32_t kUnsignedBytes = 0x08;

std::uint32_t big_endian(std::span<const std::byte> bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | std::to_integer<std::uint32_t>(bytes[at + i]);
  return value;
}

void check_magic(std::uint32_t found, std::size_t dimensions, const std::string& path) {
  const std::uint32_t expected = kUnsignedBytes << 8 | static_cast<std::uint32_t>(dimensions);
  if (found == expected) return;
  throw DataError(path, fmt::format("is no IDX file of {}: its magic number is 0x{:08x}; expected 0x{:08x}",
                                    dimensions == 1 ? "labels" : "images", found, expected));
}

}  // namespace

IdxArray read_idx(const std::filesystem::path& file, std::size_t dimensions) {
  const std::string path = file.string();
  IdxArray array{.shape = {}, .bytes = read_data_file(file)};
  if (is_gzip(array.bytes))
    array.bytes = expand_gzip(array.bytes, std::min(kMostBytes, most_expanded(array.bytes.size())), path);
  const std::size_t header = 4 + 4 * dimensions;
  if (array.bytes.size() >= 4) check_magic(big_endian(array.bytes, 0), dimensions, path);
  if (array.bytes.size() < header) {
    throw DataError(path, fmt::format("has {} bytes; an IDX file begins with {}", array.bytes.size(), header));
  }
  const std::size_t held = array.bytes.size() - header;
  std::size_t said = 1;  // below 2^63: each step multiplies at most 2^30 by less than 2^32
  for (std::size_t i = 0; i < dimensions; ++i) {
    const std::uint32_t size = big_endian(array.bytes, 4 + 4 * i);
    if (size == 0) throw DataError(path, fmt::format("says that dimension {} has size 0", i));
    array.shape.push_back(size);
    said *= size;
    if (said > kMostBytes)
      throw DataError(path, fmt::format("says that it holds more than {} bytes, the most that is read", kMostBytes));
  }
  if (said != held) {
    throw DataError(path, fmt::format("holds {} bytes of data; its header says {}", held, to_string(array.shape)));
  }
  array.bytes.erase(array.bytes.begin(), array.bytes.begin() + static_cast<std::ptrdiff_t>(header));
  return array;
}

}  // namespace lathe::data
