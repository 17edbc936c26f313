#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

/// Reads a whole file. Throws SystemError with the operation and the path, also where it is larger than the memory that
/// is available, or a pipe or device that gives more than 256 MiB (/dev/zero).
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

/// Says what stands at a path, behind links.
enum class PathKind { kAbsent, kFile, kFolder, kOther };

/// Questions to the file system. `No` is only said where the system knows it: what it does not tell (no rights for a
/// folder on the way, links in a circle, names too long) throws SystemError with its reason. The program asks through
/// these, never through calls of std::filesystem without std::error_code, whose exceptions are no lathe::Error.
PathKind path_kind(const std::filesystem::path& path);
bool path_exists(const std::filesystem::path& path);
bool is_file(const std::filesystem::path& path);
bool is_folder(const std::filesystem::path& path);
/// Returns the size of a file in bytes. Throws SystemError, also where it is absent.
std::uint64_t size_of_file(const std::filesystem::path& path);
/// Lists what a folder holds, sorted by name, without `.` and `..`. Throws SystemError.
std::vector<std::filesystem::path> list_folder(const std::filesystem::path& path);
/// Removes a file or a link, never a folder. False where there is none. Throws SystemError.
bool remove_file(const std::filesystem::path& path);
/// Gives a file another name, replacing a file of that name. Throws SystemError.
void rename_file(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace lathe
