#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace lathe::data {

/// Expands data in the LZF format (Marc Lehmann's liblzf): runs of up to 32 literal bytes (control byte below 32) and
/// copies of 3 to 264 bytes from at most 8 KiB back. Returns false when the data are damaged or do not expand to
/// exactly `expanded.size()` bytes.
bool expand_lzf(std::span<const std::byte> compressed, std::span<std::byte> expanded);

/// Lets libhdf5 read chunks that h5py compressed with `compression="lzf"` (filter 32000), which libhdf5 itself cannot.
/// May be called any number of times, with the lock that guards libhdf5 held.
void register_lzf_filter();

}  // namespace lathe::data
