#include "lathe/data/npz.h"

#include <fmt/format.h>
#include <zip.h>

#include <algorithm>
#include <memory>

#include "lathe/base/error.h"
#include "lathe/base/file.h"

namespace lathe::data {
namespace {

constexpr std::string_view kExtension = ".npy";

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_source_t* source) const { zip_source_free(source); }
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};
using Archive = std::unique_ptr<zip_t, Discard>;
using Source = std::unique_ptr<zip_source_t, Discard>;
using Member = std::unique_ptr<zip_file_t, Discard>;

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

/// Opens a zip file in memory; an empty source makes a new one.
Archive open_archive(zip_source_t* source, int flags, const std::string& path) {
  Reason reason;
  Archive archive(zip_open_from_source(source, flags, reason.get()));
  if (!archive) throw DataError(path, fmt::format("is no readable .npz file: {}", reason.text()));
  return archive;
}

std::vector<std::byte> read_member(zip_t* archive, zip_uint64_t index, const std::string& path) {
  const auto damaged = [&] { return DataError(path, fmt::format("is damaged: {}", zip_strerror(archive))); };
  zip_stat_t status;
  if (zip_stat_index(archive, index, 0, &status) != 0) throw damaged();
  const Member member(zip_fopen_index(archive, index, 0));
  if (!member) throw damaged();
  std::vector<std::byte> bytes;
  std::vector<std::byte> part(1 << 16);
  while (true) {  // the size that the file claims is not believed
    const zip_int64_t count = zip_fread(member.get(), part.data(), part.size());
    if (count < 0) throw DataError(path, fmt::format("is damaged: {}", zip_file_strerror(member.get())));
    if (count == 0) return bytes;
    bytes.insert(bytes.end(), part.begin(), part.begin() + count);
  }
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

}  // namespace

std::vector<NamedArray> read_npz(const std::filesystem::path& path) {
  const std::vector<std::byte> file = read_file(path);
  if (file.empty()) throw DataError(path.string(), "is empty");
  Reason reason;
  Source source(zip_source_buffer_create(file.data(), file.size(), 0, reason.get()));
  if (!source) throw SystemError("read", path.string(), reason.text());
  const Archive archive = open_archive(source.get(), ZIP_RDONLY | ZIP_CHECKCONS, path.string());
  source.release();  // the archive owns it now
  std::vector<NamedArray> arrays;
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const auto index = static_cast<zip_uint64_t>(i);
    const char* name = zip_get_name(archive.get(), index, 0);
    if (name == nullptr || !std::string_view(name).ends_with(kExtension)) continue;
    const std::string shown = fmt::format("{} ({})", path.string(), name);
    const std::string_view stem = std::string_view(name).substr(0, std::string_view(name).size() - kExtension.size());
    arrays.push_back({std::string(stem), parse_npy(read_member(archive.get(), index, shown), shown)});
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
  Archive archive = open_archive(source.get(), ZIP_TRUNCATE, "memory");
  std::vector<std::vector<std::byte>> members;
  for (const NamedArray& array : arrays) members.push_back(npy_bytes(array.array));
  for (std::size_t i = 0; i < arrays.size(); ++i) add_member(archive.get(), arrays[i], members[i]);
  if (zip_close(archive.get()) != 0) throw InternalError(std::string("zip: ") + zip_strerror(archive.get()));
  archive.release();  // closed
  return content_of(source.get());
}

}  // namespace lathe::data
