#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <onnx/onnx_pb.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <optional>
#include <span>
#include <system_error>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/onnx/document.h"

namespace lathe::onnx {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaximumBytes = std::numeric_limits<std::int32_t>::max();
constexpr int kMaximumDepth = 64;                  ///< of messages within messages
constexpr std::size_t kMaximumRank = 64;           ///< dimensions of a tensor
constexpr std::size_t kMaximumTexts = 10'000'000;  ///< names above all
constexpr std::size_t kBytesPerMessage = 8;        ///< fewer bytes a message on the average are no network

std::size_t element_bytes(ElementType type) {
  switch (type) {
    case ElementType::kUint8:
    case ElementType::kInt8:
    case ElementType::kBool: return 1;
    case ElementType::kUint16:
    case ElementType::kInt16:
    case ElementType::kFloat16:
    case ElementType::kBfloat16: return 2;
    case ElementType::kFloat:
    case ElementType::kInt32:
    case ElementType::kUint32: return 4;
    case ElementType::kInt64:
    case ElementType::kDouble:
    case ElementType::kUint64: return 8;
  }
  throw InternalError("unknown element type");
}

float half_value(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 31;
  const int mantissa = bits & 1023;
  const float sign = (bits & 0x8000) != 0 ? -1.0f : 1.0f;
  if (exponent == 31)
    return mantissa == 0 ? sign * std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), -24);
  return sign * std::ldexp(static_cast<float>(1024 + mantissa), exponent - 25);
}

float bfloat_value(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

template <typename Stored, typename Value, typename Convert>
void decode(const std::byte* bytes, std::vector<Value>& values, Convert convert) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, bytes + i * sizeof(Stored), sizeof(Stored));
    values[i] = convert(stored);
  }
}

template <typename Stored>
void decode_floats(const std::byte* bytes, std::vector<float>& values) {
  decode<Stored>(bytes, values, [](Stored stored) { return static_cast<float>(stored); });
}

template <typename Stored>
void decode_integers(const std::byte* bytes, std::vector<std::int64_t>& values) {
  decode<Stored>(bytes, values, [](Stored stored) { return static_cast<std::int64_t>(stored); });
}

/// Fills a tensor, whose lists have their sizes, from little-endian bytes.
void decode_raw(const std::byte* bytes, Tensor& tensor) {
  if (tensor.floats.empty() && tensor.integers.empty()) return;
  switch (tensor.type) {
    case ElementType::kFloat: std::memcpy(tensor.floats.data(), bytes, tensor.floats.size() * sizeof(float)); return;
    case ElementType::kDouble:
      std::memcpy(tensor.doubles.data(), bytes, tensor.doubles.size() * sizeof(double));
      return decode_floats<double>(bytes, tensor.floats);
    case ElementType::kFloat16: return decode<std::uint16_t>(bytes, tensor.floats, half_value);
    case ElementType::kBfloat16: return decode<std::uint16_t>(bytes, tensor.floats, bfloat_value);
    case ElementType::kUint8:
    case ElementType::kBool: return decode_integers<std::uint8_t>(bytes, tensor.integers);
    case ElementType::kInt8: return decode_integers<std::int8_t>(bytes, tensor.integers);
    case ElementType::kUint16: return decode_integers<std::uint16_t>(bytes, tensor.integers);
    case ElementType::kInt16: return decode_integers<std::int16_t>(bytes, tensor.integers);
    case ElementType::kInt32: return decode_integers<std::int32_t>(bytes, tensor.integers);
    case ElementType::kUint32: return decode_integers<std::uint32_t>(bytes, tensor.integers);
    case ElementType::kInt64: return decode_integers<std::int64_t>(bytes, tensor.integers);
    case ElementType::kUint64: return decode_integers<std::uint64_t>(bytes, tensor.integers);
  }
}

/// Counts the messages and the texts that a file holds, so that a file of empty ones is refused before protobuf makes
/// an object of each. Knows the fields of onnx.proto that hold messages.
class MessageCounter {
 public:
  explicit MessageCounter(std::span<const std::byte> bytes) : bytes_(bytes) { walk(Kind::kModel, 0, bytes_.size(), 0); }

  std::size_t messages() const { return messages_; }
  std::size_t texts() const { return texts_; }

 private:
  enum class Kind { kModel, kGraph, kNode, kAttribute, kOther };

  std::uint64_t varint(std::size_t& at, std::size_t end) const {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64 && at < end; shift += 7) {
      const auto byte = std::to_integer<std::uint64_t>(bytes_[at++]);
      value |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    return value;
  }

  /// Tells what message a field of a message holds; nullopt for strings and numbers.
  static std::optional<Kind> child(Kind kind, std::uint64_t field) {
    switch (kind) {
      case Kind::kModel:
        if (field == 7) return Kind::kGraph;
        return field == 8 || field == 14 || field == 20 || field == 25 ? std::optional(Kind::kOther) : std::nullopt;
      case Kind::kGraph:
        if (field == 1) return Kind::kNode;
        return field == 5 || (field >= 11 && field <= 15) ? std::optional(Kind::kOther) : std::nullopt;
      case Kind::kNode: return field == 5 ? std::optional(Kind::kAttribute) : std::nullopt;
      case Kind::kAttribute:
        if (field == 6 || field == 11) return Kind::kGraph;
        return field == 5 || field == 10 ? std::optional(Kind::kOther) : std::nullopt;
      case Kind::kOther: return std::nullopt;
    }
    return std::nullopt;
  }

  void walk(Kind kind, std::size_t at, std::size_t end, int depth) {
    while (at < end) {
      const std::uint64_t key = varint(at, end);
      switch (key & 7) {
        case 0: varint(at, end); break;
        case 1: at += 8; break;
        case 5: at += 4; break;
        case 2: {
          const std::uint64_t length = varint(at, end);
          if (length > end - at) return;
          if (const auto inner = child(kind, key >> 3)) {
            ++messages_;
            if (depth < kMaximumDepth) walk(*inner, at, at + length, depth + 1);
          } else {
            ++texts_;  // or packed numbers
          }
          at += length;
          break;
        }
        default: return;
      }
    }
  }

  std::span<const std::byte> bytes_;
  std::size_t messages_ = 0, texts_ = 0;
};

/// Turns protobuf's messages into a document.
class Converter {
 public:
  explicit Converter(fs::path path) : path_(std::move(path)) {}

  Document document(const ::onnx::ModelProto& model) const {
    if (!model.has_graph() || model.graph().node_size() == 0) fail("the file has no graph (no ONNX model?)");
    Document result;
    result.ir_version = model.ir_version();
    result.producer_name = model.producer_name();
    result.producer_version = model.producer_version();
    result.graph_name = model.graph().name();
    for (const auto& opset : model.opset_import())
      result.opsets[opset.domain() == "ai.onnx" ? "" : opset.domain()] = opset.version();
    for (const auto& entry : model.metadata_props()) result.metadata[entry.key()] = entry.value();
    if (model.functions_size() > 0) fail("functions of their own (ModelProto.functions) are not read");
    graph(model.graph(), result);
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& message) const { throw DataError(path_.string(), message); }

  void graph(const ::onnx::GraphProto& proto, Document& result) const {
    for (const auto& tensor_proto : proto.initializer()) result.initializers.push_back(tensor(tensor_proto));
    if (proto.sparse_initializer_size() > 0) fail("sparse initializers are not read");
    for (const auto& node_proto : proto.node()) result.nodes.push_back(node(node_proto));
    for (const auto& info : proto.input()) result.inputs.push_back(value_info(info));
    for (const auto& info : proto.output()) result.outputs.push_back(value_info(info));
  }

  ElementType element_type(int type, const std::string& name) const {
    if (type < 1 || type > 16 || type == 8 || type == 14 || type == 15)
      fail(fmt::format("{} has the element type {}, which is not read", name,
                       ::onnx::TensorProto::DataType_IsValid(type)
                           ? ::onnx::TensorProto::DataType_Name(static_cast<::onnx::TensorProto::DataType>(type))
                           : std::to_string(type)));
    return static_cast<ElementType>(type);
  }

  ValueInfo value_info(const ::onnx::ValueInfoProto& proto) const {
    ValueInfo info{.name = proto.name(), .shape = {}};
    if (!proto.type().has_tensor_type()) fail(fmt::format("{} is no tensor", proto.name()));
    const auto& type = proto.type().tensor_type();
    info.type = element_type(type.elem_type(), proto.name());
    for (const auto& dimension : type.shape().dim()) {
      const bool fixed = dimension.has_dim_value() && dimension.dim_value() > 0;
      info.shape.push_back(fixed ? dimension.dim_value() : -1);
      info.symbols.push_back(dimension.dim_param());
    }
    return info;
  }

  OnnxNode node(const ::onnx::NodeProto& proto) const {
    OnnxNode result;
    result.name = proto.name();
    result.op = proto.op_type();
    result.domain = proto.domain() == "ai.onnx" ? "" : proto.domain();
    result.inputs.assign(proto.input().begin(), proto.input().end());
    result.outputs.assign(proto.output().begin(), proto.output().end());
    for (const auto& attribute_proto : proto.attribute())
      result.attributes.push_back(attribute(result, attribute_proto));
    return result;
  }

  Attribute attribute(const OnnxNode& owner, const ::onnx::AttributeProto& proto) const {
    using Kind = ::onnx::AttributeProto;
    switch (proto.type()) {
      case Kind::INT: return {proto.name(), proto.i()};
      case Kind::FLOAT: return {proto.name(), proto.f()};
      case Kind::STRING: return {proto.name(), proto.s()};
      case Kind::INTS: return {proto.name(), std::vector<std::int64_t>(proto.ints().begin(), proto.ints().end())};
      case Kind::FLOATS: return {proto.name(), std::vector<float>(proto.floats().begin(), proto.floats().end())};
      case Kind::TENSOR: return {proto.name(), tensor(proto.t())};
      default: fail(fmt::format("{}: the attribute {} has a type that is not read", owner.label(), proto.name()));
    }
  }

  /// Multiplies the extents; refuses what no file could hold.
  std::size_t element_total(const Tensor& tensor) const {
    std::size_t count = 1;
    bool empty = false;
    if (tensor.shape.size() > kMaximumRank) fail(fmt::format("tensor {} has more than 64 dimensions", tensor.name));
    for (const std::int64_t extent : tensor.shape) {
      if (extent < 0) fail(fmt::format("tensor {}: the extent {} is impossible", tensor.name, extent));
      empty = empty || extent == 0;
      if (extent > 0 && count > (std::size_t{1} << 40) / static_cast<std::size_t>(extent))
        fail(fmt::format("tensor {}: the shape {} is impossible", tensor.name, to_string(tensor.shape)));
      if (extent > 0) count *= static_cast<std::size_t>(extent);
    }
    return empty ? 0 : count;
  }

  Tensor tensor(const ::onnx::TensorProto& proto) const {
    Tensor result;
    result.name = proto.name();
    result.type = element_type(proto.data_type(), proto.name().empty() ? "a tensor" : "tensor " + proto.name());
    result.shape.assign(proto.dims().begin(), proto.dims().end());
    const std::size_t count = element_total(result);
    if (proto.data_location() == ::onnx::TensorProto::EXTERNAL)
      read_external(proto, result, count);
    else if (proto.has_raw_data())
      read_raw(proto.raw_data().data(), proto.raw_data().size(), result, count);
    else
      read_typed(proto, result, count);
    check_range(result);
    return result;
  }

  void check_bytes(const Tensor& tensor, std::size_t count, std::size_t bytes) const {
    if (bytes != count * element_bytes(tensor.type))
      fail(fmt::format("tensor {} of shape {} needs {} bytes; the file has {}", tensor.name, to_string(tensor.shape),
                       count * element_bytes(tensor.type), bytes));
  }

  /// Checks the integers against their type: lists of protobuf hold more bits, and uint64 more than ours.
  void check_range(const Tensor& tensor) const {
    if (is_floating(tensor.type)) return;
    constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();
    constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();
    const bool whole = tensor.type == ElementType::kInt64 || tensor.type == ElementType::kUint64;
    const bool is_signed = tensor.type == ElementType::kInt8 || tensor.type == ElementType::kInt16 ||
                           tensor.type == ElementType::kInt32 || tensor.type == ElementType::kInt64;
    const int bits = static_cast<int>(8 * element_bytes(tensor.type)) - (is_signed ? 1 : 0);
    const std::int64_t high = whole ? kHighest : (std::int64_t{1} << bits) - 1;
    const std::int64_t low = !is_signed ? 0 : (whole ? kLowest : -high - 1);
    for (const std::int64_t value : tensor.integers)
      if (value < low || value > high)
        fail(fmt::format("tensor {} holds {}, which is no number of its type", tensor.name, value));
  }

  static void make_room(Tensor& tensor, std::size_t count) {
    if (is_floating(tensor.type))
      tensor.floats.resize(count);
    else
      tensor.integers.resize(count);
    if (tensor.type == ElementType::kDouble) tensor.doubles.resize(count);
  }

  void read_raw(const char* bytes, std::size_t size, Tensor& tensor, std::size_t count) const {
    check_bytes(tensor, count, size);
    make_room(tensor, count);
    decode_raw(reinterpret_cast<const std::byte*>(bytes), tensor);
  }

  template <typename Values>
  void check_values(const Tensor& tensor, std::size_t count, const Values& values) const {
    if (static_cast<std::size_t>(values.size()) != count)
      fail(fmt::format("tensor {} of shape {} needs {} values; the file has {}", tensor.name, to_string(tensor.shape),
                       count, values.size()));
  }

  template <typename Values>
  void take_integers(const Values& values, Tensor& tensor, std::size_t count) const {
    check_values(tensor, count, values);
    for (const auto value : values) tensor.integers.push_back(static_cast<std::int64_t>(value));
  }

  /// Reads the lists of protobuf (float_data, int64_data, ...), which small constants come in.
  void read_typed(const ::onnx::TensorProto& proto, Tensor& tensor, std::size_t count) const {
    switch (tensor.type) {
      case ElementType::kFloat:
        check_values(tensor, count, proto.float_data());
        tensor.floats.assign(proto.float_data().begin(), proto.float_data().end());
        return;
      case ElementType::kDouble:
        check_values(tensor, count, proto.double_data());
        tensor.doubles.assign(proto.double_data().begin(), proto.double_data().end());
        for (const double value : proto.double_data()) tensor.floats.push_back(static_cast<float>(value));
        return;
      case ElementType::kFloat16:
      case ElementType::kBfloat16:
        check_values(tensor, count, proto.int32_data());
        for (const std::int32_t bits : proto.int32_data())
          tensor.floats.push_back(tensor.type == ElementType::kFloat16
                                      ? half_value(static_cast<std::uint16_t>(bits))
                                      : bfloat_value(static_cast<std::uint16_t>(bits)));
        return;
      case ElementType::kInt64: return take_integers(proto.int64_data(), tensor, count);
      case ElementType::kUint32:
      case ElementType::kUint64: return take_integers(proto.uint64_data(), tensor, count);
      default: return take_integers(proto.int32_data(), tensor, count);
    }
  }

  std::size_t external_number(const Tensor& tensor, const std::string& key, const std::string& text) const {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
      fail(fmt::format("tensor {}: {} of its external data is \"{}\", no number", tensor.name, key, text));
    return value;
  }

  /// Returns the path of an external file: it must lie in the model's folder or below, also behind links.
  fs::path external_path(const Tensor& tensor, const std::string& location) const {
    std::error_code error;
    const fs::path folder = fs::weakly_canonical(path_.has_parent_path() ? path_.parent_path() : fs::path("."), error);
    const fs::path file = fs::weakly_canonical(folder / location, error);
    const fs::path relative = file.lexically_relative(folder);
    if (location.empty() || fs::path(location).is_absolute() || relative.empty() || *relative.begin() == "..")
      fail(fmt::format("tensor {}: its external file \"{}\" is not in the model's folder", tensor.name, location));
    if (!is_file(file)) fail(fmt::format("tensor {}: its external file {} is absent", tensor.name, file.string()));
    return file;
  }

  void read_external(const ::onnx::TensorProto& proto, Tensor& tensor, std::size_t count) const {
    std::string location;
    std::size_t offset = 0;
    const std::size_t needed = count * element_bytes(tensor.type);
    std::size_t length = needed;
    for (const auto& entry : proto.external_data()) {
      if (entry.key() == "location") location = entry.value();
      if (entry.key() == "offset") offset = external_number(tensor, "offset", entry.value());
      if (entry.key() == "length") length = external_number(tensor, "length", entry.value());
    }
    const fs::path file = external_path(tensor, location);
    check_bytes(tensor, count, length);
    const std::uint64_t size = size_of_file(file);
    if (offset > size || needed > size - offset)
      fail(fmt::format("tensor {}: {} has no {} bytes from byte {} on", tensor.name, file.string(), needed, offset));
    read_part(file, offset, needed, tensor, count);
  }

  void read_part(const fs::path& file, std::size_t offset, std::size_t size, Tensor& tensor, std::size_t count) const {
    std::ifstream stream(file, std::ios::binary);
    std::string bytes(size, '\0');
    stream.seekg(static_cast<std::streamoff>(offset));
    if (!stream.read(bytes.data(), static_cast<std::streamsize>(size)))
      fail(fmt::format("tensor {}: {} cannot be read", tensor.name, file.string()));
    read_raw(bytes.data(), size, tensor, count);
  }

  fs::path path_;
};

std::vector<std::byte> checked_bytes(const fs::path& path) {
  if (!is_file(path)) throw DataError(path.string(), "no such file");
  if (size_of_file(path) > kMaximumBytes)
    throw DataError(path.string(), "an ONNX file has at most 2 GiB (larger weights belong into external files)");
  std::vector<std::byte> bytes = read_file(path);
  const MessageCounter counter(bytes);
  if (counter.messages() > 1024 + bytes.size() / kBytesPerMessage)
    throw DataError(path.string(),
                    fmt::format("{} messages in {} bytes: no ONNX model", counter.messages(), bytes.size()));
  if (counter.texts() > kMaximumTexts)
    throw DataError(path.string(),
                    fmt::format("{} names and other texts; at most {} are read", counter.texts(), kMaximumTexts));
  return bytes;
}

}  // namespace

Document read_document(const fs::path& path) {
  const std::vector<std::byte> bytes = checked_bytes(path);
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                                static_cast<int>(bytes.size()));
  stream.SetTotalBytesLimit(static_cast<int>(kMaximumBytes));
  stream.SetRecursionLimit(kMaximumDepth);
  ::onnx::ModelProto model;
  if (!model.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage())
    throw DataError(path.string(), "no valid ONNX file (truncated?)");
  return Converter(path).document(model);
}

}  // namespace lathe::onnx
