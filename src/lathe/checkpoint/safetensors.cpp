#include "lathe/checkpoint/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <set>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/json.h"

// The format: https://github.com/huggingface/safetensors (README, section "Format").
namespace lathe::checkpoint {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kMaximumHeader = 100'000'000;
constexpr std::size_t kAlignment = 8;
constexpr int kMaximumDepth = 3;                      // the header, a tensor, its shape
constexpr std::uint64_t kMaximumExtent = 1ull << 48;  // of all dimensions together

struct DtypeSize {
  const char* name;
  std::uint64_t bytes;
};
constexpr DtypeSize kDtypes[] = {{"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1},
                                 {"U16", 2},  {"I16", 2}, {"F16", 2}, {"BF16", 2},    {"U32", 4},
                                 {"I32", 4},  {"F32", 4}, {"U64", 8}, {"I64", 8},     {"F64", 8}};

std::optional<std::uint64_t> dtype_bytes(const std::string& dtype) {
  for (const DtypeSize& known : kDtypes)
    if (dtype == known.name) return known.bytes;
  return std::nullopt;
}

std::uint64_t read_length(std::span<const std::byte> bytes) {
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) length |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
  return length;
}

// Holds a tensor's entry of the header.
struct Entry {
  std::string name, dtype;
  Shape shape;
  std::uint64_t begin = 0, end = 0;
};

class Parser {
 public:
  Parser(std::span<const std::byte> bytes, const std::string& path) : bytes_(bytes), path_(path) {}

  SafetensorsFile parse() {
    const std::uint64_t length = header_length();
    read_header(bytes_.subspan(kLengthBytes, length));
    data_ = bytes_.subspan(kLengthBytes + length);
    std::stable_sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
      return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
    });
    check_layout();
    for (const Entry& entry : entries_) file_.tensors.push_back(tensor_of(entry));
    return std::move(file_);
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw DataError(path_, "not a valid safetensors file: " + message);
  }

  std::uint64_t header_length() const {
    if (bytes_.size() < kLengthBytes) fail(fmt::format("{} bytes are too few for the header's length", bytes_.size()));
    const std::uint64_t length = read_length(bytes_);
    if (length > kMaximumHeader)
      fail(fmt::format("the header's length is {} bytes, at most {} are allowed", length, kMaximumHeader));
    if (length > bytes_.size() - kLengthBytes)
      fail(fmt::format("the header needs {} bytes, the file ends after {} (truncated?)", length,
                       bytes_.size() - kLengthBytes));
    return length;
  }

  void read_header(std::span<const std::byte> header) {
    const Json json = parse_json(header);
    if (!json.is_object()) fail("the header is not a JSON object");
    for (const auto& [name, value] : json.items()) {
      if (name == "__metadata__")
        read_metadata(value);
      else
        entries_.push_back(read_entry(name, value));
    }
  }

  Json parse_json(std::span<const std::byte> header) const {
    std::set<std::string> names;
    const auto refuse_repeated = [&](int depth, Json::parse_event_t event, Json& parsed) {
      const bool opens = event == Json::parse_event_t::array_start || event == Json::parse_event_t::object_start;
      if (opens && depth >= kMaximumDepth) fail(fmt::format("the header is more than {} levels deep", kMaximumDepth));
      if (event == Json::parse_event_t::key && depth == 1 && !names.insert(parsed.get<std::string>()).second)
        fail(fmt::format("tensor {} is described twice", parsed.get<std::string>()));
      return true;
    };
    const auto* text = reinterpret_cast<const char*>(header.data());
    const std::string broken = json_limit_broken({text, header.size()});
    if (!broken.empty()) fail(fmt::format("the header is beyond the limits ({})", broken));
    try {
      return Json::parse(text, text + header.size(), refuse_repeated);
    } catch (const Json::exception& error) {
      fail(fmt::format("the header is not JSON ({})", error.what()));
    }
  }

  void read_metadata(const Json& json) {
    if (!json.is_object()) fail("__metadata__ is not an object");
    for (const auto& [name, value] : json.items()) {
      if (!value.is_string()) fail(fmt::format("__metadata__ entry {} is not a string", name));
      file_.metadata[name] = value.get<std::string>();
    }
  }

  Entry read_entry(const std::string& name, const Json& json) const {
    Entry entry;
    entry.name = name;
    const Json& dtype = member(name, json, "dtype");
    if (!dtype.is_string()) fail(fmt::format("tensor {}: dtype is not a string", name));
    entry.dtype = dtype.get<std::string>();
    for (const Json& extent : list(name, json, "shape")) {
      const std::uint64_t value = number(name, extent, "shape");
      if (value > std::uint64_t{std::numeric_limits<std::int64_t>::max()})
        fail(fmt::format("tensor {}: extent {} is impossible", name, value));
      entry.shape.push_back(static_cast<std::int64_t>(value));
    }
    const Json& offsets = list(name, json, "data_offsets");
    if (offsets.size() != 2) fail(fmt::format("tensor {}: data_offsets must hold two numbers", name));
    entry.begin = number(name, offsets[0], "data_offsets");
    entry.end = number(name, offsets[1], "data_offsets");
    return entry;
  }

  const Json& member(const std::string& name, const Json& json, const char* key) const {
    if (!json.is_object()) fail(fmt::format("tensor {} is not described by an object", name));
    const auto found = json.find(key);
    if (found == json.end()) fail(fmt::format("tensor {}: {} is missing", name, key));
    return *found;
  }

  const Json& list(const std::string& name, const Json& json, const char* key) const {
    const Json& value = member(name, json, key);
    if (!value.is_array()) fail(fmt::format("tensor {}: {} is not a list", name, key));
    return value;
  }

  std::uint64_t number(const std::string& name, const Json& value, const char* key) const {
    if (!value.is_number_unsigned()) fail(fmt::format("tensor {}: {} must hold whole numbers from 0", name, key));
    return value.get<std::uint64_t>();
  }

  std::uint64_t size_of(const Entry& entry) const {
    const auto element = dtype_bytes(entry.dtype);
    if (!element) fail(fmt::format("tensor {}: unknown dtype {}", entry.name, entry.dtype));
    std::uint64_t count = 1;
    bool empty = false;
    for (const std::int64_t extent : entry.shape) {
      empty = empty || extent == 0;
      if (extent > 0 && count > kMaximumExtent / static_cast<std::uint64_t>(extent))
        fail(fmt::format("tensor {}: shape {} is impossible", entry.name, to_string(entry.shape)));
      if (extent > 0) count *= static_cast<std::uint64_t>(extent);
    }
    return empty ? 0 : *element * count;
  }

  // Checks that the tensors cover the data from the first byte to the last, without gaps or overlap.
  void check_layout() const {
    std::uint64_t covered = 0;
    for (const Entry& entry : entries_) {
      const std::uint64_t size = size_of(entry);
      if (entry.begin != covered || entry.end < entry.begin)
        fail(fmt::format("tensor {}: data_offsets [{}, {}] leave a gap or overlap (expected to begin at {})",
                         entry.name, entry.begin, entry.end, covered));
      if (entry.end - entry.begin != size)
        fail(fmt::format("tensor {}: {} bytes of data, {} of shape {} need {}", entry.name, entry.end - entry.begin,
                         entry.dtype, to_string(entry.shape), size));
      if (entry.end > data_.size())
        fail(fmt::format("tensor {}: the data end at byte {}, the file holds {} (truncated?)", entry.name, entry.end,
                         data_.size()));
      covered = entry.end;
    }
    if (covered != data_.size())
      fail(fmt::format("{} bytes behind the last tensor belong to none", data_.size() - covered));
  }

  StoredTensor tensor_of(const Entry& entry) const {
    const auto part = data_.subspan(entry.begin, entry.end - entry.begin);
    return {entry.name, entry.dtype, entry.shape, std::vector<std::byte>(part.begin(), part.end())};
  }

  std::span<const std::byte> bytes_, data_;
  const std::string& path_;
  std::vector<Entry> entries_;
  SafetensorsFile file_;
};

// Orders the tensors by falling element size, so that each one is aligned to its elements.
std::vector<const StoredTensor*> data_order(const SafetensorsFile& file) {
  std::vector<const StoredTensor*> order;
  for (const StoredTensor& tensor : file.tensors) order.push_back(&tensor);
  std::stable_sort(order.begin(), order.end(), [](const StoredTensor* a, const StoredTensor* b) {
    return dtype_bytes(a->dtype).value_or(0) > dtype_bytes(b->dtype).value_or(0);
  });
  return order;
}

std::string header_text(const SafetensorsFile& file, const std::vector<const StoredTensor*>& order) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!file.metadata.empty()) {
    header["__metadata__"] = nlohmann::ordered_json::object();
    for (const auto& [name, value] : file.metadata) header["__metadata__"][name] = value;
  }
  std::uint64_t offset = 0;
  for (const StoredTensor* tensor : order) {
    const std::uint64_t end = offset + tensor->bytes.size();
    header[tensor->name] = {{"dtype", tensor->dtype}, {"shape", tensor->shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  return text;
}

}  // namespace

bool looks_like_safetensors(std::span<const std::byte> bytes) {
  if (bytes.size() <= kLengthBytes || bytes[kLengthBytes] != std::byte{'{'}) return false;
  const std::uint64_t length = read_length(bytes);
  return length >= 2 && length <= kMaximumHeader;
}

SafetensorsFile parse_safetensors(std::span<const std::byte> bytes, const std::string& path) {
  return Parser(bytes, path).parse();
}

void write_safetensors(const std::filesystem::path& path, const SafetensorsFile& file) {
  const auto order = data_order(file);
  const std::string header = header_text(file, order);
  std::array<std::byte, kLengthBytes> length;
  for (std::size_t i = 0; i < kLengthBytes; ++i)
    length[i] = static_cast<std::byte>(std::uint64_t{header.size()} >> (8 * i));
  std::vector<std::span<const std::byte>> parts = {length, std::as_bytes(std::span(header))};
  for (const StoredTensor* tensor : order) parts.emplace_back(tensor->bytes);
  write_file_atomically(path, parts);
}

}  // namespace lathe::checkpoint
