#include "lathe/data/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <string_view>

#include "lathe/base/check.h"
#include "lathe/base/error.h"
#include "lathe/data/limits.h"

namespace lathe::data {
namespace {

static_assert(std::endian::native == std::endian::little, "arrays are copied as they lie in the file");

constexpr std::size_t kMostExtents = 64;  // numpy's limit
constexpr std::string_view kMagic = "\x93NUMPY";

struct TypeEntry {
  NpyType type;
  std::size_t size;
  const char* name;
};

const std::map<std::string, TypeEntry, std::less<>>& known_types() {
  static const std::map<std::string, TypeEntry, std::less<>> table = {
      {"|b1", {NpyType::kBool, 1, "bool"}},       {"|i1", {NpyType::kInt8, 1, "int8"}},
      {"<i2", {NpyType::kInt16, 2, "int16"}},     {"<i4", {NpyType::kInt32, 4, "int32"}},
      {"<i8", {NpyType::kInt64, 8, "int64"}},     {"|u1", {NpyType::kUint8, 1, "uint8"}},
      {"<u2", {NpyType::kUint16, 2, "uint16"}},   {"<u4", {NpyType::kUint32, 4, "uint32"}},
      {"<u8", {NpyType::kUint64, 8, "uint64"}},   {"<f4", {NpyType::kFloat32, 4, "float32"}},
      {"<f8", {NpyType::kFloat64, 8, "float64"}},
  };
  return table;
}

/// Says in words what an element type that is not read is.
std::string describe_type(std::string_view code) {
  if (code.size() < 2) return fmt::format("elements of type '{}'", code);
  if (code[0] == '>') return fmt::format("big-endian elements (type '{}')", code);
  switch (code[1]) {
    case 'O': return "Python objects (type '|O')";
    case 'U':
    case 'S':
    case 'a': return fmt::format("text (type '{}')", code);
    case 'c': return fmt::format("complex numbers (type '{}')", code);
    case 'M':
    case 'm': return fmt::format("dates (type '{}')", code);
    case 'V': return fmt::format("raw records (type '{}')", code);
    case 'f': return fmt::format("float{} elements (type '{}')", code == "<f2" ? "16" : "128", code);
    default: return fmt::format("elements of type '{}'", code);
  }
}

/// Reads the Python dictionary that makes up the header: the values of its keys as they are written.
class Header {
 public:
  Header(std::string_view text, const std::string& path) : text_(text), path_(path) {}

  std::string_view value(std::string_view key) const {
    for (const char quote : {'\'', '"'}) {
      const std::string wanted = fmt::format("{0}{1}{0}", quote, key);
      const std::size_t at = text_.find(wanted);
      if (at == std::string_view::npos) continue;
      std::string_view rest = text_.substr(at + wanted.size());
      rest.remove_prefix(std::min(rest.find_first_not_of(" :"), rest.size()));
      if (!rest.empty()) return rest;
    }
    damaged(fmt::format("no '{}'", key));
  }

  std::string_view type() const {
    const std::string_view rest = value("descr");
    if (rest[0] == '[') throw DataError(path_, "holds records with named fields; only plain numbers are read");
    const std::size_t end = rest.find(rest[0], 1);
    if ((rest[0] != '\'' && rest[0] != '"') || end == std::string_view::npos) damaged("no readable 'descr'");
    return rest.substr(1, end - 1);
  }

  bool column_major() const { return value("fortran_order").starts_with("True"); }

  Shape shape() const {
    std::string_view rest = value("shape");
    const std::size_t end = rest.find(')');
    if (rest[0] != '(' || end == std::string_view::npos) damaged("no readable 'shape'");
    rest = rest.substr(1, end - 1);
    Shape shape;
    while (true) {
      rest.remove_prefix(std::min(rest.find_first_not_of(" ,"), rest.size()));
      if (rest.empty()) return shape;
      std::int64_t extent = 0;
      const auto [next, error] = std::from_chars(rest.data(), rest.data() + rest.size(), extent);
      if (error != std::errc() || extent < 0) damaged(fmt::format("extent '{}' in 'shape'", shortened(rest)));
      if (shape.size() == kMostExtents) damaged(fmt::format("more than {} extents in 'shape'", kMostExtents));
      shape.push_back(extent);
      rest.remove_prefix(static_cast<std::size_t>(next - rest.data()));
    }
  }

 private:
  [[noreturn]] void damaged(const std::string& what) const {
    throw DataError(path_, fmt::format("the header of this .npy file is damaged: {}", what));
  }

  std::string_view text_;
  const std::string& path_;
};

/// Finds where the header's text begins and ends.
std::pair<std::size_t, std::size_t> header_range(std::string_view file, const std::string& path) {
  if (file.empty()) throw DataError(path, "is empty");
  if (!file.starts_with(kMagic)) throw DataError(path, "is no .npy file (it does not begin with \\x93NUMPY)");
  if (file.size() < 10) throw DataError(path, "is truncated within the .npy header");
  const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(file[i])); };
  const std::size_t major = byte(6);
  if (major < 1 || major > 3) {
    throw DataError(path, fmt::format("is of .npy format version {}.{}; versions 1 to 3 are read", major, byte(7)));
  }
  const std::size_t begin = major == 1 ? 10 : 12;
  std::size_t length = byte(8) | byte(9) << 8;
  if (major > 1 && file.size() >= begin) length |= byte(10) << 16 | byte(11) << 24;
  if (file.size() < begin || file.size() - begin < length) {
    throw DataError(path, "is truncated within the .npy header");
  }
  return {begin, begin + length};
}

/// Multiplies the extents by the element size; nothing when that exceeds the range, be it before an extent of 0.
std::optional<std::size_t> byte_count(const Shape& shape, std::size_t element_size) {
  auto bytes = static_cast<std::int64_t>(element_size);
  for (const std::int64_t extent : shape) {
    if (__builtin_mul_overflow(bytes, extent, &bytes)) return std::nullopt;
  }
  return static_cast<std::size_t>(bytes);
}

template <typename From, typename To>
std::vector<To> converted(const NpyArray& array) {
  std::vector<To> values(array.bytes.size() / sizeof(From));
  for (std::size_t i = 0; i < values.size(); ++i) {
    From value;
    std::memcpy(&value, array.bytes.data() + i * sizeof(From), sizeof(From));
    values[i] = static_cast<To>(value);
  }
  return values;
}

template <typename To>
std::vector<To> converted(const NpyArray& array) {
  switch (array.type) {
    case NpyType::kBool:
    case NpyType::kUint8: return converted<std::uint8_t, To>(array);
    case NpyType::kInt8: return converted<std::int8_t, To>(array);
    case NpyType::kInt16: return converted<std::int16_t, To>(array);
    case NpyType::kInt32: return converted<std::int32_t, To>(array);
    case NpyType::kInt64: return converted<std::int64_t, To>(array);
    case NpyType::kUint16: return converted<std::uint16_t, To>(array);
    case NpyType::kUint32: return converted<std::uint32_t, To>(array);
    case NpyType::kUint64: return converted<std::uint64_t, To>(array);
    case NpyType::kFloat32: return converted<float, To>(array);
    case NpyType::kFloat64: return converted<double, To>(array);
  }
  throw InternalError("unknown element type of an array");
}

/// Names an element's place: `row 3, column 1`, `row 3`, or `element 7`.
std::string place(const Shape& shape, std::size_t index) {
  if (shape.size() == 1) return fmt::format("row {}", index);
  if (shape.size() != 2) return fmt::format("element {}", index);
  const auto width = static_cast<std::size_t>(shape[1]);
  return fmt::format("row {}, column {}", index / width, index % width);
}

}  // namespace

namespace {

template <typename Number>
constexpr NpyType type_of();
template <>
constexpr NpyType type_of<std::int8_t>() {
  return NpyType::kInt8;
}
template <>
constexpr NpyType type_of<std::int32_t>() {
  return NpyType::kInt32;
}
template <>
constexpr NpyType type_of<std::int64_t>() {
  return NpyType::kInt64;
}
template <>
constexpr NpyType type_of<float>() {
  return NpyType::kFloat32;
}
template <>
constexpr NpyType type_of<double>() {
  return NpyType::kFloat64;
}

/// Prints a shape as Python does: `()`, `(3,)`, `(3, 4)`.
std::string python_shape(const Shape& shape) {
  return fmt::format("({}{})", fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
}

/// Prints the header, its length a multiple of 64 with what stands before it. As numpy.lib.format since 1.24: room for
/// 21 digits of the first extent.
std::string header_text(const NpyArray& array) {
  constexpr std::size_t kAlignment = 64, kBefore = 10, kGrowingDigits = 21;
  const auto type = std::find_if(known_types().begin(), known_types().end(),
                                 [&](const auto& entry) { return entry.second.type == array.type; });
  std::string text =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", type->first, python_shape(array.shape));
  if (!array.shape.empty()) text.append(kGrowingDigits - fmt::to_string(array.shape.front()).size(), ' ');
  text.append(kAlignment - (kBefore + text.size() + 1) % kAlignment, ' ');
  return text + '\n';
}

}  // namespace

template <typename Number>
NpyArray NpyArray::of(Shape shape, std::span<const Number> values) {
  LATHE_CHECK_EQ(element_count(shape), static_cast<std::int64_t>(values.size()));
  const auto bytes = std::as_bytes(values);
  return {.path = {}, .shape = std::move(shape), .type = type_of<Number>(), .bytes = {bytes.begin(), bytes.end()}};
}

template NpyArray NpyArray::of(Shape, std::span<const std::int8_t>);
template NpyArray NpyArray::of(Shape, std::span<const std::int32_t>);
template NpyArray NpyArray::of(Shape, std::span<const std::int64_t>);
template NpyArray NpyArray::of(Shape, std::span<const float>);
template NpyArray NpyArray::of(Shape, std::span<const double>);

std::vector<double> NpyArray::to_doubles() const { return converted<double>(*this); }

std::vector<std::byte> npy_bytes(const NpyArray& array) {
  const std::string header = header_text(array);
  LATHE_CHECK(header.size() < 65536, "{}", to_string(array.shape));
  std::string text(kMagic);
  text += {'\x01', '\x00', static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  text += header;
  const auto start = std::as_bytes(std::span(text));
  std::vector<std::byte> file(start.begin(), start.end());
  file.insert(file.end(), array.bytes.begin(), array.bytes.end());
  return file;
}

std::vector<float> NpyArray::to_floats() const { return converted<float>(*this); }

std::vector<std::int64_t> NpyArray::to_integers(std::string_view cure) const {
  check_memory(static_cast<std::uint64_t>(element_count(shape)), 2 * sizeof(double), path, "its whole numbers");
  if (type != NpyType::kFloat32 && type != NpyType::kFloat64) return converted<std::int64_t>(*this);
  constexpr double kLargest = 9007199254740992.0;  // 2^53: whole numbers are exact up to here
  const std::vector<double> numbers = converted<double>(*this);
  std::vector<std::int64_t> values(numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (!(std::abs(numbers[i]) <= kLargest) || numbers[i] != std::trunc(numbers[i])) {
      throw DataError(path, fmt::format("{}: expected a whole number; got {} (rows and columns count from 0){}{}",
                                        place(shape, i), numbers[i], cure.empty() ? "" : "; ", cure));
    }
    values[i] = static_cast<std::int64_t>(numbers[i]);
  }
  return values;
}

NpyArray parse_npy(std::vector<std::byte> file, const std::string& path) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  const auto [begin, end] = header_range(text, path);
  const Header header(text.substr(begin, end - begin), path);
  const auto type = known_types().find(header.type());
  if (type == known_types().end()) {
    throw DataError(path, fmt::format("holds {}; read are bool, int8 to int64, uint8 to uint64, float32 and float64, "
                                      "little-endian",
                                      describe_type(shortened(header.type()))));
  }
  NpyArray array{.path = path, .shape = header.shape(), .type = type->second.type, .bytes = {}};
  if (array.shape.size() > 1 && header.column_major()) {
    throw DataError(path,
                    "is stored column by column (fortran_order); save it row by row with "
                    "numpy.save(path, numpy.ascontiguousarray(array))");
  }
  const std::optional<std::size_t> expected = byte_count(array.shape, type->second.size);
  const std::size_t present = file.size() - end;
  if (!expected || *expected > present) {
    throw DataError(path, fmt::format("is truncated: {} {} elements need {} bytes after the header; {} are there",
                                      to_string(array.shape), type->second.name,
                                      expected ? fmt::to_string(*expected) : "2^63 or more", present));
  }
  if (*expected < present) {
    throw DataError(path, fmt::format("has {} bytes more than its header says ({} {} elements)", present - *expected,
                                      to_string(array.shape), type->second.name));
  }
  file.erase(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(end));
  array.bytes = std::move(file);
  return array;
}

NpyArray read_npy(const std::filesystem::path& path) { return parse_npy(read_data_file(path), path.string()); }

}  // namespace lathe::data
