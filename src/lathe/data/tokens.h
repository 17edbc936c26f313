#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The byte-level tokeniser: a token is a byte of the text.
namespace lathe::data {

inline constexpr std::int64_t kByteVocabulary = 256;
inline constexpr float kPaddingToken = 0;  ///< fills rows of text that are shorter than the others

/// Appends the tokens of a text to a row of exactly `tokens` numbers: cut, or filled with kPaddingToken.
void append_tokens(std::string_view text, std::int64_t tokens, std::vector<float>& features);

/// Names the tokens for people: `'a'`, or `0x0a` for what cannot be seen.
std::vector<std::string> byte_names();

}  // namespace lathe::data
