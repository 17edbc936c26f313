#include "lathe/data/tokens.h"

#include <fmt/format.h>

namespace lathe::data {

void append_tokens(std::string_view text, std::int64_t tokens, std::vector<float>& features) {
  for (const char letter : text.substr(0, static_cast<std::size_t>(tokens)))
    features.push_back(static_cast<float>(static_cast<unsigned char>(letter)));
  for (auto i = static_cast<std::int64_t>(text.size()); i < tokens; ++i) features.push_back(kPaddingToken);
}

std::vector<std::string> byte_names() {
  std::vector<std::string> names;
  for (int byte = 0; byte < kByteVocabulary; ++byte) {
    const bool seen = byte > ' ' && byte < 127;
    names.push_back(seen ? fmt::format("'{}'", static_cast<char>(byte)) : fmt::format("0x{:02x}", byte));
  }
  return names;
}

}  // namespace lathe::data
