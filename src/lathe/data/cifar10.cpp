#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lathe/base/error.h"
#include "lathe/data/dataset.h"
#include "lathe/data/folders.h"
#include "lathe/data/limits.h"
#include "lathe/data/pixels.h"
#include "lathe/data/prepare.h"

namespace lathe::data {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kClasses = 10, kChannels = 3, kSide = 32;
constexpr std::int64_t kPlane = kSide * kSide, kWidth = kChannels * kPlane;
constexpr std::size_t kRecord = 1 + kWidth;  // the label, then red, green and blue, each row by row
constexpr std::int64_t kPublishedBatch = 10'000;
constexpr std::array kTrainFiles = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                                    "data_batch_5.bin"};
constexpr const char* kTestFile = "test_batch.bin";
constexpr const char* kJpegTrainFile = "cifar10_jpeg_train12000.bin";
constexpr const char* kJpegTestFile = "cifar10_jpeg_test5000.bin";
constexpr const char* kFirstFile = "data_batch_1_first4000.bin";

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

std::int64_t records_in(const fs::path& file) {
  std::error_code reason;
  const std::uintmax_t size = fs::file_size(file, reason);
  if (reason) throw SystemError("read", file.string(), reason.message());
  if (size == 0 || size % kRecord != 0) {
    throw DataError(file.string(), fmt::format("has {} bytes; CIFAR-10 records have {} each, so it is {}", size,
                                               kRecord, size == 0 ? "empty" : "cut off or of another kind"));
  }
  return static_cast<std::int64_t>(size / kRecord);
}

void append_records(const fs::path& file, Samples& samples) {
  const std::vector<std::byte> bytes = read_data_file(file);
  for (std::size_t at = 0; at + kRecord <= bytes.size(); at += kRecord) {
    const int label = std::to_integer<int>(bytes[at]);
    if (label >= kClasses) {
      throw DataError(file.string(), fmt::format("record {}: label {} is out of range; there are {} classes, 0 to {} "
                                                 "(records count from 0)",
                                                 at / kRecord, label, kClasses, kClasses - 1));
    }
    samples.labels.push_back(label);
    append_pixels(std::span(bytes).subspan(at + 1, kRecord - 1), samples.features);
  }
}

// Reads files of records one after the other; `published` is how many records each must hold, 0: any.
Samples read_records(const std::vector<fs::path>& files, std::int64_t published) {
  std::int64_t rows = 0;
  for (const fs::path& file : files) {
    const std::int64_t records = records_in(file);
    if (published > 0 && records != published) {
      throw DataError(file.string(), fmt::format("holds {} records; the published file holds {}", records, published));
    }
    rows += records;
  }
  check_rows_fit(static_cast<std::uint64_t>(rows * kWidth), files.front().string());
  Samples samples{.width = kWidth, .features = {}, .labels = {}};
  samples.shape = {kChannels, kSide, kSide};
  samples.features.reserve(static_cast<std::size_t>(rows * kWidth));
  samples.labels.reserve(static_cast<std::size_t>(rows));
  for (const fs::path& file : files) append_records(file, samples);
  return samples;
}

RawDataset read_published(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const char* name : kTrainFiles) files.push_back(folder / name);
  for (const fs::path& file : {files[0], files[1], files[2], files[3], files[4], folder / kTestFile}) {
    if (!is_file(file)) {
      throw DataError(folder.string(),
                      fmt::format("holds a part of CIFAR-10 only: {} is absent", file.filename().string()));
    }
  }
  RawDataset raw;
  raw.train = read_records(files, kPublishedBatch);
  raw.test = read_records({folder / kTestFile}, kPublishedBatch);
  raw.source = "CIFAR-10";
  return raw;
}

RawDataset read_jpeg_copy(const fs::path& folder) {
  RawDataset raw;
  raw.train = read_records({folder / kJpegTrainFile}, 0);
  if (is_file(folder / kJpegTestFile)) raw.test = read_records({folder / kJpegTestFile}, 0);
  raw.source = fmt::format("CIFAR-10 (JPEG copy), {} training rows", raw.train.rows());
  raw.notice = "These images were decoded from JPEG copies: results are on CIFAR-10 (JPEG copy), not on CIFAR-10.";
  return raw;
}

// Reads records of one file: a part of CIFAR-10 as the user says; test rows are split off.
RawDataset read_part(const fs::path& file) {
  RawDataset raw;
  raw.train = read_records({file}, 0);
  raw.source = file.filename() == kFirstFile
                   ? fmt::format("CIFAR-10, its first {} training rows", raw.train.rows())
                   : fmt::format("CIFAR-10 records as the user says, {}", file.filename().string());
  raw.notice = "Training and test rows are both from one file of records: results are not on CIFAR-10's test rows.";
  return raw;
}

std::optional<RawDataset> read_place(const fs::path& place) {
  const bool any_batch =
      std::any_of(kTrainFiles.begin(), kTrainFiles.end(), [&](const char* name) { return is_file(place / name); });
  std::optional<RawDataset> raw;
  if (is_file(place))
    raw = read_part(place);
  else if (any_batch)
    raw = read_published(place);
  else if (is_file(place / kJpegTrainFile))
    raw = read_jpeg_copy(place);
  else if (is_file(place / kFirstFile))
    raw = read_part(place / kFirstFile);
  if (raw) raw->path = place.string();
  return raw;
}

std::optional<RawDataset> find_cifar10(const DatasetRequest& request) {
  for (const SearchPlace& place : search_places(request)) {
    for (const char* name : {"", "cifar-10-batches-bin", "cifar10", "cifar10/cifar-10-batches-bin"}) {
      if (std::optional<RawDataset> raw = read_place(*name == '\0' ? place.path : place.path / name)) return raw;
    }
  }
  return std::nullopt;
}

std::shared_ptr<const Dataset> load(const DatasetRequest& request) {
  std::optional<RawDataset> raw = find_cifar10(request);
  if (!raw) {
    throw absent_dataset(request,
                         fmt::format("the binary version of CIFAR-10 (data_batch_1.bin to data_batch_5.bin and {}, in "
                                     "a folder, or in cifar-10-batches-bin or cifar10 in it), {} or {}",
                                     kTestFile, kJpegTrainFile, kFirstFile),
                         "");
  }
  raw->name = "cifar10";
  raw->pooled = kPlane;
  raw->divisor = kPixelDivisor;
  raw->bytes = true;
  raw->class_names = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
  return prepare(std::move(*raw), request);
}

}  // namespace

DatasetKind cifar10_kind() {
  return {.name = "cifar10",
          .aliases = {"cifar-10", "CIFAR10"},
          .description = "60,000 colour images [3, 32, 32] of 10 kinds of things: the binary version's records",
          .width = kWidth,
          .classes = kClasses,
          .url = {},
          .file_name = {},
          .load = load,
          .shape = {3, 32, 32}};
}

}  // namespace lathe::data
