#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace lathe::data {

/// Reads the members of a zip file that stands in memory. Believes no size that the file claims.
class ZipFile {
 public:
  /// Opens the file; `bytes` must stay where they are. Throws DataError: no zip file, damaged. `path` names it there.
  ZipFile(std::span<const std::byte> bytes, std::string path);
  ~ZipFile();
  ZipFile(ZipFile&&) noexcept;
  ZipFile& operator=(ZipFile&&) noexcept;

  std::size_t size() const;
  /// Returns the name of member `index`, empty where it has none.
  std::string name(std::size_t index) const;
  /// Tells whether a member is stored as it is, so that it is no longer than the file.
  bool is_stored(std::size_t index) const;
  /// Returns how many bytes member `index` says that it expands to, 0 where it does not say so.
  std::uint64_t said_size(std::size_t index) const;
  /// Returns what member `index` holds; its checksum is compared. Memory follows what it says that it expands to, at
  /// most most_expanded (limits.h) of what is stored. Throws DataError naming it: damaged, too large.
  std::vector<std::byte> read(std::size_t index) const;

 private:
  void check_size(std::size_t index, const std::string& path) const;

  struct Archive;
  std::unique_ptr<Archive> archive_;
};

}  // namespace lathe::data
