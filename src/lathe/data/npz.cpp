#include "lathe/data/npz.h"

#include <fmt/format.h>
#include <zip.h>

#include <algorithm>
#include <memory>

#include "lathe/base/error.h"
#include "lathe/data/limits.h"
#include "lathe/data/zip_file.h"

namespace lathe::data {
namespace {

constexpr std::string_view kExtension = ".npy";

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using Archive = std::unique_ptr<zip_t, Discard>;
using Source = std::unique_ptr<zip_source_t, Discard>;

/// Holds an error of libzip; prints its reason.
class Reason {
 public:
  Reason() { zip_error_init(&error_); }
  ~Reason() { zip_error_fini(&error_); }
  Reason(const Reason&) = delete;
  Reason& operator=(const Reason&) = delete;
  zip_error_t* get() { return &error_; }
  std::string text() { return zip_error_strerror(&error_); }

 private:
  zip_error_t error_{};
};

/// Makes a new zip file in memory.
Archive new_archive(zip_source_t* source) {
  Reason reason;
  Archive archive(zip_open_from_source(source, ZIP_TRUNCATE, reason.get()));
  if (!archive) throw InternalError("a .npz file cannot be made in memory: " + reason.text());
  return archive;
}

void add_member(zip_t* archive, const NamedArray& array, const std::vector<std::byte>& bytes) {
  constexpr zip_uint16_t kFirstDay = (1 << 5) | 1;  // 1 January 1980, the earliest that zip files know
  const auto check = [&](bool good) {
    if (!good) throw InternalError(fmt::format("array {}: {}", array.name, zip_strerror(archive)));
  };
  zip_source_t* source = zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
  check(source != nullptr);
  const zip_int64_t index =
      zip_file_add(archive, (array.name + std::string(kExtension)).c_str(), source, ZIP_FL_ENC_UTF_8);
  if (index < 0) zip_source_free(source);
  check(index >= 0);
  const auto place = static_cast<zip_uint64_t>(index);
  check(zip_set_file_compression(archive, place, ZIP_CM_STORE, 0) == 0);
  check(zip_file_set_dostime(archive, place, 0, kFirstDay, 0) == 0);
  check(zip_file_set_external_attributes(archive, place, 0, ZIP_OPSYS_UNIX, 0100644u << 16) == 0);
}

std::vector<std::byte> content_of(zip_source_t* source) {
  std::vector<std::byte> bytes;
  zip_stat_t status;
  const bool opened = zip_source_stat(source, &status) == 0 && zip_source_open(source) == 0;
  if (opened) {
    bytes.resize(status.size);
    const zip_int64_t count = zip_source_read(source, bytes.data(), bytes.size());
    zip_source_close(source);
    if (count == static_cast<zip_int64_t>(bytes.size())) return bytes;
  }
  throw InternalError("a .npz file cannot be made in memory");
}

// Members may lie on top of each other, so that each is small and all of them are not.
void check_total(const ZipFile& zip, std::size_t packed, const std::string& path) {
  const std::uint64_t most = most_expanded(packed);
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < zip.size(); ++i) {
    if (__builtin_add_overflow(total, zip.said_size(i), &total) || total > most) {
      throw DataError(path,
                      fmt::format("holds arrays of more than {} bytes in {}; at most 64 times as many, or 128 MiB, "
                                  "are read. If this is no mistake, save it without compression (numpy.savez)",
                                  most, packed));
    }
  }
  check_memory(total, 1, path, "its arrays");
}

}  // namespace

std::vector<NamedArray> read_npz(const std::filesystem::path& path) {
  const std::vector<std::byte> file = read_data_file(path);
  if (file.empty()) throw DataError(path.string(), "is empty");
  const ZipFile zip(file, path.string());
  check_total(zip, file.size(), path.string());
  std::vector<NamedArray> arrays;
  for (std::size_t i = 0; i < zip.size(); ++i) {
    const std::string name = zip.name(i);
    if (!name.ends_with(kExtension)) continue;
    const std::string stem = name.substr(0, name.size() - kExtension.size());
    arrays.push_back({stem, parse_npy(zip.read(i), fmt::format("{} ({})", path.string(), name))});
  }
  return arrays;
}

const NpyArray* find_array(std::span<const NamedArray> arrays, std::string_view name) {
  const auto found = std::find_if(arrays.begin(), arrays.end(), [&](const auto& each) { return each.name == name; });
  return found == arrays.end() ? nullptr : &found->array;
}

std::vector<std::byte> npz_bytes(std::span<const NamedArray> arrays) {
  Reason reason;
  Source source(zip_source_buffer_create(nullptr, 0, 0, reason.get()));
  if (!source) throw InternalError("a .npz file cannot be made in memory: " + reason.text());
  zip_source_keep(source.get());  // the archive and we own it
  Archive archive = new_archive(source.get());
  std::vector<std::vector<std::byte>> members;
  for (const NamedArray& array : arrays) members.push_back(npy_bytes(array.array));
  for (std::size_t i = 0; i < arrays.size(); ++i) add_member(archive.get(), arrays[i], members[i]);
  if (zip_close(archive.get()) != 0) throw InternalError(std::string("zip: ") + zip_strerror(archive.get()));
  archive.release();  // closed
  return content_of(source.get());
}

}  // namespace lathe::data
