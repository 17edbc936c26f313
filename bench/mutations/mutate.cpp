#include "mutate.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>

namespace lathe::mutations {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<const char*, 40> kWords{"0",
                                             "-1",
                                             "1e400",
                                             "-1e400",
                                             "1e308",
                                             "-1e308",
                                             "1e-320",
                                             "nan",
                                             "inf",
                                             "-inf",
                                             "2147483648",
                                             "-2147483649",
                                             "4294967296",
                                             "9223372036854775807",
                                             "9223372036854775808",
                                             "-9223372036854775808",
                                             "18446744073709551615",
                                             "18446744073709551616",
                                             "1000000",
                                             "3.5",
                                             "true",
                                             "null",
                                             "\"\"",
                                             "\"x\"",
                                             "[]",
                                             "{}",
                                             "[[[[[[",
                                             "''",
                                             "?",
                                             "é",
                                             "\xff\xfe",
                                             "\x1b[31m",
                                             "1_000",
                                             "0x10",
                                             "1,5",
                                             "NA",
                                             "-0",
                                             "255",
                                             "256",
                                             "65536"};

bool is_word(char letter) {
  return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         letter == '_' || letter == '.' || letter == '-' || letter == '+';
}

std::uint32_t little(const std::string& text, std::size_t at, int bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < bytes; ++i)
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(text.at(at + i))) << (8 * i);
  return value;
}

void append_little(std::string& text, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 255);
}

// Packs or unpacks with zlib. `window` as zlib's functions take it.
std::string packed(const std::string& content, int window) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, content.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string unpacked(const std::string& content, std::size_t size) {
  z_stream stream{};
  inflateInit2(&stream, -MAX_WBITS);
  std::string out(size, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  return out;
}

// Reads a base-128 number; false where it does not end.
bool read_varint(const std::string& text, std::size_t& at, std::uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && at < text.size(); shift += 7) {
    const auto byte = static_cast<unsigned char>(text[at++]);
    value |= static_cast<std::uint64_t>(byte & 127) << shift;
    if (byte < 128) return true;
  }
  return false;
}

void append_varint(std::string& text, std::uint64_t value) {
  for (; value > 127; value >>= 7) text += static_cast<char>((value & 127) | 128);
  text += static_cast<char>(value);
}

struct Field {
  std::uint64_t key = 0, number = 0;
  std::string content;
};

// Splits a message; false where the bytes are none.
bool read_message(const std::string& text, std::vector<Field>& fields) {
  for (std::size_t at = 0; at < text.size();) {
    Field field;
    if (!read_varint(text, at, field.key) || field.key >> 3 == 0) return false;
    const std::uint64_t kind = field.key & 7;
    if (kind == 0) {
      if (!read_varint(text, at, field.number)) return false;
    } else if (kind == 2) {
      if (!read_varint(text, at, field.number) || field.number > text.size() - at) return false;
      field.content = text.substr(at, field.number);
      at += field.number;
    } else if (kind == 1 || kind == 5) {
      const std::size_t size = kind == 1 ? 8 : 4;
      if (text.size() - at < size) return false;
      field.content = text.substr(at, size);
      at += size;
    } else {
      return false;
    }
    fields.push_back(std::move(field));
  }
  return !fields.empty();
}

std::string write_message(const std::vector<Field>& fields) {
  std::string text;
  for (const Field& field : fields) {
    append_varint(text, field.key);
    if ((field.key & 7) == 0) append_varint(text, field.number);
    if ((field.key & 7) == 2) append_varint(text, field.content.size());
    text += field.content;
  }
  return text;
}

// Lists all values within a document.
void collect(Json& value, std::vector<Json*>& all) {
  all.push_back(&value);
  if (!value.is_structured()) return;
  for (Json& element : value) collect(element, all);
}

}  // namespace

std::string Mutator::hostile_word() { return pick(kWords); }

void Mutator::change_bytes(std::string& input) {
  if (input.empty()) input = "x";
  const std::size_t at = below(input.size());
  const std::size_t length = 1 + below(std::min<std::size_t>(input.size() - at, once_in(4) ? 256 : 8));
  static constexpr std::array<char, 8> kBytes{
      0, 1, 2, 127, static_cast<char>(128), static_cast<char>(254), static_cast<char>(255), ' '};
  switch (below(9)) {
    case 0: input[at] = static_cast<char>(input[at] ^ (1 << below(8))); break;
    case 1: input[at] = pick(kBytes); break;
    case 2: input[at] = static_cast<char>(below(256)); break;
    case 3: input.replace(at, length, length, pick(kBytes)); break;
    case 4: input.erase(at, length); break;
    case 5: input.insert(at, input.substr(below(input.size()), length)); break;
    case 6: input.insert(at, length, static_cast<char>(below(256))); break;
    case 7: input.replace(at, length, input.substr(below(input.size()), length)); break;
    case 8:
      if (once_in(4)) input.resize(at);
      break;
  }
}

std::string Mutator::bytes(std::string input) {
  for (std::uint64_t i = 1 + below(4); i > 0; --i) change_bytes(input);
  return input;
}

void Mutator::change_text(std::string& input) {
  if (input.empty()) input = "x";
  std::size_t begin = below(input.size());
  const std::uint64_t kind = below(8);
  if (kind < 4) {  // a word
    while (begin < input.size() && !is_word(input[begin])) ++begin;
    std::size_t end = begin;
    while (begin > 0 && is_word(input[begin - 1])) --begin;
    while (end < input.size() && is_word(input[end])) ++end;
    input.replace(begin, end - begin, hostile_word());
  } else if (kind == 4) {  // a line
    const std::size_t line = input.rfind('\n', begin) + 1;
    const std::size_t end = std::min(input.find('\n', line), input.size() - 1) + 1;
    const std::string text = input.substr(line, end - line);
    if (once_in(2))
      input.erase(line, end - line);
    else
      input.insert(line, text);
  } else if (kind == 5) {
    static constexpr std::array<const char*, 14> kMarks{"\"", "'", "[", "]", "{",  "}", ",",
                                                        "\n", "=", ".", ";", "\t", "#", "\r"};
    input.insert(begin, pick(kMarks));
  } else if (kind == 6) {
    input.erase(begin, 1 + below(6));
  } else {
    change_bytes(input);
  }
}

// Opens something 100,000 times: what recurses runs out of stack.
void Mutator::nest(std::string& input) {
  static constexpr std::array<std::string_view, 7> kOpening{"[", "{", "a.", "{\"a\":", "(", "[[", "{a="};
  constexpr int kTimes = 100'000;
  const std::string_view opening = pick(kOpening);
  std::string deep;
  for (int i = 0; i < kTimes; ++i) deep += opening;
  input.insert(below(input.size() + 1), deep);
}

std::string Mutator::text(std::string input) {
  for (std::uint64_t i = 1 + below(4); i > 0; --i) change_text(input);
  if (once_in(200)) nest(input);
  return input;
}

Json Mutator::hostile_value() {
  switch (below(12)) {
    case 0: return nullptr;
    case 1: return true;
    case 2: return -1;
    case 3: return std::uint64_t{18446744073709551615U};
    case 4: return std::int64_t{9223372036854775807};
    case 5: return 1e308;
    case 6: return 0.5;
    case 7: return hostile_word();
    case 8: return Json::array();
    case 9: return Json::object();
    case 10: return Json::array({1, "x", nullptr});
    default: return static_cast<std::int64_t>(below(100));
  }
}

Json Mutator::json(Json document) {
  for (std::uint64_t i = 1 + below(3); i > 0; --i) {
    std::vector<Json*> all;
    collect(document, all);
    Json& value = *pick(all);
    const Json other = *pick(all);
    const std::uint64_t kind = below(5);
    if (kind == 0 && value.is_structured() && !value.empty()) {
      auto element = value.begin();
      std::advance(element, static_cast<std::ptrdiff_t>(below(value.size())));
      value.erase(element);
    } else if (kind == 1) {
      value = other;
    } else if (kind == 2 && value.is_array()) {
      value.push_back(other);
    } else if (kind == 3 && value.is_object()) {
      value[hostile_word()] = other;
    } else {
      value = hostile_value();
    }
  }
  return document;
}

std::string Mutator::protobuf(const std::string& input, int depth) {
  std::vector<Field> fields;
  constexpr int kDeepest = 8;
  if (depth > kDeepest || !read_message(input, fields)) return bytes(input);
  Field& field = fields[below(fields.size())];
  const std::uint64_t kind = below(8);
  if (kind == 0) {
    fields.erase(fields.begin() + static_cast<std::ptrdiff_t>(&field - fields.data()));
  } else if (kind == 1) {
    const Field copy = field;
    fields.push_back(copy);
  } else if ((field.key & 7) == 2) {
    field.content = kind == 2 ? hostile_word() : protobuf(field.content, depth + 1);
  } else if ((field.key & 7) == 0) {
    static constexpr std::array<std::uint64_t, 9> kNumbers{
        0, 1, 2, 127, 65536, 2147483648, 9223372036854775807U, 9223372036854775808U, 18446744073709551615U};
    field.number = kind < 6 ? pick(kNumbers) : below(40);
  } else {
    field.content = bytes(field.content);
    field.content.resize((field.key & 7) == 1 ? 8 : 4);
  }
  return write_message(fields);
}

std::vector<ZipMember> read_zip(const std::string& archive) {
  const std::size_t end = archive.rfind("PK\x05\x06");
  if (end == std::string::npos) throw std::runtime_error("the sample is no zip archive");
  std::vector<ZipMember> members;
  std::size_t at = little(archive, end + 16, 4);
  for (std::uint32_t i = little(archive, end + 10, 2); i > 0; --i) {
    const std::uint32_t method = little(archive, at + 10, 2), stored = little(archive, at + 20, 4);
    const std::uint32_t size = little(archive, at + 24, 4), name = little(archive, at + 28, 2);
    const std::uint32_t local = little(archive, at + 42, 4);
    const std::size_t data = local + 30 + little(archive, local + 26, 2) + little(archive, local + 28, 2);
    const std::string content = archive.substr(data, stored);
    members.push_back({archive.substr(at + 46, name), method == 0 ? content : unpacked(content, size)});
    at += 46 + name + little(archive, at + 30, 2) + little(archive, at + 32, 2);
  }
  return members;
}

std::string write_zip(const std::vector<ZipMember>& members, bool deflated) {
  std::string archive, directory;
  for (const ZipMember& member : members) {
    const std::string data = deflated ? packed(member.content, -MAX_WBITS) : member.content;
    std::string shared;
    append_little(shared, 20, 2);
    append_little(shared, 0, 2);
    append_little(shared, deflated ? 8 : 0, 2);
    append_little(shared, 0, 4);
    append_little(
        shared,
        crc32(0, reinterpret_cast<const Bytef*>(member.content.data()), static_cast<uInt>(member.content.size())), 4);
    append_little(shared, data.size(), 4);
    append_little(shared, member.content.size(), 4);
    append_little(shared, member.name.size(), 2);
    append_little(shared, 0, 2);
    directory += "PK\x01\x02";
    append_little(directory, 20, 2);
    directory += shared;
    append_little(directory, 0, 8);
    append_little(directory, 0, 2);
    append_little(directory, archive.size(), 4);
    directory += member.name;
    archive += "PK\x03\x04" + shared + member.name + data;
  }
  const std::size_t begin = archive.size();
  archive += directory + "PK\x05\x06";
  append_little(archive, 0, 4);
  append_little(archive, members.size(), 2);
  append_little(archive, members.size(), 2);
  append_little(archive, directory.size(), 4);
  append_little(archive, begin, 4);
  append_little(archive, 0, 2);
  return archive;
}

std::string gzip(const std::string& content) { return packed(content, MAX_WBITS + 16); }

}  // namespace lathe::mutations
