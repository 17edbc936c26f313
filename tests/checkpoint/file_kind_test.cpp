#include "lathe/checkpoint/file_kind.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace lathe::checkpoint {
namespace {

using namespace std::string_literals;

FileKind kind_of(const std::string& content) {
  return detect_file_kind(std::as_bytes(std::span(content.data(), content.size())));
}

TEST(FileKind, IsToldFromTheContent) {
  EXPECT_EQ(kind_of("\x02\0\0\0\0\0\0\0{}"s), FileKind::kSafetensors);
  EXPECT_EQ(kind_of("PK\x03\x04....best/data.pkl"s), FileKind::kTorchZip);
  EXPECT_EQ(kind_of("PK\x03\x04..net/code/x..net/constants.pkl"s), FileKind::kTorchScript);
  EXPECT_EQ(kind_of("\x80\x02\x8a\nl\xfc\x9c\x46\xf9 "s), FileKind::kTorchLegacy);
  EXPECT_EQ(kind_of("\x89HDF\r\n\x1a\n..."s), FileKind::kHdf5);
  EXPECT_EQ(kind_of("\x08\x07\x12\x07pytorch"s), FileKind::kOnnx);
  EXPECT_EQ(kind_of(std::string(257, '\0') + "ustar\0"s), FileKind::kTar);
  EXPECT_EQ(kind_of("hello, world"), FileKind::kUnknown);
  EXPECT_EQ(kind_of(""), FileKind::kUnknown);
}

TEST(ConversionAdvice, NamesTheCommand) {
  EXPECT_EQ(conversion_advice(FileKind::kSafetensors, "x"), "");
  EXPECT_EQ(conversion_advice(FileKind::kTorchZip, "runs/best.ckpt"), "");
  EXPECT_EQ(conversion_advice(FileKind::kTorchScript, "runs/best.ckpt"),
            "a TorchScript archive, which lathe does not read; convert it with: "
            "python3 " LATHE_SOURCE_DIR "/scripts/convert_checkpoint.py runs/best.ckpt runs/best.safetensors");
  EXPECT_EQ(conversion_advice(FileKind::kTorchLegacy, "my net's.pt"),
            "a pickle (PyTorch's old checkpoint format), which lathe does not read; convert it with: "
            "python3 " LATHE_SOURCE_DIR "/scripts/convert_checkpoint.py 'my net'\\''s.pt' 'my net'\\''s.safetensors'");
  EXPECT_EQ(conversion_advice(FileKind::kUnknown, "x"),
            "not a model file that lathe knows (expected a safetensors file, or one of torch.save)");
}

}  // namespace
}  // namespace lathe::checkpoint
