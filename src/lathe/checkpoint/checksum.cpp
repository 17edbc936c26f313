#include "lathe/checkpoint/checksum.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/error.h"
#include "lathe/base/hash.h"
#include "lathe/base/json.h"

namespace lathe::checkpoint {
namespace {

// Stored: do not change.
constexpr const char* kChecksumKey = "lathe.sha256";

// Texts are taken as the file's header holds them, where bytes that are no UTF-8 are replaced.
std::string stored_text(const std::string& text) { return dump_json(nlohmann::json(text)); }

std::string checksum_of(const SafetensorsFile& file) {
  Hasher hasher;
  for (const auto& [name, value] : file.metadata) {
    if (name == kChecksumKey) continue;
    hasher.add_text(stored_text(name));
    hasher.add_text(stored_text(value));
  }
  std::vector<const StoredTensor*> tensors;
  for (const StoredTensor& tensor : file.tensors) tensors.push_back(&tensor);
  std::sort(tensors.begin(), tensors.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  for (const StoredTensor* tensor : tensors) {
    hasher.add_text(fmt::format("{} {} {}", stored_text(tensor->name), tensor->dtype, to_string(tensor->shape)));
    hasher.add(tensor->bytes);
  }
  return hasher.finish().to_hex();
}

}  // namespace

void add_checksum(SafetensorsFile& file) { file.metadata[kChecksumKey] = checksum_of(file); }

bool check_checksum(const SafetensorsFile& file, const std::string& path) {
  const auto stored = file.metadata.find(kChecksumKey);
  if (stored == file.metadata.end()) return false;
  if (stored->second == checksum_of(file)) return true;
  throw DataError(
      path,
      "its content differs from its checksum: the file was damaged, or changed by another program (which must "
      "then remove lathe.sha256 from its metadata)");
}

}  // namespace lathe::checkpoint
