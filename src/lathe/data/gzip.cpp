#include "lathe/data/gzip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>

#include "lathe/base/error.h"

namespace lathe::data {
namespace {

constexpr int kGzipOnly = 16 + MAX_WBITS;  // inflateInit2: a gzip header is expected
constexpr std::size_t kFirstSize = 1 << 16;

// Owns zlib's state of one expansion.
class Inflater {
 public:
  Inflater(std::span<const std::byte> bytes, const std::string& path) : path_(path) {
    if (bytes.size() > std::numeric_limits<uInt>::max()) throw DataError(path, "is a gzip file of 4 GiB or more");
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));  // zlib only reads it
    stream_.avail_in = static_cast<uInt>(bytes.size());
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) throw SystemError("expand", path, "zlib could not be started");
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Fills `room` as far as there is content; returns how many bytes came.
  std::size_t read(std::span<std::byte> room) {
    stream_.next_out = reinterpret_cast<Bytef*>(room.data());
    stream_.avail_out = static_cast<uInt>(room.size());
    while (stream_.avail_out > 0 && !ended_) step();
    return room.size() - stream_.avail_out;
  }
  bool ended() const { return ended_; }

 private:
  void step() {
    const int state = inflate(&stream_, Z_NO_FLUSH);
    if (state == Z_STREAM_END) return end_member();
    if (state == Z_OK) return;
    if (state == Z_BUF_ERROR) throw DataError(path_, "the gzip file is cut off");
    throw DataError(
        path_, fmt::format("the gzip file is damaged ({})", stream_.msg == nullptr ? "no gzip data" : stream_.msg));
  }

  void end_member() {
    ended_ = stream_.avail_in == 0;
    if (!ended_ && inflateReset(&stream_) != Z_OK) throw DataError(path_, "the gzip file is damaged");
  }

  const std::string& path_;
  z_stream stream_{};
  bool ended_ = false;
};

}  // namespace

bool is_gzip(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
}

std::vector<std::byte> expand_gzip(std::span<const std::byte> bytes, std::size_t most_bytes, const std::string& path) {
  Inflater inflater(bytes, path);
  std::vector<std::byte> content(std::min(kFirstSize, most_bytes + 1));
  std::size_t filled = 0;
  while (true) {
    filled += inflater.read(std::span(content).subspan(filled));
    if (filled > most_bytes) throw DataError(path, fmt::format("expands to more than {} bytes", most_bytes));
    if (inflater.ended()) break;
    content.resize(std::min(2 * content.size(), most_bytes + 1));
  }
  content.resize(filled);
  return content;
}

}  // namespace lathe::data
