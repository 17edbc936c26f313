#include "lathe/checkpoint/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/random.h"

namespace lathe::checkpoint {
namespace {

std::vector<std::byte> file_of(const std::string& header, std::size_t data_bytes) {
  std::vector<std::byte> bytes(8 + header.size() + data_bytes);
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::byte>(std::uint64_t{header.size()} >> (8 * i));
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  return bytes;
}

std::string message_of(const std::vector<std::byte>& bytes) {
  try {
    parse_safetensors(bytes, "m.safetensors");
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

std::string message_of(const std::string& header, std::size_t data_bytes) {
  return message_of(file_of(header, data_bytes));
}

std::filesystem::path temporary(const char* name) { return std::filesystem::path(::testing::TempDir()) / name; }

SafetensorsFile two_tensors() {
  SafetensorsFile file;
  file.tensors.push_back({"a", "F32", {3}, std::vector<std::byte>(12, std::byte{1})});
  file.tensors.push_back({"counter", "I64", {}, std::vector<std::byte>(8, std::byte{2})});
  file.metadata = {{"key", "text with \"quotes\" and \n"}};
  return file;
}

TEST(Safetensors, ReadsBackWhatItWrote) {
  const auto path = temporary("lathe_round_trip.safetensors");
  write_safetensors(path, two_tensors());
  const auto bytes = read_file(path);
  EXPECT_TRUE(looks_like_safetensors(bytes));
  const SafetensorsFile file = parse_safetensors(bytes, path.string());
  ASSERT_EQ(file.tensors.size(), 2u);
  EXPECT_EQ(file.tensors[0].name, "counter");  // larger elements first, so that all are aligned
  EXPECT_EQ(file.tensors[0].shape, Shape{});
  EXPECT_EQ(file.tensors[1].name, "a");
  EXPECT_EQ(file.tensors[1].shape, Shape{3});
  EXPECT_EQ(file.tensors[1].bytes, two_tensors().tensors[0].bytes);
  EXPECT_EQ(file.metadata, two_tensors().metadata);
  EXPECT_EQ((bytes.size() - 20) % 8, 0u);
  std::filesystem::remove(path);
}

TEST(Safetensors, ReadsTheExampleOfTheSpecification) {
  const std::string header =
      R"({"TEST":{"dtype":"F16","shape":[1,16,256],"data_offsets":[0,8192]},"__metadata__":{"format":"pt"}})";
  const SafetensorsFile file = parse_safetensors(file_of(header, 8192), "m");
  EXPECT_EQ(file.tensors.at(0).shape, (Shape{1, 16, 256}));
  EXPECT_EQ(file.metadata.at("format"), "pt");
}

TEST(Safetensors, ReadsAnEmptyTensorAndAnEmptyFile) {
  EXPECT_TRUE(parse_safetensors(file_of("{}", 0), "m").tensors.empty());
  EXPECT_EQ(message_of(R"({"a":{"dtype":"F32","shape":[0,4],"data_offsets":[0,0]}})", 0), "");
}

TEST(Safetensors, SaysWhatIsWrong) {
  const std::string start = "m.safetensors: not a valid safetensors file: ";
  EXPECT_EQ(message_of(std::vector<std::byte>(3)), start + "3 bytes are too few for the header's length");
  std::vector<std::byte> huge = file_of("{}", 0);
  huge[7] = std::byte{0x7f};
  EXPECT_EQ(message_of(huge),
            start + "the header's length is 9151314442816847874 bytes, at most 100000000 are allowed");
  std::vector<std::byte> cut = file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4);
  cut.resize(20);
  EXPECT_EQ(message_of(cut), start + "the header needs 54 bytes, the file ends after 12 (truncated?)");
  EXPECT_EQ(message_of("[]", 0), start + "the header is not a JSON object");
  EXPECT_EQ(message_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4),
            start + "tensor a: the data end at byte 8, the file holds 4 (truncated?)");
  EXPECT_EQ(message_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4),
            start + "tensor a: 4 bytes of data, F32 of shape [2] need 8");
  EXPECT_EQ(message_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8),
            start + "tensor a: data_offsets [4, 8] leave a gap or overlap (expected to begin at 0)");
  EXPECT_EQ(message_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 8),
            start + "4 bytes behind the last tensor belong to none");
  EXPECT_EQ(message_of(R"({"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}})", 4),
            start + "tensor a: unknown dtype F99");
  EXPECT_EQ(message_of(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4),
            start + "tensor a: shape must hold whole numbers from 0");
  EXPECT_EQ(message_of(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,4]}})", 4),
            start + "tensor a: shape [4294967296, 4294967296, 4294967296] is impossible");
  EXPECT_EQ(message_of(R"({"a":{"dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}})", 0),
            start + "tensor a: shape [0, 4294967296, 4294967296] is impossible");
  EXPECT_EQ(message_of(R"({"a":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}})", 4),
            start + "the header is more than 3 levels deep");
  EXPECT_EQ(message_of(R"({"a":{"shape":[1],"data_offsets":[0,4]}})", 4), start + "tensor a: dtype is missing");
  EXPECT_EQ(message_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4),
            start + "tensor a: data_offsets must hold two numbers");
  EXPECT_EQ(message_of(R"({"a":1})", 4), start + "tensor a is not described by an object");
  EXPECT_EQ(message_of(R"({"__metadata__":{"a":1}})", 0), start + "__metadata__ entry a is not a string");
  EXPECT_EQ(message_of(R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},)"
                       R"("a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})",
                       0),
            start + "tensor a is described twice");
}

TEST(Safetensors, SurvivesRandomDamage) {
  const auto path = temporary("lathe_damage.safetensors");
  write_safetensors(path, two_tensors());
  const std::vector<std::byte> good = read_file(path);
  RandomStream random(1, {}, "damage");
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::byte> bytes = good;
    for (std::uint64_t change = 0; change <= random.below(4); ++change)
      bytes[random.below(bytes.size())] = static_cast<std::byte>(random.below(256));
    if (random.below(4) == 0) bytes.resize(random.below(bytes.size()));
    try {
      parse_safetensors(bytes, "damaged");
    } catch (const DataError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 10000);
  std::filesystem::remove(path);
}

TEST(Safetensors, RefusesDeepNestingWithoutRecursion) {
  EXPECT_NE(message_of(std::string(1'000'000, '['), 0), "");
  EXPECT_NE(message_of("{\"a\":" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}", 0), "");
}

}  // namespace
}  // namespace lathe::checkpoint
