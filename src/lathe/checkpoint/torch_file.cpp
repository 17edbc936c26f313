#include "lathe/checkpoint/torch_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>
#include <string_view>

#include "lathe/base/error.h"
#include "lathe/checkpoint/file_kind.h"
#include "lathe/checkpoint/pickle.h"
#include "lathe/data/zip_file.h"

namespace lathe::checkpoint {
namespace {

constexpr std::string_view kTensor = "torch._utils._rebuild_tensor_v2";
constexpr std::string_view kParameter = "torch._utils._rebuild_parameter";
/// Calls that are taken; torch.Size and Counter occur in Lightning's settings and are not looked at.
constexpr std::string_view kCallable[] = {kTensor, kParameter, "torch.Size", "collections.Counter"};
constexpr std::size_t kMostDimensions = 64;
constexpr std::uint64_t kMostTensors = 1u << 20;

struct StorageType {
  std::string_view name;
  const char* dtype;
  std::size_t bytes;
};
constexpr StorageType kStorageTypes[] = {{"torch.DoubleStorage", "F64", 8}, {"torch.FloatStorage", "F32", 4},
                                         {"torch.HalfStorage", "F16", 2},   {"torch.BFloat16Storage", "BF16", 2},
                                         {"torch.LongStorage", "I64", 8},   {"torch.IntStorage", "I32", 4},
                                         {"torch.ShortStorage", "I16", 2},  {"torch.CharStorage", "I8", 1},
                                         {"torch.ByteStorage", "U8", 1},    {"torch.BoolStorage", "BOOL", 1}};

/// Holds the values that tensors are views of.
struct Storage {
  const StorageType* type;
  const std::vector<std::byte>* bytes;
  std::int64_t count() const { return static_cast<std::int64_t>(bytes->size() / type->bytes); }
};

/// Holds where the values of a tensor stand in its storage.
struct View {
  std::int64_t offset = 0;
  Shape shape, strides;
};

/// Multiplies and adds, nullopt beyond 64 bits.
std::optional<std::int64_t> multiply_add(std::int64_t a, std::int64_t b, std::int64_t c) {
  std::int64_t product = 0, sum = 0;
  if (__builtin_mul_overflow(a, b, &product) || __builtin_add_overflow(product, c, &sum)) return std::nullopt;
  return sum;
}

class Reader {
 public:
  Reader(const TorchMembers& members, const std::string& path) : members_(members), path_(path) {
    for (const auto& [name, bytes] : members) file_bytes_ += bytes.size();
    const auto order = members.find("byteorder");
    swapped_ = order != members.end() && text_of(order->second) == "big";
  }

  std::vector<StoredTensor> read() {
    pickle_ = parse();
    const PickleValue& dict = state_dict();
    std::vector<StoredTensor> tensors;
    for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
      const PickleValue& name = pickle_[dict.items[i]];
      const PickleValue* call = tensor_call(pickle_[dict.items[i + 1]]);
      if (name.kind != PickleKind::kText || call == nullptr) continue;
      if (!names_.insert(name.text).second) fail(name.text, "is described twice");
      tensors.push_back(tensor_of(name.text, *call));
    }
    if (tensors.empty()) throw DataError(path_, "a PyTorch file without tensors in its state dict");
    return without_prefix(std::move(tensors));
  }

 private:
  static std::string_view text_of(const std::vector<std::byte>& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  [[noreturn]] void fail(const std::string& tensor, const std::string& message) const {
    throw DataError(path_, fmt::format("tensor {}: {}", printable(tensor), message));
  }

  Pickle parse() const {
    const auto found = members_.find("data.pkl");
    if (found == members_.end()) throw DataError(path_, "a zip file without a data.pkl: not written by torch.save");
    try {
      return parse_pickle(found->second, kCallable, path_ + " (data.pkl)");
    } catch (const UnsupportedError& error) {
      throw DataError(path_, fmt::format("holds an object of {}, which lathe does not build: it reads tensors, dicts, "
                                         "lists, texts and numbers only; convert it with: {}",
                                         error.what(), conversion_command(path_)));
    }
  }

  const PickleValue& state_dict() const {
    const PickleValue& root = pickle_[pickle_.root];
    if (root.kind != PickleKind::kDict) throw DataError(path_, "a PyTorch file that holds no dict of tensors");
    for (const char* key : {"state_dict", "model_state_dict", "model"}) {
      const PickleValue* inner = pickle_.find(root, key);
      if (inner != nullptr && inner->kind == PickleKind::kDict) return *inner;
    }
    return root;
  }

  /// Returns the call that makes a tensor, or the tensor of a parameter; null for other values.
  const PickleValue* tensor_call(const PickleValue& value) const {
    if (value.kind != PickleKind::kCall) return nullptr;
    if (value.text == kTensor) return &value;
    if (value.text != kParameter || value.items.empty()) return nullptr;
    const PickleValue& inner = pickle_[value.items[0]];
    return inner.kind == PickleKind::kCall && inner.text == kTensor ? &inner : nullptr;
  }

  /// A call is (storage, offset, shape, strides, ...).
  StoredTensor tensor_of(const std::string& name, const PickleValue& call) {
    if (call.items.size() < 4) fail(name, "is described by too few values");
    const Storage storage = storage_of(name, pickle_[call.items[0]]);
    const View view{whole_number(name, pickle_[call.items[1]]), whole_numbers(name, pickle_[call.items[2]]),
                    whole_numbers(name, pickle_[call.items[3]])};
    const std::int64_t count = checked_count(name, view, storage);
    read_bytes_ += static_cast<std::uint64_t>(count) * storage.type->bytes;
    if (read_bytes_ > kMostCopies * file_bytes_ || ++tensors_ > kMostTensors)
      fail(name, fmt::format("the tensors hold more than {} times the file", kMostCopies));
    StoredTensor tensor{name, storage.type->dtype, view.shape, gather(view, storage, static_cast<std::size_t>(count))};
    if (count > 0) {
      const auto [first, is_new] = first_at_.try_emplace({storage.bytes, view.offset}, name);
      if (!is_new) tensor.tied_to = first->second;
    }
    return tensor;
  }

  std::int64_t whole_number(const std::string& tensor, const PickleValue& value) const {
    if (value.kind != PickleKind::kInteger || value.integer < 0) fail(tensor, "a size that is no whole number from 0");
    return value.integer;
  }
  Shape whole_numbers(const std::string& tensor, const PickleValue& value) const {
    if (value.kind == PickleKind::kCall && value.text == "torch.Size" && value.items.size() == 1)
      return plain_numbers(tensor, pickle_[value.items[0]]);
    return plain_numbers(tensor, value);
  }
  Shape plain_numbers(const std::string& tensor, const PickleValue& value) const {
    const bool is_list = value.kind == PickleKind::kTuple || value.kind == PickleKind::kList;
    if (!is_list || value.items.size() > kMostDimensions) fail(tensor, "a shape that is no list of sizes");
    Shape numbers;
    for (const std::uint32_t item : value.items) numbers.push_back(whole_number(tensor, pickle_[item]));
    return numbers;
  }

  /// A storage is known as ("storage", class, key, place, number of values).
  Storage storage_of(const std::string& tensor, const PickleValue& value) const {
    if (value.kind != PickleKind::kPersistent) fail(tensor, "has no storage");
    const PickleValue& id = pickle_[value.items[0]];
    if (id.kind != PickleKind::kTuple || id.items.size() < 5 || pickle_[id.items[0]].text != "storage" ||
        pickle_[id.items[1]].kind != PickleKind::kClass || pickle_[id.items[2]].kind != PickleKind::kText)
      fail(tensor, "its storage is not described as torch.save does");
    const StorageType& type = storage_type(tensor, pickle_[id.items[1]].text);
    const std::string& key = pickle_[id.items[2]].text;
    const auto found = members_.find("data/" + key);
    if (found == members_.end()) fail(tensor, fmt::format("data/{} is missing", printable(key)));
    const std::int64_t count = whole_number(tensor, pickle_[id.items[4]]);
    if (multiply_add(count, static_cast<std::int64_t>(type.bytes), 0) !=
        static_cast<std::int64_t>(found->second.size()))
      fail(tensor, fmt::format("data/{} holds {} bytes, not {} values of {}", printable(key), found->second.size(),
                               count, type.dtype));
    return {&type, &found->second};
  }
  const StorageType& storage_type(const std::string& tensor, const std::string& name) const {
    for (const StorageType& type : kStorageTypes)
      if (name == type.name) return type;
    fail(tensor, fmt::format("is of {}, which lathe does not read", printable(name)));
  }

  /// Returns the number of values, after checking that each one stands in the storage and none is there for several.
  std::int64_t checked_count(const std::string& name, const View& view, const Storage& storage) const {
    if (view.shape.size() != view.strides.size()) fail(name, "has another number of strides than of sizes");
    const bool empty = std::find(view.shape.begin(), view.shape.end(), 0) != view.shape.end();
    std::optional<std::int64_t> count = 1, last = view.offset;
    for (std::size_t i = 0; i < view.shape.size() && count && last; ++i) {
      if (view.shape[i] == 0) continue;
      count = multiply_add(*count, view.shape[i], 0);
      last = multiply_add(view.shape[i] - 1, view.strides[i], *last);
    }
    if (empty && count && last) return 0;
    if (!count || !last || *last >= storage.count())
      fail(name, fmt::format("shape {} reaches beyond its {} values", to_string(view.shape), storage.count()));
    if (*count > storage.count()) fail(name, "repeats the values of its storage (expand), which lathe does not read");
    return *count;
  }

  std::vector<std::byte> gather(const View& view, const Storage& storage, std::size_t count) const {
    const std::size_t size = storage.type->bytes;
    std::vector<std::byte> bytes(count * size);
    Shape place(view.shape.size()), strides = view.strides;
    for (std::size_t d = 0; d < strides.size(); ++d)
      if (view.shape[d] == 1) strides[d] = 0;  // never used, and of any size
    std::int64_t at = view.offset;
    for (std::size_t i = 0; i < count; ++i) {
      std::memcpy(bytes.data() + i * size, storage.bytes->data() + static_cast<std::size_t>(at) * size, size);
      if (swapped_) std::reverse(bytes.data() + i * size, bytes.data() + (i + 1) * size);
      for (std::size_t d = place.size(); d-- > 0;) {  // the next place, row-major
        at += strides[d];
        if (++place[d] < view.shape[d]) break;
        at -= strides[d] * view.shape[d];
        place[d] = 0;
      }
    }
    return bytes;
  }

  std::vector<StoredTensor> without_prefix(std::vector<StoredTensor> tensors) const {
    constexpr std::string_view kPrefix = "model.";
    const auto prefixed = [&](const StoredTensor& tensor) { return tensor.name.starts_with(kPrefix); };
    const bool lightning = pickle_.find(pickle_[pickle_.root], "pytorch-lightning_version") != nullptr;
    const bool all = std::all_of(tensors.begin(), tensors.end(), prefixed);
    if (!all && !(lightning && std::any_of(tensors.begin(), tensors.end(), prefixed))) return tensors;
    std::erase_if(tensors, [&](const StoredTensor& tensor) { return !prefixed(tensor); });
    for (StoredTensor& tensor : tensors) {
      tensor.name.erase(0, kPrefix.size());
      if (tensor.tied_to.starts_with(kPrefix)) tensor.tied_to.erase(0, kPrefix.size());
    }
    return tensors;
  }

  const TorchMembers& members_;
  const std::string& path_;
  Pickle pickle_;
  bool swapped_ = false;
  std::uint64_t file_bytes_ = 0, read_bytes_ = 0, tensors_ = 0;
  std::set<std::string_view> names_;
  std::map<std::pair<const void*, std::int64_t>, std::string> first_at_;  // by storage and offset
};

/// Returns the folder of data.pkl with its slash: what torch.save names after the file.
std::string root_folder(const data::ZipFile& zip) {
  constexpr std::string_view kPickle = "/data.pkl";
  for (std::size_t i = 0; i < zip.size(); ++i)
    if (const std::string name = zip.name(i); name.ends_with(kPickle))
      return name.substr(0, name.size() - kPickle.size() + 1);
  return "";
}

}  // namespace

std::vector<StoredTensor> read_torch_members(const TorchMembers& members, const std::string& path) {
  return Reader(members, path).read();
}

std::vector<StoredTensor> read_torch_file(std::span<const std::byte> bytes, const std::string& path) {
  const data::ZipFile zip(bytes, path);
  const std::string root = root_folder(zip);
  TorchMembers members;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < zip.size(); ++i) {
    const std::string name = zip.name(i);
    if (!name.starts_with(root) || name.ends_with('/')) continue;
    if (!zip.is_stored(i))
      throw DataError(path, fmt::format("{} is compressed, which torch.save never does", printable(name)));
    std::vector<std::byte>& member = members[name.substr(root.size())];
    member = zip.read(i);
    total += member.size();
    if (total > bytes.size()) throw DataError(path, "is damaged: its members overlap");
  }
  return read_torch_members(members, path);
}

}  // namespace lathe::checkpoint
