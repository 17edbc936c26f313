#include "lathe/checkpoint/file_kind.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "lathe/checkpoint/safetensors.h"

namespace lathe::checkpoint {
namespace {

std::string_view text_view(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool starts_with(std::span<const std::byte> bytes, std::string_view magic) {
  return text_view(bytes).substr(0, magic.size()) == magic;
}

// TorchScript archives hold code/ and constants.pkl; torch.save's hold data.pkl alone.
bool holds_torch_script(std::span<const std::byte> bytes) {
  const std::string_view text = text_view(bytes);
  return text.find("/constants.pkl") != std::string_view::npos && text.find("/code/") != std::string_view::npos;
}

// Protocol 2 and later begin with the opcode PROTO and the protocol's number.
bool is_pickle(std::span<const std::byte> bytes) {
  return bytes.size() > 2 && bytes[0] == std::byte{0x80} && bytes[1] >= std::byte{2} && bytes[1] <= std::byte{5};
}

bool is_tar(std::span<const std::byte> bytes) {
  constexpr std::size_t kMagicOffset = 257;
  return bytes.size() > kMagicOffset + 5 && text_view(bytes).substr(kMagicOffset, 5) == "ustar";
}

// An ONNX file is a protocol buffer whose first fields are ir_version (field 1, a small number) and, mostly, the
// producer's name (field 2, a text) or the opset (field 8).
bool is_onnx(std::span<const std::byte> bytes) {
  if (bytes.size() < 4 || bytes[0] != std::byte{0x08} || bytes[1] == std::byte{0} || bytes[1] > std::byte{0x20})
    return false;
  return bytes[2] == std::byte{0x12} || bytes[2] == std::byte{0x3a} || bytes[2] == std::byte{0x42};
}

// Quotes a path for a shell where it needs it.
std::string quoted(const std::filesystem::path& path) {
  const std::string text = path.string();
  if (text.find_first_of(" \t'\"$&;()*?[]<>|\\`#~!{}") == std::string::npos) return text;
  std::string quoted_text = "'";
  for (const char letter : text) quoted_text += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
  return quoted_text + "'";
}

// Finds the converter: installed beside the program, else in the source tree.
std::filesystem::path converter() {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  const fs::path installed = program.parent_path().parent_path() / LATHE_INSTALLED_SCRIPTS / "convert_checkpoint.py";
  if (!program.empty() && fs::exists(installed, ignored)) return installed;
  return fs::path(LATHE_SOURCE_SCRIPTS) / "convert_checkpoint.py";
}

std::string with_command(const char* what, const std::filesystem::path& path) {
  return fmt::format("{}, which lathe does not read; convert it with: {}", what, conversion_command(path));
}

}  // namespace

FileKind detect_file_kind(std::span<const std::byte> bytes) {
  using namespace std::string_view_literals;
  if (looks_like_safetensors(bytes)) return FileKind::kSafetensors;
  if (starts_with(bytes, "PK\x03\x04"sv))
    return holds_torch_script(bytes) ? FileKind::kTorchScript : FileKind::kTorchZip;
  if (starts_with(bytes, "\x89HDF\r\n\x1a\n"sv)) return FileKind::kHdf5;
  if (is_pickle(bytes)) return FileKind::kTorchLegacy;
  if (is_tar(bytes)) return FileKind::kTar;
  if (is_onnx(bytes)) return FileKind::kOnnx;
  return FileKind::kUnknown;
}

std::string conversion_command(const std::filesystem::path& path) {
  std::filesystem::path target = path;
  target.replace_extension(".safetensors");
  return fmt::format("python3 {} {} {}", quoted(converter()), quoted(path), quoted(target));
}

std::string conversion_advice(FileKind kind, const std::filesystem::path& path) {
  switch (kind) {
    case FileKind::kSafetensors:
    case FileKind::kTorchZip: return {};
    case FileKind::kTorchScript: return with_command("a TorchScript archive", path);
    case FileKind::kTorchLegacy: return with_command("a pickle (PyTorch's old checkpoint format)", path);
    case FileKind::kTar: return with_command("a tar archive (PyTorch's oldest checkpoint format)", path);
    case FileKind::kHdf5: return with_command("an HDF5 file (Keras?)", path);
    case FileKind::kOnnx: return with_command("an ONNX model", path);
    case FileKind::kUnknown: break;
  }
  return "not a model file that lathe knows (expected a safetensors file, or one of torch.save)";
}

}  // namespace lathe::checkpoint
