#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lathe/base/error.h"
#include "lathe/data/dataset.h"
#include "lathe/data/folders.h"
#include "lathe/data/idx.h"
#include "lathe/data/limits.h"
#include "lathe/data/pixels.h"
#include "lathe/data/prepare.h"

namespace lathe::data {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kClasses = 10, kSide = 28, kWidth = kSide * kSide;
constexpr std::int64_t kPublishedTrain = 60'000, kPublishedTest = 10'000;
constexpr std::size_t kFirstLabels = 10;
using FirstLabels = std::array<std::int32_t, kFirstLabels>;

// Tells apart the two sets, whose files have the same names.
struct ImageSet {
  const char* title;
  FirstLabels first_train_labels;
};
constexpr ImageSet kMnist{"MNIST", {5, 0, 4, 1, 9, 2, 1, 3, 1, 4}};
constexpr ImageSet kFashion{"Fashion-MNIST", {9, 0, 0, 3, 0, 2, 7, 2, 5, 5}};

// Finds a file of the set in one of the spellings it is published in; empty where there is none.
fs::path find_file(const fs::path& folder, std::string_view part, std::string_view content, int dimensions) {
  for (const char* separator : {"-", "."}) {
    for (const char* extension : {"", ".gz"}) {
      const fs::path path =
          folder / fmt::format("{}-{}{}idx{}-ubyte{}", part, content, separator, dimensions, extension);
      std::error_code ignored;
      if (fs::is_regular_file(path, ignored)) return path;
    }
  }
  return {};
}

Samples read_part(const fs::path& images, const fs::path& labels) {
  const IdxArray pixels = read_idx(images, 3);
  if (pixels.shape[1] != kSide || pixels.shape[2] != kSide) {
    throw DataError(images.string(), fmt::format("holds images of {} x {} pixels; expected {} x {}", pixels.shape[1],
                                                 pixels.shape[2], kSide, kSide));
  }
  const IdxArray classes = read_idx(labels, 1);
  if (classes.shape[0] != pixels.shape[0]) {
    throw DataError(images.string(), fmt::format("holds {} images, but {} has {} labels", pixels.shape[0],
                                                 labels.string(), classes.shape[0]));
  }
  check_rows_fit(pixels.bytes.size(), images.string());
  Samples samples{.width = kWidth, .features = {}, .labels = {}};
  samples.shape = {1, kSide, kSide};
  samples.features.reserve(pixels.bytes.size());
  append_pixels(pixels.bytes, samples.features);
  for (const std::byte label : classes.bytes) samples.labels.push_back(std::to_integer<std::int32_t>(label));
  check_labels(samples, kClasses, labels.string());
  return samples;
}

fs::path labels_beside(const fs::path& folder, std::string_view part) {
  const fs::path labels = find_file(folder, part, "labels", 1);
  if (labels.empty()) {
    throw DataError(folder.string(), fmt::format("holds {} images, but no {}-labels-idx1-ubyte or .gz", part, part));
  }
  return labels;
}

bool begins_as(const Samples& samples, const ImageSet& set) {
  return samples.rows() == kPublishedTrain &&
         std::equal(set.first_train_labels.begin(), set.first_train_labels.end(), samples.labels.begin());
}

RawDataset read_folder(const fs::path& folder, const fs::path& train_images, const ImageSet& set,
                       const ImageSet& other) {
  RawDataset raw;
  raw.train = read_part(train_images, labels_beside(folder, "train"));
  if (begins_as(raw.train, other)) {
    throw DataError(folder.string(),
                    fmt::format("holds {}, not {} (the files of both have the same names)", other.title, set.title));
  }
  const fs::path test_images = find_file(folder, "t10k", "images", 3);
  if (!test_images.empty()) raw.test = read_part(test_images, labels_beside(folder, "t10k"));
  raw.path = folder.string();
  const bool published = begins_as(raw.train, set) && raw.test.rows() == kPublishedTest;
  raw.source = published ? std::string(set.title)
                         : fmt::format("{} as the user says, {} training rows", set.title, raw.train.rows());
  return raw;
}

std::shared_ptr<const Dataset> load(const DatasetRequest& request, const char* name, const ImageSet& set,
                                    const ImageSet& other, const char* torchvision_folder,
                                    std::vector<std::string> class_names) {
  for (const SearchPlace& place : search_places(request)) {
    for (const fs::path& folder :
         {place.path, place.path / name, place.path / "raw", place.path / torchvision_folder / "raw"}) {
      const fs::path train_images = find_file(folder, "train", "images", 3);
      if (train_images.empty()) continue;
      RawDataset raw = read_folder(folder, train_images, set, other);
      raw.name = name;
      raw.pooled = kWidth;
      raw.divisor = kPixelDivisor;
      raw.bytes = true;
      raw.class_names = std::move(class_names);
      return prepare(std::move(raw), request);
    }
  }
  throw absent_dataset(request,
                       fmt::format("the IDX files of {} (train-images-idx3-ubyte, train-labels-idx1-ubyte, "
                                   "t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, each plain or .gz), there or in a "
                                   "folder {} or {}/raw",
                                   set.title, name, torchvision_folder),
                       "");
}

std::shared_ptr<const Dataset> load_mnist(const DatasetRequest& request) {
  return load(request, "mnist", kMnist, kFashion, "MNIST", {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"});
}

std::shared_ptr<const Dataset> load_fashion(const DatasetRequest& request) {
  return load(
      request, "fashion-mnist", kFashion, kMnist, "FashionMNIST",
      {"T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"});
}

}  // namespace

DatasetKind mnist_kind() {
  return {.name = "mnist",
          .aliases = {"MNIST"},
          .description = "70,000 handwritten digits, grey images [1, 28, 28]: the IDX files, plain or .gz",
          .width = kWidth,
          .classes = kClasses,
          .url = {},
          .file_name = {},
          .load = load_mnist,
          .shape = {1, 28, 28}};
}

DatasetKind fashion_mnist_kind() {
  return {.name = "fashion-mnist",
          .aliases = {"fashion_mnist", "FashionMNIST"},
          .description =
              "70,000 pictures of clothes, grey images [1, 28, 28]: the IDX files, which Debian's package "
              "dataset-fashion-mnist installs",
          .width = kWidth,
          .classes = kClasses,
          .url = {},
          .file_name = {},
          .load = load_fashion,
          .shape = {1, 28, 28}};
}

}  // namespace lathe::data
