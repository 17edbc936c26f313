#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace lathe::data {

/// Tells whether bytes begin as a gzip file (RFC 1952) does.
bool is_gzip(std::span<const std::byte> bytes);

/// Expands a gzip file; several members one after the other give their contents joined. Never allocates more than
/// twice `most_bytes`. Throws DataError with `path`: damaged or cut off, something behind the end, more than
/// `most_bytes` of content.
std::vector<std::byte> expand_gzip(std::span<const std::byte> bytes, std::size_t most_bytes, const std::string& path);

}  // namespace lathe::data
