#include "lathe/data/lzf.h"

#include <hdf5.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace lathe::data {
namespace {

constexpr H5Z_filter_t kLzfFilter = 32000;  // as registered with the HDF Group for h5py

std::size_t number(std::byte value) { return std::to_integer<std::size_t>(value); }

/// Expands one chunk in place of libhdf5's buffer. `values[2]` is the size of an expanded chunk.
std::size_t filter_chunk(unsigned flags, std::size_t value_count, const unsigned values[], std::size_t byte_count,
                         std::size_t* buffer_size, void** buffer) {
  constexpr std::size_t kFailed = 0;
  if ((flags & H5Z_FLAG_REVERSE) == 0 || value_count < 3 || values[2] == 0) return kFailed;
  const std::size_t size = values[2];
  void* expanded = H5allocate_memory(size, false);
  if (expanded == nullptr) return kFailed;
  if (!expand_lzf({static_cast<const std::byte*>(*buffer), byte_count}, {static_cast<std::byte*>(expanded), size})) {
    H5free_memory(expanded);
    return kFailed;
  }
  H5free_memory(*buffer);
  *buffer = expanded;
  *buffer_size = size;
  return size;
}

}  // namespace

bool expand_lzf(std::span<const std::byte> compressed, std::span<std::byte> expanded) {
  std::size_t in = 0;
  std::size_t out = 0;
  while (in < compressed.size()) {
    const std::size_t control = number(compressed[in++]);
    if (control < 32) {
      const std::size_t count = control + 1;
      if (count > compressed.size() - in || count > expanded.size() - out) return false;
      std::memcpy(expanded.data() + out, compressed.data() + in, count);
      in += count;
      out += count;
      continue;
    }
    std::size_t count = control >> 5;
    if (count == 7) {
      if (in == compressed.size()) return false;
      count += number(compressed[in++]);
    }
    count += 2;
    if (in == compressed.size()) return false;
    const std::size_t distance = ((control & 31) << 8 | number(compressed[in++])) + 1;
    if (distance > out || count > expanded.size() - out) return false;
    // Byte by byte: a copy may overlap what it makes.
    for (std::size_t i = 0; i < count; ++i, ++out) expanded[out] = expanded[out - distance];
  }
  return out == expanded.size();
}

void register_lzf_filter() {
  if (H5Zfilter_avail(kLzfFilter) > 0) return;
  H5Z_class2_t filter{};
  filter.version = H5Z_CLASS_T_VERS;
  filter.id = kLzfFilter;
  filter.encoder_present = 0;
  filter.decoder_present = 1;
  filter.name = "lzf";
  filter.filter = filter_chunk;
  H5Zregister(&filter);
}

}  // namespace lathe::data
