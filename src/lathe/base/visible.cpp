#include "lathe/base/visible.h"

#include <fmt/format.h>

#include <cstdint>

namespace lathe {
namespace {

// Returns the bytes of the code point that the text begins with, and the code point; 0 bytes where it is no UTF-8.
std::pair<std::size_t, char32_t> first_code_point(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {1, first};
  const std::size_t size = first >= 0xF5 ? 0 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
  if (size == 0 || text.size() < size) return {0, 0};
  char32_t code = first & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {0, 0};
    code = code << 6 | (byte(i) & 0x3FU);
  }
  const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  if (overlong || (code >= 0xD800 && code < 0xE000) || code > 0x10FFFF) return {0, 0};
  return {size, code};
}

bool is_control(char32_t code) { return code < 0x20 || (code >= 0x7F && code < 0xA0); }

// Marks that turn the direction of the text behind them, and separators of lines.
bool turns_text(char32_t code) {
  return (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0x200E || code == 0x200F ||
         code == 0x2028 || code == 0x2029;
}

std::string written_out(std::string_view text, bool one_line) {
  std::string shown;
  for (std::size_t at = 0; at < text.size();) {
    const auto [size, code] = first_code_point(text.substr(at));
    if (size == 0) {
      shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[at++]));
      continue;
    }
    const bool blank = code == '\n' || code == '\t';
    if (blank && one_line) {
      shown += code == '\n' ? "\\n" : "\\t";
    } else if (!blank && (is_control(code) || turns_text(code))) {
      shown += code < 0x20 ? fmt::format("\\x{:02x}", static_cast<std::uint32_t>(code))
                           : fmt::format("\\u{:04x}", static_cast<std::uint32_t>(code));
    } else {
      shown += text.substr(at, size);
    }
    at += size;
  }
  return shown;
}

}  // namespace

std::string visible(std::string_view text) { return written_out(text, false); }

std::string visible_line(std::string_view text) { return written_out(text, true); }

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = first_code_point(text).first;
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace lathe
