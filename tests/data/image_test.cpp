#include <cmath>

#include "data/gzip_text.h"
#include "data/scratch_folder.h"
#include "lathe/data/dataset.h"
#include "lathe/data/idx.h"
#include "peers.h"

namespace lathe::data {
namespace {

namespace fs = std::filesystem;
using testing::error_text;
using testing::gzip_text;
using testing::ScopedVariable;
using testing::ScratchFolder;

/// Keeps the user's own data out of a test.
class ImageTest : public ::testing::Test {
 protected:
  std::string error_of(const DatasetRequest& request) const {
    return error_text<DataError>([&] { load_dataset(request); });
  }

  ScratchFolder folder_;
  ScopedVariable cache_{"XDG_CACHE_HOME", (folder_.path() / "cache").string()};
  ScopedVariable data_{"LATHE_DATA_DIR", ""};
};
using Idx = ImageTest;
using Mnist = ImageTest;
using FashionMnist = ImageTest;
using Cifar10 = ImageTest;

// Makes a pattern of bytes in which every position of every record differs from its neighbours.
char pixel(std::size_t record, std::size_t position) { return static_cast<char>((record * 37 + position * 11) & 255); }

std::string cifar_records(std::size_t count, std::size_t first = 0) {
  std::string text;
  for (std::size_t record = first; record < first + count; ++record) {
    text += static_cast<char>(record % 10);
    for (std::size_t i = 0; i < 3072; ++i) text += pixel(record, i);
  }
  return text;
}

std::string big_endian(std::uint32_t value) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift & 255);
  return text;
}

std::string idx_images(std::uint32_t count, std::uint32_t side = 28) {
  std::string text = big_endian(0x803) + big_endian(count) + big_endian(side) + big_endian(side);
  for (std::uint32_t record = 0; record < count; ++record)
    for (std::uint32_t i = 0; i < side * side; ++i) text += pixel(record, i);
  return text;
}

std::string idx_labels(std::uint32_t count) {
  std::string text = big_endian(0x801) + big_endian(count);
  for (std::uint32_t record = 0; record < count; ++record) text += static_cast<char>(record % 10);
  return text;
}

// Writes a small set under MNIST's file names.
void write_mnist(const ScratchFolder& folder, std::uint32_t train = 40, std::uint32_t test = 10) {
  folder.write("train-images-idx3-ubyte", idx_images(train));
  folder.write("train-labels-idx1-ubyte.gz", gzip_text(idx_labels(train)));
  folder.write("t10k-images-idx3-ubyte.gz", gzip_text(idx_images(test)));
  folder.write("t10k-labels-idx1-ubyte", idx_labels(test));
}

fs::path test_data(const char* name) {
  const char* folder = std::getenv("LATHE_TEST_DATA");
  return (folder != nullptr ? fs::path(folder) : fs::path(LATHE_SOURCE_DIR) / "../shared/data") / name;
}

TEST_F(Idx, ReadsPlainAndPacked) {
  const IdxArray plain = read_idx(folder_.write("images", idx_images(3, 5)), 3);
  EXPECT_EQ(plain.shape, (Shape{3, 5, 5}));
  EXPECT_EQ(plain.bytes.size(), 75u);
  EXPECT_EQ(plain.bytes[26], static_cast<std::byte>(pixel(1, 1)));
  const IdxArray packed = read_idx(folder_.write("images.gz", gzip_text(idx_images(3, 5))), 3);
  EXPECT_EQ(packed.bytes, plain.bytes);
}

TEST_F(Idx, RefusesWhatIsNone) {
  const auto text_of = [&](const std::string& content) {
    return error_text<DataError>([&] { read_idx(folder_.write("x", content), 3); })
        .substr(folder_.file("x").string().size());
  };
  EXPECT_EQ(text_of(idx_labels(4)), ": is no IDX file of images: its magic number is 0x00000801; expected 0x00000803");
  EXPECT_EQ(text_of(""), ": has 0 bytes; an IDX file begins with 16");
  EXPECT_EQ(text_of(big_endian(0x803) + "abc"), ": has 7 bytes; an IDX file begins with 16");
  EXPECT_EQ(text_of(idx_images(2, 5) + "x"), ": holds 51 bytes of data; its header says [2, 5, 5]");
  EXPECT_EQ(text_of(idx_images(2, 5).substr(0, 40)), ": holds 24 bytes of data; its header says [2, 5, 5]");
  EXPECT_EQ(text_of(big_endian(0x803) + big_endian(0) + big_endian(5) + big_endian(5)),
            ": says that dimension 0 has size 0");
  // A header that asks for 2^96 bytes.
  const std::string huge = big_endian(0xffffffff);
  EXPECT_EQ(text_of(big_endian(0x803) + huge + huge + huge + "x"),
            ": says that it holds more than 1073741824 bytes, the most that is read");
  EXPECT_EQ(text_of(gzip_text(idx_images(2, 5)).substr(0, 30)), ": the gzip file is cut off");
}

TEST_F(Mnist, IsReadAsImages) {
  write_mnist(folder_);
  const auto dataset = load_dataset({.name = "mnist", .data_dir = folder_.path(), .standardise = false});
  EXPECT_EQ(dataset->train.rows(), 36);
  EXPECT_EQ(dataset->validation.rows(), 4);
  EXPECT_EQ(dataset->test.rows(), 10);
  EXPECT_EQ(dataset->classes, 10);
  for (const Samples* part : {&dataset->train, &dataset->validation, &dataset->test})
    EXPECT_EQ(part->shape, (Shape{1, 28, 28}));
  // Test rows keep their order; values are bytes / 255.
  for (std::size_t i = 0; i < 784; ++i) {
    const auto byte = static_cast<unsigned char>(pixel(3, i));
    ASSERT_EQ(dataset->test.features[3 * 784 + i], static_cast<float>(byte) / 255.0f);
  }
  EXPECT_EQ(dataset->test.labels[3], 3);
  EXPECT_EQ(dataset->fingerprint.source, "MNIST as the user says, 40 training rows");
}

TEST_F(Mnist, StandardisesByTheOneChannel) {
  write_mnist(folder_);
  const auto dataset = load_dataset({.name = "mnist", .data_dir = folder_.path()});
  double sum = 0, squares = 0;
  for (const float value : dataset->train.features) sum += value, squares += value * value;
  const auto count = static_cast<double>(dataset->train.features.size());
  EXPECT_NEAR(sum / count, 0, 1e-6);
  EXPECT_NEAR(squares / count, 1, 1e-6);
}

TEST_F(Mnist, IsFoundBelowTheFolder) {
  fs::create_directories(folder_.file("MNIST/raw"));
  write_mnist(folder_);
  for (const char* name :
       {"train-images-idx3-ubyte", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte"})
    fs::rename(folder_.file(name), folder_.file("MNIST/raw") / name);
  EXPECT_EQ(load_dataset({.name = "MNIST", .data_dir = folder_.path()})->test.rows(), 10);
}

TEST_F(Mnist, WithoutTestFilesSplitsTestRowsOff) {
  write_mnist(folder_);
  fs::remove(folder_.file("t10k-images-idx3-ubyte.gz"));
  const auto dataset = load_dataset({.name = "mnist", .data_dir = folder_.path()});
  EXPECT_EQ(dataset->test.rows(), 8);
  EXPECT_EQ(dataset->test.shape, (Shape{1, 28, 28}));
}

TEST_F(Mnist, SaysWhatDoesNotFit) {
  write_mnist(folder_);
  const DatasetRequest request{.name = "mnist", .data_dir = folder_.path()};
  const std::string folder = folder_.path().string();
  folder_.write("t10k-labels-idx1-ubyte", idx_labels(9));
  EXPECT_EQ(error_of(request), folder + "/t10k-images-idx3-ubyte.gz: holds 10 images, but " + folder +
                                   "/t10k-labels-idx1-ubyte has 9 labels");
  std::string labels = idx_labels(10);
  labels[8 + 4] = 10;
  folder_.write("t10k-labels-idx1-ubyte", labels);
  EXPECT_EQ(error_of(request), folder +
                                   "/t10k-labels-idx1-ubyte: row 4: label 10 is out of range; there are 10 "
                                   "classes, 0 to 9 (rows count from 0)");
  folder_.write("train-images-idx3-ubyte", idx_images(40, 27));
  EXPECT_EQ(error_of(request), folder + "/train-images-idx3-ubyte: holds images of 27 x 27 pixels; expected 28 x 28");
  fs::remove(folder_.file("train-labels-idx1-ubyte.gz"));
  EXPECT_EQ(error_of(request), folder + ": holds train images, but no train-labels-idx1-ubyte or .gz");
  fs::remove(folder_.file("train-images-idx3-ubyte"));
  EXPECT_EQ(error_of(request).substr(0, 31), "data set \"mnist\" was not found.");
}

TEST_F(Mnist, RefusesRegression) {
  write_mnist(folder_);
  EXPECT_EQ(error_text<UserError>([&] {
              load_dataset({.name = "mnist", .data_dir = folder_.path(), .task = Task::kRegression, .targets = {"f0"}});
            }),
            "task: data set mnist has images or texts with classes; regression needs columns of numbers, or arrays "
            "with targets");
}

TEST_F(Mnist, RealFiles) {
  if (!fs::exists(test_data("mnist"))) GTEST_SKIP() << "no MNIST in " << test_data("mnist");
  const auto dataset = load_dataset({.name = "mnist", .data_dir = test_data("mnist"), .standardise = false});
  EXPECT_EQ(dataset->train.rows() + dataset->validation.rows(), 60'000);
  EXPECT_EQ(dataset->test.rows(), 10'000);
  EXPECT_EQ(dataset->fingerprint.source, "MNIST");
  const std::vector<std::int32_t> first(dataset->test.labels.begin(), dataset->test.labels.begin() + 8);
  EXPECT_EQ(first, (std::vector<std::int32_t>{7, 2, 1, 0, 4, 1, 4, 9}));
  EXPECT_EQ(error_of({.name = "fashion-mnist", .data_dir = test_data("mnist")}),
            test_data("mnist").string() + ": holds MNIST, not Fashion-MNIST (the files of both have the same names)");
}

TEST_F(FashionMnist, IsFoundByItself) {
  if (!fs::exists("/usr/share/datasets/fashion-mnist"))
    LATHE_PEER_IS_ABSENT("Debian's dataset-fashion-mnist is absent");
  const auto dataset = load_dataset({.name = "fashion_mnist", .standardise = false});
  EXPECT_EQ(dataset->train.rows() + dataset->validation.rows(), 60'000);
  EXPECT_EQ(dataset->test.rows(), 10'000);
  EXPECT_EQ(dataset->fingerprint.source, "Fashion-MNIST");
  EXPECT_EQ(dataset->preprocessing.class_names[9], "ankle boot");
  EXPECT_EQ(dataset->test.labels[0], 9);
  EXPECT_EQ(
      error_of({.name = "mnist", .data_dir = "/usr/share/datasets/fashion-mnist"}),
      "/usr/share/datasets/fashion-mnist: holds Fashion-MNIST, not MNIST (the files of both have the same names)");
}

TEST_F(Cifar10, ReadsTheJpegCopyAndSaysSo) {
  folder_.write("cifar10_jpeg_train12000.bin", cifar_records(40));
  folder_.write("cifar10_jpeg_test5000.bin", cifar_records(10, 40));
  folder_.write("data_batch_1_first4000.bin", cifar_records(20));
  const auto dataset = load_dataset({.name = "cifar10", .data_dir = folder_.path(), .standardise = false});
  EXPECT_EQ(dataset->train.rows(), 36);
  EXPECT_EQ(dataset->test.rows(), 10);
  EXPECT_EQ(dataset->train.shape, (Shape{3, 32, 32}));
  EXPECT_EQ(dataset->test.labels[7], 7);
  EXPECT_EQ(dataset->test.features[3072 + 5], static_cast<float>(static_cast<unsigned char>(pixel(41, 5))) / 255.0f);
  EXPECT_EQ(dataset->fingerprint.source, "CIFAR-10 (JPEG copy), 40 training rows");
  EXPECT_EQ(dataset->fingerprint.notice,
            "These images were decoded from JPEG copies: results are on CIFAR-10 (JPEG copy), not on CIFAR-10.");
}

TEST_F(Cifar10, StandardisesChannelByChannel) {
  folder_.write("data_batch_1_first4000.bin", cifar_records(50));
  const auto dataset = load_dataset({.name = "cifar10", .data_dir = folder_.path()});
  for (std::size_t channel = 0; channel < 3; ++channel) {
    double sum = 0, squares = 0;
    for (std::size_t row = 0; row < static_cast<std::size_t>(dataset->train.rows()); ++row) {
      for (std::size_t i = 0; i < 1024; ++i) {
        const double value = dataset->train.features[row * 3072 + channel * 1024 + i];
        sum += value, squares += value * value;
      }
    }
    const double count = 1024.0 * static_cast<double>(dataset->train.rows());
    EXPECT_NEAR(sum / count, 0, 1e-6) << channel;
    EXPECT_NEAR(squares / count, 1, 1e-6) << channel;
  }
}

TEST_F(Cifar10, OneFileIsSplit) {
  const fs::path file = folder_.write("my.bin", cifar_records(50));
  const auto dataset = load_dataset({.name = "cifar10", .data_dir = file});
  EXPECT_EQ(dataset->test.rows(), 10);
  EXPECT_EQ(dataset->fingerprint.source, "CIFAR-10 records as the user says, my.bin");
  EXPECT_FALSE(dataset->fingerprint.notice.empty());
}

TEST_F(Cifar10, IsFoundThroughTheEnvironment) {
  fs::create_directories(folder_.file("cifar10"));
  folder_.write("cifar10/data_batch_1_first4000.bin", cifar_records(20));
  const ScopedVariable variable("LATHE_DATA_DIR", folder_.path().string());
  EXPECT_EQ(load_dataset({.name = "CIFAR10"})->fingerprint.source, "CIFAR-10, its first 20 training rows");
}

TEST_F(Cifar10, SaysWhatIsDamaged) {
  const DatasetRequest request{.name = "cifar10", .data_dir = folder_.path()};
  const std::string file = folder_.file("data_batch_1_first4000.bin").string();
  folder_.write("data_batch_1_first4000.bin", cifar_records(20).substr(0, 20 * 3073 - 1));
  EXPECT_EQ(error_of(request), file +
                                   ": has 61459 bytes; CIFAR-10 records have 3073 each, so it is cut off or of "
                                   "another kind");
  folder_.write("data_batch_1_first4000.bin", "");
  EXPECT_EQ(error_of(request), file + ": has 0 bytes; CIFAR-10 records have 3073 each, so it is empty");
  std::string records = cifar_records(20);
  records[3 * 3073] = 10;
  folder_.write("data_batch_1_first4000.bin", records);
  EXPECT_EQ(error_of(request),
            file + ": record 3: label 10 is out of range; there are 10 classes, 0 to 9 (records count from 0)");
}

TEST_F(Cifar10, RefusesAPartOfTheFiles) {
  fs::create_directories(folder_.file("cifar-10-batches-bin"));
  const std::string folder = folder_.file("cifar-10-batches-bin").string();
  const DatasetRequest request{.name = "cifar10", .data_dir = folder_.path()};
  folder_.write("cifar-10-batches-bin/data_batch_2.bin", cifar_records(10));
  EXPECT_EQ(error_of(request), folder + ": holds a part of CIFAR-10 only: data_batch_1.bin is absent");
  for (const char* name : {"data_batch_1", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"})
    folder_.write(fmt::format("cifar-10-batches-bin/{}.bin", name), cifar_records(10));
  EXPECT_EQ(error_of(request), folder + "/data_batch_1.bin: holds 10 records; the published file holds 10000");
}

TEST_F(Cifar10, RealFiles) {
  if (!fs::exists(test_data("cifar10"))) GTEST_SKIP() << "no CIFAR-10 in " << test_data("cifar10");
  const auto dataset = load_dataset({.name = "cifar10", .data_dir = test_data("cifar10")});
  EXPECT_EQ(dataset->train.rows() + dataset->validation.rows(), 12'000);
  EXPECT_EQ(dataset->test.rows(), 5'000);
  EXPECT_EQ(dataset->fingerprint.source, "CIFAR-10 (JPEG copy), 12000 training rows");
}

}  // namespace
}  // namespace lathe::data
