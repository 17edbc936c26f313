#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

/// Reads a whole file. Throws SystemError with the operation and the path.
std::vector<std::byte> read_file(const std::filesystem::path& path);
std::string read_text_file(const std::filesystem::path& path);

/// Writes a whole file so that readers see the old content or the new, never a part: a temporary file in the same
/// folder is written, synced and renamed. What is no plain file (/dev/null, a pipe) is written to, never replaced.
/// Throws SystemError and leaves nothing behind (disk full, no rights).
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);
/// The same for a content in parts, which are not joined in memory.
void write_file_atomically(const std::filesystem::path& path, std::span<const std::span<const std::byte>> parts);
void write_text_file_atomically(const std::filesystem::path& path, std::string_view text);

/// Makes a folder with its parents. Throws SystemError.
void make_directories(const std::filesystem::path& path);

}  // namespace lathe
