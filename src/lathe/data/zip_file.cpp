#include "lathe/data/zip_file.h"

#include <fmt/format.h>
#include <zip.h>

#include "lathe/base/error.h"
#include "lathe/data/limits.h"

namespace lathe::data {
namespace {

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_source_t* source) const { zip_source_free(source); }
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

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

}  // namespace

struct ZipFile::Archive {
  std::unique_ptr<zip_t, Discard> handle;
  std::string path;
};

ZipFile::ZipFile(std::span<const std::byte> bytes, std::string path) {
  Reason reason;
  std::unique_ptr<zip_source_t, Discard> source(zip_source_buffer_create(bytes.data(), bytes.size(), 0, reason.get()));
  if (!source) throw SystemError("read", path, reason.text());
  std::unique_ptr<zip_t, Discard> handle(zip_open_from_source(source.get(), ZIP_RDONLY | ZIP_CHECKCONS, reason.get()));
  if (!handle) throw DataError(path, fmt::format("is no readable zip file: {}", reason.text()));
  source.release();  // the archive owns it now
  archive_ = std::make_unique<Archive>(std::move(handle), std::move(path));
}

ZipFile::~ZipFile() = default;
ZipFile::ZipFile(ZipFile&&) noexcept = default;
ZipFile& ZipFile::operator=(ZipFile&&) noexcept = default;

std::size_t ZipFile::size() const { return static_cast<std::size_t>(zip_get_num_entries(archive_->handle.get(), 0)); }

std::string ZipFile::name(std::size_t index) const {
  const char* name = zip_get_name(archive_->handle.get(), index, 0);
  return name == nullptr ? "" : name;
}

bool ZipFile::is_stored(std::size_t index) const {
  zip_stat_t status;
  return zip_stat_index(archive_->handle.get(), index, 0, &status) == 0 && (status.valid & ZIP_STAT_COMP_METHOD) != 0 &&
         status.comp_method == ZIP_CM_STORE;
}

std::uint64_t ZipFile::said_size(std::size_t index) const {
  zip_stat_t status;
  const bool known =
      zip_stat_index(archive_->handle.get(), index, 0, &status) == 0 && (status.valid & ZIP_STAT_SIZE) != 0;
  return known ? status.size : 0;
}

void ZipFile::check_size(std::size_t index, const std::string& path) const {
  zip_stat_t status;
  if (zip_stat_index(archive_->handle.get(), index, 0, &status) != 0 || (status.valid & ZIP_STAT_COMP_SIZE) == 0)
    throw DataError(path, "is damaged: its size is not known");
  const std::uint64_t said = said_size(index), most = most_expanded(status.comp_size);
  if (said > most && !is_stored(index)) {
    throw DataError(path,
                    fmt::format("expands from {} to {} bytes; at most {} are read (64 times as many, or 128 MiB). "
                                "If this is no mistake, save it without compression (numpy.savez)",
                                status.comp_size, said, most));
  }
  check_memory(said, 1, path, "what it expands to");
}

std::vector<std::byte> ZipFile::read(std::size_t index) const {
  zip_t* archive = archive_->handle.get();
  const std::string path = fmt::format("{} ({})", archive_->path, name(index));
  const auto damaged = [&](const char* reason) { return DataError(path, fmt::format("is damaged: {}", reason)); };
  check_size(index, path);
  const std::uint64_t said = said_size(index);
  const std::unique_ptr<zip_file_t, Discard> member(zip_fopen_index(archive, index, 0));
  if (!member) throw damaged(zip_strerror(archive));
  std::vector<std::byte> bytes;
  std::vector<std::byte> part(1 << 16);
  while (true) {
    const zip_int64_t count = zip_fread(member.get(), part.data(), part.size());
    if (count < 0) throw damaged(zip_file_strerror(member.get()));
    if (count == 0) return bytes;
    if (static_cast<std::uint64_t>(count) > said - bytes.size()) throw damaged("it expands to more than it says");
    bytes.insert(bytes.end(), part.begin(), part.begin() + count);
  }
}

}  // namespace lathe::data
