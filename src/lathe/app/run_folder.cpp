#include "lathe/app/run_folder.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <random>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/hash.h"

namespace lathe::app {
namespace {

namespace fs = std::filesystem;

// Names of files have at most 255 bytes; suffixes and temporary names need some.
constexpr std::size_t kLongestName = 150;
constexpr std::size_t kHashLength = 16;

// Returns how many bytes a UTF-8 character takes that begins at `text[at]`; 0: it is none, or a control character.
std::size_t character_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return first < 0x20 || first == 0x7f ? 0 : 1;
  const std::size_t length = first >= 0xf0 && first < 0xf5 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (first >= 0xf5 || length == 0 || at + length > text.size()) return 0;
  for (std::size_t i = at + 1; i < at + length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool second_control_block = first == 0xc2 && byte(at + 1) < 0xa0;
  return second_control_block ? 0 : length;
}

bool is_separator(char character) { return std::strchr("/\\:*?\"<>|", character) != nullptr; }

// Returns the longest beginning of a text that has at most `most` bytes and cuts no character.
std::string beginning_of(const std::string& text, std::size_t most) {
  std::size_t end = std::min(most, text.size());
  while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

// Names a folder or file beside `path` that nobody else has.
fs::path temporary_beside(const fs::path& path) {
  std::random_device random;
  return path.parent_path() / fmt::format(".{}-{:08x}{:08x}.part", ::getpid(), random(), random());
}

[[noreturn]] void fail(const char* operation, const fs::path& path) {
  throw SystemError(operation, path.string(), std::strerror(errno));
}

// Removes what make_run_folder began.
void remove_begun(const fs::path& folder, const fs::path& file) {
  ::unlink(file.c_str());
  ::rmdir(folder.c_str());
}

}  // namespace

std::string folder_name(std::string_view name) {
  std::string safe;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t length = character_length(name, at);
    const bool taken = length > 0 && !is_separator(name[at]);
    safe += taken ? name.substr(at, length) : "_";
    at += std::max<std::size_t>(length, 1);
  }
  if (safe.starts_with('.') || safe.starts_with('-')) safe.front() = '_';
  if (safe.empty()) return "unnamed";
  if (safe.size() <= kLongestName) return safe;
  return fmt::format("{}-{}", beginning_of(safe, kLongestName - kHashLength - 1),
                     hash_text(std::string(name)).to_hex().substr(0, kHashLength));
}

std::string name_in_family(const std::string& name, int place) {
  return place == 1 ? name : fmt::format("{}-{}", name, place);
}

bool make_run_folder(const fs::path& folder, const std::string& file, const std::string& text) {
  if (path_exists(folder)) return false;
  make_directories(folder.parent_path());
  const fs::path begun = temporary_beside(folder);
  if (::mkdir(begun.c_str(), 0777) != 0) fail("create the folder", begun);
  try {
    write_text_file_atomically(begun / file, text);
  } catch (...) {
    remove_begun(begun, begun / file);
    throw;
  }
  if (::rename(begun.c_str(), folder.c_str()) == 0) return true;
  const int reason = errno;
  remove_begun(begun, begun / file);
  if (reason == EEXIST || reason == ENOTEMPTY || reason == ENOTDIR) return false;
  errno = reason;
  fail("create the folder", folder);
}

fs::path new_run_folder(const fs::path& parent, const std::string& name, const std::string& file,
                        const std::string& text) {
  for (int place = 1;; ++place) {
    const fs::path folder = parent / name_in_family(name, place);
    if (make_run_folder(folder, file, text)) return folder;
  }
}

std::vector<fs::path> run_folders(const fs::path& parent) {
  if (!is_folder(parent)) return {};
  std::vector<fs::path> folders = list_folder(parent);
  std::erase_if(folders,
                [](const fs::path& path) { return path.filename().string().starts_with('.') || !is_folder(path); });
  return folders;
}

void share_file(const fs::path& from, const fs::path& to) {
  const fs::path link = temporary_beside(to);
  if (::link(from.c_str(), link.c_str()) != 0) return write_file_atomically(to, read_file(from));
  if (::rename(link.c_str(), to.c_str()) != 0) {
    const int reason = errno;
    ::unlink(link.c_str());
    errno = reason;
    fail("replace", to);
  }
  ::unlink(link.c_str());  // rename leaves it where both were names of one file already
}

bool same_content(const fs::path& left, const fs::path& right) {
  if (!is_file(left) || !is_file(right) || size_of_file(left) != size_of_file(right)) return false;
  std::error_code unknown;
  return fs::equivalent(left, right, unknown) || read_file(left) == read_file(right);
}

}  // namespace lathe::app
