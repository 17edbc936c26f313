#include "lathe/data/hdf5_table.h"

#include <fmt/format.h>

#include <cstring>
#include <fstream>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/data/hdf5_records.h"
#include "lathe/data/isolated.h"
#include "lathe/data/limits.h"

namespace lathe::data {
namespace {

// Tells whether a file begins as HDF5 does: at its beginning, or behind a user's block of 512, 1024, 2048, ... bytes.
bool has_signature(const std::filesystem::path& path) {
  constexpr std::string_view kSignature = "\x89HDF\r\n\x1a\n";
  constexpr std::streamoff kFirstBlock = 512, kLargestBlock = std::streamoff{1} << 30;
  std::ifstream file(path, std::ios::binary);
  for (std::streamoff place = 0; file && place <= kLargestBlock; place = place == 0 ? kFirstBlock : 2 * place) {
    std::string beginning(kSignature.size(), '\0');
    file.seekg(place);
    file.read(beginning.data(), static_cast<std::streamsize>(beginning.size()));
    if (file && beginning == kSignature) return true;
  }
  return false;
}

// Collects rows; believes neither the number of rows that the file claims nor what comes from the other process.
class Collector {
 public:
  Collector(std::string path, std::size_t columns, const Progress& progress)
      : path_(std::move(path)), columns_(columns), progress_(progress) {}

  void take(Bytes message) {
    if (expected_ == 0) return take_count(message);
    const std::size_t count = message.size() / sizeof(float);
    if (count > expected_ - values_.size()) throw DataError(path_, "is damaged: it holds more rows than it says");
    const std::size_t before = values_.size();
    values_.resize(before + count);
    std::memcpy(values_.data() + before, message.data(), count * sizeof(float));
    if (progress_) progress_(static_cast<double>(values_.size()) / static_cast<double>(expected_));
  }

  std::vector<float> finish() && {
    if (values_.size() != expected_) throw DataError(path_, "is damaged: it holds fewer rows than it says");
    return std::move(values_);
  }

 private:
  void take_count(Bytes message) {
    std::uint64_t rows = 0;
    std::memcpy(&rows, message.data(), std::min(sizeof(rows), message.size()));
    if (rows == 0 || rows > kMostRecords)
      throw DataError(path_, "is damaged: it says how many rows it holds in two ways");
    check_memory(rows, 2 * columns_ * sizeof(float), path_, "its rows as float32");
    expected_ = rows * columns_;
    values_.reserve(expected_);
  }

  std::string path_;
  std::size_t columns_;
  const Progress& progress_;
  std::size_t expected_ = 0;
  std::vector<float> values_;
};

}  // namespace

bool holds_hdf5_table(const std::filesystem::path& path, const std::string& table) {
  if (!has_signature(path)) return false;
  bool holds = true;
  const auto look = [&](const Receiver& send) {
    const bool found = holds_records(path, table);
    send(std::as_bytes(std::span(&found, 1)));
  };
  try {
    run_isolated(path.string(), look, [&](Bytes message) { holds = !message.empty() && message[0] != std::byte{0}; });
  } catch (const Error&) {
    return true;  // damaged: reading it says what is wrong
  }
  return holds;
}

std::vector<float> read_hdf5_table(const std::filesystem::path& path, const std::string& table,
                                   const std::vector<std::string>& columns, const Progress& progress) {
  if (!is_file(path)) throw DataError(path.string(), "is no file");
  if (!has_signature(path)) throw DataError(path.string(), "is no HDF5 file");
  Collector collector(path.string(), columns.size(), progress);
  bool begun = false;
  const auto work = [&](const Receiver& send) {
    read_records(path, table, columns, [&](std::uint64_t rows, std::span<const float> values) {
      if (!begun) send(std::as_bytes(std::span(&rows, 1)));
      begun = true;
      send(std::as_bytes(values));
    });
  };
  run_isolated(path.string(), work, [&](Bytes message) { collector.take(message); });
  return std::move(collector).finish();
}

}  // namespace lathe::data
